// Names in PE/COFF files: the COFF symbol table, and what an image exports ('PE Format', COFF Symbol Table, The .edata Section).

import type { ByteReader } from "./bytes";
import { SHF, STB, STT } from "./elf";
import type { ElfSection, ElfSymbol, Machine } from "./elf";
import { COFF_SYMBOL, shortName } from "./pe";
import type { PeDirectory, PeFile } from "./pe";

/** IMAGE_SYM_CLASS values. */
const CLASS = { EXTERNAL: 2, STATIC: 3, LABEL: 6, WEAK_EXTERNAL: 105 } as const;
const FUNCTION_TYPE = 0x20;
const DERIVED_TYPE_MASK = 0x30;

/** On the 386, compilers put an underscore before every name of C. */
function plainName(name: string, machine: Machine): string {
  return machine === "386" ? name.replace(/^_/, "") : name;
}

/** Reads the symbols that name addresses. `strings` has names of more than eight characters. Throws `SymbolFileError` where the table is broken. */
export function readCoffSymbols(reader: ByteReader, strings: ByteReader, sections: readonly ElfSection[], machine: Machine): ElfSymbol[] {
  const symbols: ElfSymbol[] = [];
  while (reader.remaining >= COFF_SYMBOL) {
    const name = readName(reader, strings);
    const value = reader.u32();
    const sectionIndex = reader.u16();
    const type = reader.u16();
    const storage = reader.u8();
    const auxiliary = reader.u8();
    reader.skip(Math.min(auxiliary * COFF_SYMBOL, reader.remaining));
    const section = sectionIndex === 0 ? undefined : sections[sectionIndex];
    const isSectionName = storage === CLASS.STATIC && value === 0 && auxiliary > 0;
    if (section === undefined || (section.flags & SHF.ALLOC) === 0 || isSectionName) continue;
    if (storage !== CLASS.EXTERNAL && storage !== CLASS.STATIC && storage !== CLASS.LABEL && storage !== CLASS.WEAK_EXTERNAL) continue;
    symbols.push({
      name: plainName(name, machine), value: section.address + BigInt(value), size: 0n, sectionIndex,
      type: (type & DERIVED_TYPE_MASK) === FUNCTION_TYPE ? STT.FUNC : STT.NOTYPE,
      binding: storage === CLASS.EXTERNAL ? STB.GLOBAL : storage === CLASS.WEAK_EXTERNAL ? STB.WEAK : STB.LOCAL,
    });
  }
  return symbols;
}

function readName(reader: ByteReader, strings: ByteReader): string {
  const bytes = reader.take(8);
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) return shortName(bytes);
  strings.seek(new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(4, true));
  return strings.text();
}

/** Names that an image exports. Those that stand for another image's are left out. */
export function readExports(at: (address: number) => ByteReader, directory: PeDirectory, image: Pick<PeFile, "imageBase" | "sections" | "machine">): ElfSymbol[] {
  const table = at(directory.address);
  table.skip(20);
  const functionCount = table.u32();
  const nameCount = table.u32();
  const [functions, names, ordinals] = [table.u32(), table.u32(), table.u32()];
  if (nameCount === 0) return [];
  const nameTable = at(names);
  const ordinalTable = at(ordinals);
  const functionTable = at(functions);
  if (nameCount * 4 > nameTable.remaining) nameTable.fail(`a table of ${nameCount} exported names is larger than its section`);
  return Array.from({ length: nameCount }, (): ElfSymbol | undefined => {
    const name = at(nameTable.u32()).text();
    const ordinal = ordinalTable.u16();
    if (ordinal >= functionCount) ordinalTable.fail(`exported name '${name}' has number ${ordinal}, of ${functionCount}`);
    functionTable.seek(functions + ordinal * 4);
    const address = functionTable.u32();
    if (address >= directory.address && address < directory.address + directory.size) return undefined;
    const value = image.imageBase + BigInt(address);
    const section = image.sections.find(candidate => candidate.index > 0 && candidate.address <= value && value < candidate.address + BigInt(candidate.size));
    if (section === undefined) return undefined;
    const type = (section.flags & SHF.EXECINSTR) !== 0 ? STT.FUNC : STT.OBJECT;
    return { name: plainName(name, image.machine), value, size: 0n, type, binding: STB.GLOBAL, sectionIndex: section.index };
  }).filter(symbol => symbol !== undefined);
}
