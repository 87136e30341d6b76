// The symbols of an ELF file by address and by name: what is left to go by where there is no DWARF.

import { isNamed } from "./demangle";
import { SHF, SHN, STB, STT } from "./elf";
import type { ElfSection, ElfSymbol } from "./elf";
import type { ObjectFile } from "./object-file";
import { compareAddresses, lastAtOrBelow } from "./intervals";
import type { AddressRange } from "./intervals";

/** A symbol that names an address of the program. Addresses are file addresses. */
export interface AddressSymbol extends AddressRange {
  readonly name: string;
  /** In bytes; 0 for labels, whose `end` is then where the next symbol or the section's end is. */
  readonly size: bigint;
  readonly isFunction: boolean;
}

const TYPES_WITH_ADDRESS: ReadonlySet<number> = new Set([STT.NOTYPE, STT.OBJECT, STT.FUNC, STT.GNU_IFUNC]);
/** How far back a search goes for a large symbol that holds smaller ones. */
const NESTING_SEARCH = 64;

function namesAddress(symbol: ElfSymbol): boolean {
  return symbol.name !== "" && symbol.sectionIndex !== SHN.UNDEF && TYPES_WITH_ADDRESS.has(symbol.type);
}

/** Which of several symbols at one address names it best: typed before label, sized, global before weak before local. */
function rank(symbol: ElfSymbol): number {
  const typed = symbol.type === STT.NOTYPE ? 0 : 8;
  const sized = symbol.size > 0n ? 4 : 0;
  const binding = symbol.binding === STB.GLOBAL ? 2 : symbol.binding === STB.WEAK ? 1 : 0;
  return typed + sized + binding;
}

/** Read-only; sorted when first asked. */
export class ElfSymbols {
  private sorted: readonly AddressSymbol[] | undefined;
  private names: Map<string, AddressSymbol[]> | undefined;
  private readonly readable = new Map<string, readonly AddressSymbol[]>();

  constructor(private readonly elf: Pick<ObjectFile, "sections" | "symbols">) {}

  /** The symbol that an address is in: the innermost sized one that holds it, else the label before it in its section. */
  at(address: bigint): AddressSymbol | undefined {
    return this.find(address, () => true);
  }

  /** The function that an address is in, by symbol type, or by label where code has only labels (hand-written assembly). */
  functionAt(address: bigint): AddressSymbol | undefined {
    return this.find(address, symbol => symbol.isFunction);
  }

  /** All symbols of that name. */
  named(name: string): readonly AddressSymbol[] {
    const exact = this.indexed(name).filter(symbol => symbol.name === name);
    return exact.length === 0 && name.includes("::") ? this.readablyNamed(name) : exact;
  }

  /** Those of C++ and Rust whose readable name it is, with or without parameters. */
  private readablyNamed(name: string): readonly AddressSymbol[] {
    let found = this.readable.get(name);
    if (found === undefined) {
      found = this.all().filter(symbol => isNamed(symbol.name, name));
      this.readable.set(name, found);
    }
    return found;
  }

  /** The functions of that name, and what compilers made of them under longer names: `name.cold`, `name.constprop.0`. */
  functionsMadeOf(name: string): readonly AddressSymbol[] {
    return this.indexed(name).filter(symbol => symbol.isFunction);
  }

  private indexed(name: string): readonly AddressSymbol[] {
    if (this.names === undefined) {
      this.names = new Map();
      for (const symbol of this.all()) {
        note(this.names, symbol.name, symbol);
        const dot = symbol.name.indexOf(".", 1);
        if (dot > 0 && symbol.isFunction) note(this.names, symbol.name.slice(0, dot), symbol);
      }
    }
    return this.names.get(name) ?? [];
  }

  /** By rising address; at one address the best name last. */
  all(): readonly AddressSymbol[] {
    this.sorted ??= this.sort();
    return this.sorted;
  }

  private find(address: bigint, wanted: (symbol: AddressSymbol) => boolean): AddressSymbol | undefined {
    const symbols = this.all();
    let label: AddressSymbol | undefined;
    let i = lastAtOrBelow(symbols, address, symbol => symbol.start);
    for (let tries = 0; i >= 0 && tries < NESTING_SEARCH; i--) {
      const symbol = symbols[i];
      if (!wanted(symbol)) continue;
      tries++;
      if (address >= symbol.end) continue;
      if (symbol.size > 0n) return label !== undefined && label.start > symbol.start && !symbol.isFunction ? label : symbol;
      label ??= symbol;
    }
    return label;
  }

  private sort(): AddressSymbol[] {
    const chosen = this.elf.symbols().filter(namesAddress);
    chosen.sort((a, b) => compareAddresses(a.value, b.value) || rank(a) - rank(b));
    const result: AddressSymbol[] = [];
    // Backwards, so that what follows is known when a label's end is wanted.
    let following: bigint | undefined;
    let followingPlain: bigint | undefined;
    for (let i = chosen.length - 1; i >= 0; i--) {
      const symbol = chosen[i];
      const isLocal = isLocalLabel(symbol);
      result.push(this.placed(symbol, isLocal ? following : followingPlain));
      if (i > 0 && chosen[i - 1].value === symbol.value) continue;
      following = symbol.value;
      if (!isLocal) followingPlain = symbol.value;
    }
    return result.reverse();
  }

  private placed(symbol: ElfSymbol, following: bigint | undefined): AddressSymbol {
    const section: ElfSection | undefined = this.elf.sections[symbol.sectionIndex];
    const sectionEnd = section === undefined ? symbol.value + 1n : section.address + BigInt(section.size);
    const isCode = section !== undefined && (section.flags & SHF.EXECINSTR) !== 0;
    const isCodeLabel = symbol.type === STT.NOTYPE && isCode && !isLocalLabel(symbol);
    const labelEnd = following !== undefined && following < sectionEnd ? following : sectionEnd;
    return {
      name: symbol.name, start: symbol.value, size: symbol.size,
      end: symbol.size > 0n ? symbol.value + symbol.size : labelEnd,
      isFunction: symbol.type === STT.FUNC || symbol.type === STT.GNU_IFUNC || isCodeLabel,
    };
  }
}

function note(names: Map<string, AddressSymbol[]>, name: string, symbol: AddressSymbol): void {
  const same = names.get(name);
  if (same === undefined) names.set(name, [symbol]);
  else same.push(symbol);
}

/** NASM's local labels are `function.label`: they divide a function, they do not begin one. */
function isLocalLabel(symbol: ElfSymbol): boolean {
  return symbol.type === STT.NOTYPE && symbol.name.includes(".");
}
