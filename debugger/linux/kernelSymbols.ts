/**
 * Symbols by address and by name: the kernel's table, with those of loaded modules in front.
 */
import type { KallsymsTable } from './kallsyms';

export interface KernelSymbol {
  readonly name: string;
  readonly address: bigint;
  /** Bytes to the next symbol; 0 for the last. */
  readonly size: bigint;
  /** `nm`'s letter. */
  readonly kind: string;
}

export class KernelSymbols {
  private byName: Map<string, number> | undefined;
  /** In front of these are addresses in the per-CPU area and other numbers that are no addresses. */
  private readonly first: number;

  constructor(private readonly table: KallsymsTable, isAddress: (address: bigint) => boolean) {
    const first = table.addresses.findIndex(isAddress);
    this.first = first < 0 ? table.addresses.length : first;
  }

  get count(): number {
    return this.table.names.length;
  }

  /** The symbol that an address is in or behind; of several at one address the first global one. */
  at(address: bigint): KernelSymbol | undefined {
    const { addresses, kinds } = this.table;
    const after = this.firstAbove(address);
    if (after <= this.first) return undefined;
    let index = after - 1;
    for (let other = index; other >= this.first && addresses[other] === addresses[index]; other--) {
      const isBetter = isGlobal(kinds[other]) || !isGlobal(kinds[index]);
      if (isBetter) index = other;
    }
    return this.symbol(index, after);
  }

  named(name: string): KernelSymbol | undefined {
    this.byName ??= this.index();
    const index = this.byName.get(name);
    return index === undefined ? undefined : this.symbol(index, this.firstAbove(this.table.addresses[index]));
  }

  /** The value of a symbol that must be there for what the caller does; undefined when it is not. */
  address(name: string): bigint | undefined {
    return this.named(name)?.address;
  }

  /** Up to `most` names that begin so, in any case. */
  startingWith(start: string, most: number): string[] {
    const wanted = start.toLowerCase();
    const found: string[] = [];
    for (const name of this.table.names) {
      if (found.length >= most) break;
      if (name.toLowerCase().startsWith(wanted)) found.push(name);
    }
    return found;
  }

  private index(): Map<string, number> {
    const { names } = this.table;
    const byName = new Map<string, number>();
    for (let i = names.length - 1; i >= 0; i--) byName.set(names[i], i);
    return byName;
  }

  private symbol(index: number, after: number): KernelSymbol {
    const { addresses, names, kinds } = this.table;
    const next = after < addresses.length ? addresses[after] : addresses[index];
    return { name: names[index], address: addresses[index], size: next - addresses[index], kind: kinds[index] };
  }

  private firstAbove(address: bigint): number {
    const { addresses } = this.table;
    let low = 0, high = addresses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (addresses[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isGlobal(kind: string): boolean {
  return kind !== kind.toLowerCase();
}

/** Whether `nm`'s letter means code. */
export function isCode(kind: string): boolean {
  return /^[tTwW]$/.test(kind);
}
