/**
 * Reads ACPI and MP tables as an operating system does: from memory, by signatures and addresses. It shares no code with
 * what writes them.
 */
import assert from 'node:assert/strict';

/** A piece of guest-physical memory. */
export interface Area {
  readonly base: number;
  readonly bytes: Uint8Array;
}

export function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) % 256;
  return sum;
}

/** Bytes at an address, which must lie in one of the areas. */
export function at(areas: readonly Area[], address: number, count: number): DataView {
  const area = areas.find(({ base, bytes }) => address >= base && address + count <= base + bytes.length);
  assert.ok(area, `nothing at ${address.toString(16)}`);
  return new DataView(area.bytes.buffer, area.bytes.byteOffset + address - area.base, count);
}

export function textOf(view: DataView, offset: number, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += String.fromCharCode(view.getUint8(offset + i));
  return text;
}

export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Searches a signature on 16-byte borders, as the specifications say. */
export function search(area: Area, signature: string): number {
  for (let offset = 0; offset + signature.length <= area.bytes.length; offset += 16) {
    const found = String.fromCharCode(...area.bytes.subarray(offset, offset + signature.length));
    if (found === signature) return area.base + offset;
  }
  assert.fail(`no ${signature}`);
}

/** A table with a standard header: its checksum is right. */
export function tableAt(areas: readonly Area[], address: number): { signature: string; view: DataView } {
  const header = at(areas, address, 36);
  const view = at(areas, address, header.getUint32(4, true));
  const signature = textOf(view, 0, 4);
  assert.equal(sumOf(bytesOf(view)), 0, `checksum of ${signature}`);
  return { signature, view };
}

/** All tables that the RSDP leads to, by signature: those of the XSDT, and the DSDT behind the FADT. */
export function acpiTables(areas: readonly Area[], rsdp: number): Map<string, DataView> {
  const pointer = at(areas, rsdp, 36);
  assert.equal(textOf(pointer, 0, 8), 'RSD PTR ');
  assert.equal(sumOf(bytesOf(at(areas, rsdp, 20))), 0, 'checksum of ACPI 1.0');
  assert.equal(sumOf(bytesOf(pointer)), 0, 'extended checksum');
  assert.equal(pointer.getUint8(15), 2);
  assert.equal(pointer.getUint32(20, true), 36);
  const rsdt = tableAt(areas, pointer.getUint32(16, true));
  const xsdt = tableAt(areas, Number(pointer.getBigUint64(24, true)));
  assert.deepEqual([rsdt.signature, xsdt.signature], ['RSDT', 'XSDT']);
  const short = Array.from({ length: (rsdt.view.byteLength - 36) / 4 }, (_, i) => rsdt.view.getUint32(36 + 4 * i, true));
  const long = Array.from({ length: (xsdt.view.byteLength - 36) / 8 }, (_, i) => Number(xsdt.view.getBigUint64(36 + 8 * i, true)));
  assert.deepEqual(short, long, 'both roots list the same tables');
  const tables = new Map(long.map((address) => {
    const { signature, view } = tableAt(areas, address);
    return [signature, view] as const;
  }));
  const fadt = tables.get('FACP');
  assert.ok(fadt);
  const dsdt = tableAt(areas, Number(fadt.getBigUint64(140, true)));
  assert.equal(dsdt.signature, 'DSDT');
  assert.equal(fadt.getUint32(40, true), Number(fadt.getBigUint64(140, true)));
  tables.set('DSDT', dsdt.view);
  return tables;
}

/** Entries of the form type, length, ... that fill a view from an offset on. */
export function entriesOf(view: DataView, first: number): { type: number; view: DataView }[] {
  const entries: { type: number; view: DataView }[] = [];
  for (let offset = first; offset < view.byteLength;) {
    const length = view.getUint8(offset + 1);
    assert.ok(length >= 2 && offset + length <= view.byteLength, 'an entry ends inside its table');
    entries.push({ type: view.getUint8(offset), view: new DataView(view.buffer, view.byteOffset + offset, length) });
    offset += length;
  }
  return entries;
}

/** What a reader of AML needs to know of the terms that may stand in our DSDT. */
export type AmlValue = number | string | Uint8Array | AmlValue[];

/** Names in the namespace with their values; scopes and devices are there with an undefined value. */
export class AmlReader {
  readonly names = new Map<string, AmlValue | undefined>();
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.terms('', bytes.length);
    assert.equal(this.at, bytes.length);
  }

  private next(): number {
    assert.ok(this.at < this.bytes.length, 'AML ends early');
    return this.bytes[this.at++];
  }

  /** End of a package whose length comes next. */
  private end(): number {
    const start = this.at;
    const lead = this.next();
    const more = lead >> 6;
    let length = more === 0 ? lead & 0x3f : lead & 0x0f;
    for (let i = 0; i < more; i++) length |= this.next() << (4 + 8 * i);
    return start + length;
  }

  private segment(): string {
    return String.fromCharCode(this.next(), this.next(), this.next(), this.next());
  }

  private path(scope: string): string {
    let prefix = scope;
    if (this.bytes[this.at] === 0x5c) {
      this.at++;
      prefix = '';
    }
    const lead = this.bytes[this.at];
    let count = 1;
    if (lead === 0x2e) {
      this.at++;
      count = 2;
    } else if (lead === 0x2f) {
      this.at++;
      count = this.next();
    }
    const segments = Array.from({ length: count }, () => this.segment());
    return [...(prefix === '' ? [] : [prefix]), ...segments].join('.');
  }

  private terms(scope: string, end: number): void {
    while (this.at < end) this.term(scope);
    assert.equal(this.at, end, 'a package ends where its terms end');
  }

  private term(scope: string): void {
    const op = this.next();
    const extended = op === 0x5b ? this.next() : 0;
    if (op === 0x10 || extended === 0x82) {
      const end = this.end();
      const path = this.path(scope);
      this.names.set(path, undefined);
      this.terms(path, end);
    } else if (op === 0x08) {
      const path = this.path(scope);
      this.names.set(path, this.value());
    } else if (op === 0x14) {
      const end = this.end();
      const path = this.path(scope);
      this.names.set(path, this.bytes.slice(this.at, end));
      this.at = end;
    } else if (op === 0x8a) {
      this.value();
      this.value();
      this.names.set(this.path(scope), undefined);
    } else if (extended === 0x80) {
      const path = this.path(scope);
      this.names.set(path, [this.next(), this.value(), this.value()]);
    } else if (extended === 0x81) {
      const end = this.end();
      this.path(scope);
      assert.equal(this.next(), 0x01, 'byte accesses');
      // Each field: its name, and its width in bits in the form of a package length.
      while (this.at < end) {
        const field = `${scope}.${this.segment()}`;
        this.names.set(field, this.next());
      }
    } else assert.fail(`unexpected AML ${op.toString(16)} at ${this.at}`);
  }

  private little(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value += this.next() * 2 ** (8 * i);
    return value;
  }

  private value(): AmlValue {
    const op = this.next();
    if (op === 0x5f || (op >= 0x41 && op <= 0x5a)) {
      this.at--;
      return this.segment();
    }
    switch (op) {
      case 0x00:
      case 0x01:
        return op;
      case 0x0a:
        return this.little(1);
      case 0x0b:
        return this.little(2);
      case 0x0c:
        return this.little(4);
      case 0x0d: {
        const start = this.at;
        while (this.next() !== 0);
        return String.fromCharCode(...this.bytes.subarray(start, this.at - 1));
      }
      case 0x11: {
        const end = this.end();
        const size = this.value();
        assert.equal(size, end - this.at, 'a buffer has its size');
        const contents = this.bytes.slice(this.at, end);
        this.at = end;
        return contents;
      }
      case 0x12: {
        const end = this.end();
        const count = this.next();
        const elements = Array.from({ length: count }, () => this.value());
        assert.equal(this.at, end);
        return elements;
      }
      default:
        return assert.fail(`unexpected AML value ${op.toString(16)}`);
    }
  }
}
