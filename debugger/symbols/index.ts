// What the rest of the debug adapter may use of the symbol reader.

export { SymbolFileError } from "./bytes";
export type { ReadMemory, RegisterValues, UnwoundFrame } from "./cfi";
export type { ByteSource } from "./byte-source";
export type { Inflate, Machine, Unpackers } from "./elf";
export { openSymbols, symbolFormat } from "./symbol-files";
export type { OpenedSymbols, SymbolFiles } from "./symbol-files";
export { evaluateLocation } from "./expression";
export type { EvaluationContext, ExpressionUnit, Location, Piece } from "./expression";
export { formatValue, valueText } from "./format";
export type { DisplayNode, FormatOptions } from "./format";
export type { FunctionInfo, ScopeBlock, ScopeFrame } from "./functions";
export type { AddressRange } from "./intervals";
export { matchPaths, normalisePath } from "./paths";
export { dwarfRegisterName, dwarfRegisterNumber } from "./registers";
export { SymbolTable } from "./symbol-table";
export type { LinePosition, NamedSymbol, SymbolPosition, SymbolTableOptions } from "./symbol-table";
export { memberNamed, sizeOf, stripType, typeName } from "./types";
export type { ArrayType, BaseType, EnumType, Member, PointerType, RecordType, SubroutineType, Type } from "./types";
export { byteValue, memoryValue, partOf, readBits, valueAt } from "./values";
export type { ValueReaders, ValueSource } from "./values";
export type { FrameContext, SourcePosition, Variable } from "./variables";
