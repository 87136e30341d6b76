// Lists of names as `nm` prints them: a kernel's System.map, what /proc/kallsyms holds. An address, a letter, a name in each line.

import { SymbolFileError } from "./bytes";
import type { SourceFile } from "./byte-source";
import { SHF, STB, STT } from "./elf";
import type { ElfSection, ElfSymbol, Machine } from "./elf";
import type { ObjectFile } from "./object-file";

/** Address, size (with `nm -S`), letter, name; the module's name in brackets that kallsyms adds is left out. */
const LINE = /^([0-9a-fA-F]{8}|[0-9a-fA-F]{16})\s+(?:([0-9a-fA-F]{8}|[0-9a-fA-F]{16})\s+)?([A-Za-z?-])\s+(\S+)/;
const UNDEFINED = /^\s*[Uwv]\s+\S/;
const CODE_LETTERS = /[tTwWi]/;
/** Symbols that are no addresses: absolute values, debugging symbols, undefined ones. */
const NO_ADDRESS = /[aAN?U-]/;
/** How far the last name reaches. */
const LAST_REACH = 0x1000n;
const PROBE_BYTES = 4096;

/** Whether a file's beginning looks like a list of names. */
export function isNamesFile(start: Uint8Array): boolean {
  const [first = ""] = new TextDecoder().decode(start.subarray(0, PROBE_BYTES)).split(/\r?\n/).filter(line => line.trim() !== "");
  return LINE.test(first) || UNDEFINED.test(first);
}

/**
 * Reads a list of names.
 * @throws SymbolFileError naming the first line that is none, and for lists without addresses
 */
export function openNamesFile(file: SourceFile): ObjectFile {
  const symbols: ElfSymbol[] = [];
  let digits = 0;
  new TextDecoder().decode(file.bytes(0, file.size)).split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === "" || UNDEFINED.test(line)) return;
    const found = LINE.exec(line);
    if (found === null) throw new SymbolFileError(`line ${index + 1} is not 'address letter name', as nm and System.map have it`, file.name);
    const [, address, size, letter, name] = found;
    digits = Math.max(digits, address.length);
    if (NO_ADDRESS.test(letter)) return;
    symbols.push({
      name, value: BigInt(`0x${address}`), size: size === undefined ? 0n : BigInt(`0x${size}`),
      type: CODE_LETTERS.test(letter) ? STT.FUNC : STT.OBJECT, binding: letter === letter.toUpperCase() ? STB.GLOBAL : STB.LOCAL, sectionIndex: 1,
    });
  });
  if (symbols.length === 0) file.fail("a list of names without any that has an address");
  if (symbols.every(({ value }) => value === 0n)) file.fail("all addresses are 0: /proc/kallsyms shows them to root alone; copy it as root");
  return namesObject(file, symbols, digits > 8 ? "x86-64" : "386");
}

function namesObject(file: SourceFile, symbols: readonly ElfSymbol[], machine: Machine): ObjectFile {
  let low = symbols[0].value;
  let high = low;
  for (const { value, size } of symbols) {
    if (value < low) low = value;
    if (value + size > high) high = value + size;
  }
  const all: ElfSection = {
    index: 1, name: "(names)", type: 1, flags: SHF.ALLOC | SHF.EXECINSTR, address: low, offset: 0, size: Number(high + LAST_REACH - low), link: 0,
  };
  const none: ElfSection = { index: 0, name: "", type: 0, flags: 0, address: 0n, offset: 0, size: 0, link: 0 };
  return {
    name: file.name, format: "list of names", machine, entry: 0n, sections: [none, all],
    section: () => undefined, symbols: () => symbols,
    debugSection: () => undefined, debugSectionSize: () => undefined,
    debugSectionPart: () => new Uint8Array(0),
  };
}
