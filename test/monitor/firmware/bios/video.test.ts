/** INT 10h on the fake machine's text screen. */
import assert from 'node:assert/strict';
import { FakeMachine } from '../fakes';

function machine(): FakeMachine {
  const fresh = new FakeMachine().powerOn();
  fresh.interrupt(0x10, { eax: 0x0003 });
  return fresh;
}

function teletype(on: FakeMachine, text: string): void {
  for (const character of text) on.interrupt(0x10, { eax: 0x0e00 | character.charCodeAt(0) });
}

function cursorOf(on: FakeMachine, page = 0): number {
  on.interrupt(0x10, { eax: 0x0300, ebx: page << 8 });
  return on.word('edx');
}

describe('INT 10h', () => {
  it('sets modes: registers, data area, clear screen; keeps the upper half of EAX', () => {
    const it = machine();
    teletype(it, 'x');
    it.interrupt(0x10, { eax: 0xdead_0001 });
    assert.equal(it.memory.read16(0x44a), 40);
    assert.equal(it.ports.indexed.get(0x3d4)?.get(0x01), 39);
    assert.equal(it.memory.read16(0xb8000), 0x0720);
    assert.equal(it.cpu.general.eax >>> 16, 0xdead);
    it.interrupt(0x10, { eax: 0x0007 });
    assert.equal(it.memory.read16(0x463), 0x3b4);
    it.interrupt(0x10, { eax: 0x0f00 });
    assert.deepEqual([it.word('eax'), it.word('ebx')], [(80 << 8) | 7, 0]);
  });
  it('keeps the screen with bit 7, and refuses unknown modes', () => {
    const it = machine();
    teletype(it, 'x');
    it.interrupt(0x10, { eax: 0x0083 });
    assert.equal(it.screenRow(0), 'x');
    it.interrupt(0x10, { eax: 0x0062 });
    assert.equal(it.memory.read8(0x449), 3);
    assert.match(it.logged.join(''), /video mode 62h/);
  });
  it('draws pixels in mode 13h', () => {
    const it = machine();
    it.interrupt(0x10, { eax: 0x0013 });
    assert.deepEqual([it.ports.indexed.get(0x3c4)?.get(4), it.ports.indexed.get(0x3ce)?.get(5)], [0x0e, 0x40]);
    it.interrupt(0x10, { eax: 0x0c5a, ecx: 319, edx: 199 });
    assert.equal(it.memory.read8(0xa0000 + 63999), 0x5a);
    it.interrupt(0x10, { eax: 0x0d00, ecx: 319, edx: 199 });
    assert.equal(it.word('eax') & 0xff, 0x5a);
  });
  it('moves the cursor, the hardware one too', () => {
    const it = machine();
    it.interrupt(0x10, { eax: 0x0200, ebx: 0, edx: 0x0a05 });
    assert.equal(cursorOf(it), 0x0a05);
    const crtc = it.ports.indexed.get(0x3d4);
    assert.equal(((crtc?.get(0x0e) ?? 0) << 8) | (crtc?.get(0x0f) ?? 0), 805);
  });
  it('scales cursor lines to the character height', () => {
    const it = machine();
    it.interrupt(0x10, { eax: 0x0100, ecx: 0x0007 });
    const crtc = it.ports.indexed.get(0x3d4);
    assert.deepEqual([crtc?.get(0x0a), crtc?.get(0x0b)], [1, 15]);
    it.interrupt(0x10, { eax: 0x0100, ecx: 0x2000 });
    assert.equal((crtc?.get(0x0a) ?? 0) & 0x20, 0x20, 'cursor off');
    it.interrupt(0x10, { eax: 0x0300 });
    assert.equal(it.word('ecx'), 0x2000);
  });
  it('types: carriage return, line feed, backspace, bell, wrap', () => {
    const it = machine();
    teletype(it, 'ab\r\nc\x07\bd');
    assert.deepEqual([it.screenRow(0), it.screenRow(1)], ['ab', 'd']);
    assert.equal(cursorOf(it), 0x0101);
    teletype(it, 'x'.repeat(80));
    assert.equal(cursorOf(it), 0x0201);
  });
  it('scrolls behind the last row with the attribute that was there', () => {
    const it = machine();
    teletype(it, 'top\r\nnext');
    it.memory.write8(0xb8000 + 24 * 160 + 1, 0x1f);
    it.interrupt(0x10, { eax: 0x0200, edx: 0x1800 });
    teletype(it, '\n');
    assert.equal(it.screenRow(0), 'next');
    assert.equal(it.memory.read16(0xb8000 + 24 * 160), 0x1f20);
    assert.equal(cursorOf(it), 0x1800);
  });
  it('scrolls windows up and down and clears them', () => {
    const it = machine();
    teletype(it, 'aaa\r\nbbb\r\nccc\r\nddd');
    it.interrupt(0x10, { eax: 0x0601, ebx: 0x0700, ecx: 0x0001, edx: 0x0202 });
    assert.deepEqual([0, 1, 2, 3].map((row) => it.screenRow(row)), ['abb', 'bcc', 'c', 'ddd']);
    it.interrupt(0x10, { eax: 0x0701, ebx: 0x0700, ecx: 0x0000, edx: 0x034f });
    assert.deepEqual([0, 1, 2, 3].map((row) => it.screenRow(row)), ['', 'abb', 'bcc', 'c']);
    it.interrupt(0x10, { eax: 0x0600, ebx: 0x4e00, ecx: 0x0000, edx: 0xffff });
    assert.equal(it.memory.read16(0xb8000 + 24 * 160 + 158), 0x4e20);
    assert.equal(it.screenRow(2), '');
  });
  it('reads and writes cells', () => {
    const it = machine();
    it.interrupt(0x10, { eax: 0x0941, ebx: 0x001e, ecx: 3 });
    assert.equal(it.screenRow(0), 'AAA');
    assert.equal(cursorOf(it), 0, 'the cursor stays');
    it.interrupt(0x10, { eax: 0x0a42, ebx: 0x0007, ecx: 1 });
    it.interrupt(0x10, { eax: 0x0800, ebx: 0 });
    assert.equal(it.word('eax'), 0x1e42, 'AH=0Ah leaves the attribute');
    it.interrupt(0x10, { eax: 0x0943, ebx: 7, ecx: 0xffff });
    assert.equal(it.memory.read8(0xb8000 + 4000), 0x20, 'not behind the page');
  });
  it('writes nothing where a program has hidden the cursor off the screen', () => {
    const it = machine();
    const before = it.memory.read(0xb8000, 0x10000);
    it.interrupt(0x10, { eax: 0x0200, edx: 0xfff0 });
    it.interrupt(0x10, { eax: 0x0941, ebx: 7, ecx: 5 });
    teletype(it, 'x');
    assert.deepEqual(it.memory.read(0xb8000, 0x10000), before);
  });
  it('writes strings, with and without attributes and cursor', () => {
    const it = machine();
    it.memory.write(0x30010, new TextEncoder().encode('hey'));
    it.cpu.selectors.es = 0x3000;
    it.interrupt(0x10, { eax: 0x1300, ebx: 0x002a, ecx: 3, edx: 0x0203, ebp: 0x10 });
    assert.equal(it.screenRow(2), '   hey');
    assert.equal(it.memory.read8(0xb8000 + 2 * 160 + 7), 0x2a);
    assert.equal(cursorOf(it), 0);
    it.memory.write(0x30010, Uint8Array.of(0x68, 0x11, 0x69, 0x12));
    it.interrupt(0x10, { eax: 0x1303, ebx: 0, ecx: 2, edx: 0x0400, ebp: 0x10 });
    assert.deepEqual([it.memory.read16(0xb8000 + 640), it.memory.read16(0xb8000 + 642)], [0x1168, 0x1269]);
    assert.equal(cursorOf(it), 0x0402);
  });
  it('writes a long string as it writes its characters one by one', () => {
    const length = 6000;
    for (const [columns, kinds] of [[80, 0x60], [40, 0x10], [80, 2]] as const) {
      const text = Uint8Array.from({ length }, (_, i) => (i * i * 31 + (i >> 3)) % kinds);
      const [whole, single] = [machine(), machine()];
      for (const it of [whole, single]) {
        it.interrupt(0x10, { eax: columns === 80 ? 3 : 1 });
        it.memory.write(0x30000, text);
        it.cpu.selectors.es = 0x3000;
      }
      whole.interrupt(0x10, { eax: 0x1301, ebx: 0x1e, ecx: length, edx: 0x0203, ebp: 0 });
      single.interrupt(0x10, { eax: 0x0200, ebx: 0, edx: 0x0203 });
      for (let i = 0; i < length; i++) single.interrupt(0x10, { eax: 0x1301, ebx: 0x1e, ecx: 1, edx: cursorOf(single), ebp: i });
      assert.equal(cursorOf(whole), cursorOf(single));
      const cells = (it: FakeMachine): readonly number[] => [...it.memory.read(0xb8000, 25 * columns * 2)].filter((_, i) => i % 2 === 0);
      assert.deepEqual(cells(whole), cells(single));
    }
  });
  it('is not at a loss where a program has written any number of columns and rows', () => {
    const it = machine();
    it.memory.write16(0x44a, 0xffff);
    it.memory.write8(0x484, 0xff);
    const before = it.memory.read(0xc0000, 0x1000);
    it.interrupt(0x10, { eax: 0x1301, ebx: 7, ecx: 0x200, edx: 0x0203, ebp: 0 });
    it.interrupt(0x10, { eax: 0x0601, ebx: 0x0700, ecx: 0, edx: 0xffff });
    assert.deepEqual(it.memory.read(0xc0000, 0x1000), before);
    it.memory.write16(0x44a, 0);
    it.interrupt(0x10, { eax: 0x0e41 });
  });
  it('shows other pages, each with its cursor', () => {
    const it = machine();
    it.interrupt(0x10, { eax: 0x0200, ebx: 0x0100, edx: 0x0102 });
    it.interrupt(0x10, { eax: 0x0501 });
    const crtc = it.ports.indexed.get(0x3d4);
    assert.equal(((crtc?.get(0x0c) ?? 0) << 8) | (crtc?.get(0x0d) ?? 0), 0x800);
    teletype(it, 'p');
    assert.equal(it.memory.read8(0xb8000 + 0x1000 + 164), 0x70);
    assert.deepEqual([cursorOf(it, 0), cursorOf(it, 1)], [0, 0x0103]);
  });
  it('answers what programs ask to find a VGA', () => {
    const it = machine();
    it.interrupt(0x10, { eax: 0x1a00 });
    assert.deepEqual([it.word('eax') & 0xff, it.word('ebx')], [0x1a, 0x0008]);
    it.interrupt(0x10, { eax: 0x1200, ebx: 0xff10 });
    assert.deepEqual([it.word('ebx'), it.word('ecx')], [0x0003, 0x0009]);
    it.interrupt(0x10, { eax: 0x1130, ebx: 0x0600 });
    assert.deepEqual([it.cpu.selectors.es, it.word('ecx'), it.word('edx') & 0xff], [0xf000, 16, 24]);
    it.interrupt(0x10, { eax: 0x4f00 });
    assert.equal(it.word('eax'), 0x4f00, 'no VESA');
  });
  it('writes the palette', () => {
    const it = machine();
    it.ports.writes.length = 0;
    it.interrupt(0x10, { eax: 0x1010, ebx: 5, edx: 0x3f00, ecx: 0x1020 });
    assert.deepEqual([it.ports.writtenTo(0x3c8), it.ports.writtenTo(0x3c9)], [[5], [0x3f, 0x10, 0x20]]);
    it.interrupt(0x10, { eax: 0x1000, ebx: 0x3a02 });
    assert.deepEqual(it.ports.writtenTo(0x3c0), [2, 0x3a, 0x20]);
  });
});
