/** The kernel's symbol table in every layout that kernels of 4.x to 6.x have had, built here as scripts/kallsyms.c does. */
import assert from 'node:assert/strict';
import { findTokens, readKallsyms, type KallsymsTable } from '../../../debugger/linux/kallsyms';

interface Layout {
  readonly pointerBytes: 4 | 8;
  readonly addresses: 'absolute' | 'relative' | 'absolute per-CPU';
  /** Since 6.4 the addresses are behind the tokens. */
  readonly behind?: boolean;
  /** Before 4.20 markers are as long as pointers. */
  readonly markerBytes?: 4 | 8;
  /** 6.2 and 6.3: three bytes for each symbol between markers and tokens. */
  readonly sequences?: boolean;
}

const COUNT = 5000;
const BASE_64 = 0xffff_ffff_8100_0000n, BASE_32 = 0xc100_0000n;
/** Frequent pieces of names, which get tokens of their own where no character needs the number. */
const PIECES = ['sys_', 'init', 'kernel_', 'get_', '_page'];

function symbols({ pointerBytes, addresses }: Layout): { name: string; kind: string; address: bigint }[] {
  const base = pointerBytes === 8 ? BASE_64 : BASE_32;
  return Array.from({ length: COUNT }, (_, i) => {
    if (addresses === 'absolute per-CPU' && i < 10) return { name: `cpu_variable${i}`, kind: 'A', address: BigInt(i * 64) };
    const long = i === 4000 ? `_Z${'long'.repeat(45)}` : '';
    return { name: `${PIECES[i % PIECES.length]}function_${i}${long}`, kind: i % 3 === 0 ? 'T' : 't', address: base + BigInt(i * 48) };
  });
}

/** The image of a kernel with such a table in the middle of other bytes. */
function imageOf(layout: Layout): { bytes: Uint8Array; wanted: ReturnType<typeof symbols> } {
  const { pointerBytes, markerBytes = 4, behind = false, sequences = false } = layout;
  const wanted = symbols(layout);
  const base = pointerBytes === 8 ? BASE_64 : BASE_32;
  const tokens = Array.from({ length: 256 }, (_, i) => (i >= 0x80 && i < 0x80 + PIECES.length ? PIECES[i - 0x80] : /[\w.$]/.test(String.fromCharCode(i)) && i < 0x80 ? String.fromCharCode(i) : ''));
  const bytes: number[] = [];
  const number = (value: bigint | number, size: number): void => {
    for (let i = 0n; i < BigInt(size); i++) bytes.push(Number((BigInt.asUintN(64, BigInt(value)) >> (8n * i)) & 0xffn));
  };
  const align = (): void => {
    while (bytes.length % pointerBytes !== 0) bytes.push(0);
  };
  const addresses = (): void => {
    align();
    if (layout.addresses === 'absolute') {
      for (const { address } of wanted) number(address, pointerBytes);
      return;
    }
    for (const { address } of wanted) number(layout.addresses === 'relative' ? address - base : address < 0x1_0000n ? address : base - 1n - address, 4);
    align();
    number(base, pointerBytes);
  };
  // Digits and zeros that are no table.
  for (const character of 'version 0\0 1\0 2\0 0\x001\x002\x003\0') bytes.push(character.charCodeAt(0));
  for (let i = 0; i < 3000; i++) bytes.push((i * 7919) & 0xff);
  if (!behind) addresses();
  align();
  number(COUNT, 4);
  align();
  const start = bytes.length;
  const markers: number[] = [];
  for (const [i, { name, kind }] of wanted.entries()) {
    if (i % 256 === 0) markers.push(bytes.length - start);
    const piece = PIECES.findIndex((text) => name.startsWith(text));
    const rest = piece < 0 ? name : name.slice(PIECES[piece].length);
    const coded = [kind.charCodeAt(0), ...(piece < 0 ? [] : [0x80 + piece]), ...[...rest].map((character) => character.charCodeAt(0))];
    if (coded.length >= 0x80) bytes.push((coded.length & 0x7f) | 0x80, coded.length >> 7);
    else bytes.push(coded.length);
    for (const byte of coded) bytes.push(byte);
  }
  align();
  for (const marker of markers) number(marker, markerBytes);
  align();
  if (sequences) for (let i = 0; i < COUNT; i++) bytes.push(i >> 16, (i >> 8) & 0xff, i & 0xff);
  align();
  const offsets: number[] = [];
  const table = bytes.length;
  for (const token of tokens) {
    offsets.push(bytes.length - table);
    for (const character of token) bytes.push(character.charCodeAt(0));
    bytes.push(0);
  }
  align();
  for (const offset of offsets) number(offset, 2);
  if (behind) addresses();
  align();
  for (let i = 0; i < 1000; i++) bytes.push((i * 31) & 0xff);
  return { bytes: Uint8Array.from(bytes), wanted };
}

function read(bytes: Uint8Array, pointerBytes: 4 | 8): KallsymsTable | undefined {
  const image = { bytes, pointerBytes };
  const tokens = findTokens(image);
  return tokens && readKallsyms(image, tokens);
}

const LAYOUTS: readonly (readonly [string, Layout])[] = [
  ['4.4, 64 bits: whole addresses, long markers', { pointerBytes: 8, addresses: 'absolute', markerBytes: 8 }],
  ['4.4, 32 bits: whole addresses', { pointerBytes: 4, addresses: 'absolute' }],
  ['4.19, 64 bits: offsets, long markers', { pointerBytes: 8, addresses: 'absolute per-CPU', markerBytes: 8 }],
  ['6.1, 64 bits', { pointerBytes: 8, addresses: 'absolute per-CPU' }],
  ['6.1, 32 bits', { pointerBytes: 4, addresses: 'relative' }],
  ['6.2, 64 bits: with sequence numbers', { pointerBytes: 8, addresses: 'absolute per-CPU', sequences: true }],
  ['6.6, 64 bits: addresses behind the tokens', { pointerBytes: 8, addresses: 'absolute per-CPU', behind: true }],
  ['6.6, 32 bits: addresses behind the tokens', { pointerBytes: 4, addresses: 'relative', behind: true }],
];

describe("the kernel's symbol table in memory", () => {
  for (const [title, layout] of LAYOUTS) {
    it(`is read as Linux ${title}`, () => {
      const { bytes, wanted } = imageOf(layout);
      const table = read(bytes, layout.pointerBytes);
      assert.ok(table);
      assert.deepEqual(table.names.slice(), wanted.map(({ name }) => name));
      assert.equal(table.kinds, wanted.map(({ kind }) => kind).join(''));
      assert.deepEqual([...table.addresses], wanted.map(({ address }) => address));
    });
  }

  it('is not found where there is none', () => {
    assert.equal(findTokens({ bytes: new Uint8Array(100_000), pointerBytes: 8 }), undefined);
    assert.equal(findTokens({ bytes: new TextEncoder().encode('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\0'.repeat(100)), pointerBytes: 8 }), undefined);
  });

  it('is refused where it is broken, wherever that is, and never hangs or throws', () => {
    const { bytes } = imageOf({ pointerBytes: 8, addresses: 'absolute per-CPU' });
    let refused = 0;
    for (let cut = 0; cut < bytes.length; cut += 4999) if (!read(bytes.subarray(0, cut), 8)) refused++;
    assert.equal(refused, Math.ceil(bytes.length / 4999), 'a table that is cut off is none');
    const whole = read(bytes, 8);
    for (let at = 3100; at < bytes.length - 1000; at += 3001) {
      const broken = bytes.slice();
      broken[at] ^= 0xff;
      // A wrong byte in a name gives a wrong name; one in lengths, markers, tokens or addresses gives nothing.
      const table = read(broken, 8);
      if (table) assert.equal(table.names.length, whole?.names.length);
    }
  });
});
