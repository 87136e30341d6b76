/** The VGA: registers read back, memory through the write and read modes, retrace, and the text screen. */
import assert from 'node:assert/strict';
import { PciBus } from '../../../src/monitor/devices/pci';
import { Vga } from '../../../src/monitor/devices/vga';
import { vgaFunction } from '../../../src/monitor/devices/vga-pci';
import { PictureMaker } from '../../../src/monitor/devices/vga-picture';
import { FakeHost } from './fake-host';

function createVga(): { host: FakeHost; vga: Vga } {
  const host = new FakeHost();
  const vga = host.attach(new Vga(host));
  vga.reset();
  return { host, vga };
}

function setIndexed(vga: Vga, port: number, index: number, value: number): void {
  vga.writePort(port, 1, index);
  vga.writePort(port + 1, 1, value);
}

function getIndexed(vga: Vga, port: number, index: number): number {
  vga.writePort(port, 1, index);
  return vga.readPort(port + 1);
}

/** 16-colour planar mode at A0000: all planes on, no odd/even, no chain. */
function makePlanar(vga: Vga): void {
  setIndexed(vga, 0x3c4, 4, 0x06);
  setIndexed(vga, 0x3c4, 2, 0x0f);
  setIndexed(vga, 0x3ce, 5, 0x00);
  setIndexed(vga, 0x3ce, 6, 0x05);
}

function plane(vga: Vga, index: number, offset: number): number {
  setIndexed(vga, 0x3ce, 4, index);
  return vga.readMemory(0xa0000 + offset, 1);
}

function planes(vga: Vga, offset: number): number[] {
  return [0, 1, 2, 3].map((index) => plane(vga, index, offset));
}

function print(vga: Vga, row: number, column: number, text: string, attribute = 0x07): void {
  for (let index = 0; index < text.length; index++) {
    vga.writeMemory(0xb8000 + (row * 80 + column + index) * 2, 2, text.charCodeAt(index) | (attribute << 8));
  }
}

describe('VGA', () => {
  it('shows text, attributes and cursor of mode 3', () => {
    const { vga } = createVga();
    print(vga, 0, 0, 'Hello');
    print(vga, 24, 75, 'right', 0x1f);
    vga.writeMemory(0xb8000 + 160, 4, 0x07b007db);
    setIndexed(vga, 0x3d4, 0x0e, 0x00);
    setIndexed(vga, 0x3d4, 0x0f, 85);
    const screen = vga.screenText();
    assert.deepEqual([screen.columns, screen.rows], [80, 25]);
    assert.equal(screen.text[0].slice(0, 5), 'Hello');
    assert.equal(screen.text[1].slice(0, 2), '█░');
    assert.equal(screen.text[24].slice(75), 'right');
    assert.ok(screen.text.every((line) => [...line].length === 80));
    assert.equal(screen.attributes[24 * 80 + 79], 0x1f);
    assert.deepEqual(screen.cursor, { column: 5, row: 1, visible: true });
    setIndexed(vga, 0x3d4, 0x0a, 0x2d);
    assert.equal(vga.screenText().cursor.visible, false);
  });

  it('maps code page 437', () => {
    const { vga } = createVga();
    for (let code = 0; code < 256; code++) vga.writeMemory(0xb8000 + 2 * code, 1, code);
    const text = vga.screenText().text.join('');
    assert.equal(text.slice(0x41, 0x5b), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
    assert.deepEqual([0x01, 0x1f, 0x7f, 0x80, 0x9f, 0xb3, 0xc4, 0xe1, 0xfb, 0xfe].map((code) => text[code]),
      ['☺', '▼', '⌂', 'Ç', 'ƒ', '│', '─', 'ß', '√', '■']);
  });

  it('scrolls by the start address', () => {
    const { vga } = createVga();
    print(vga, 3, 0, 'third');
    setIndexed(vga, 0x3d4, 0x0c, 0);
    setIndexed(vga, 0x3d4, 0x0d, 240);
    assert.equal(vga.screenText().text[0].slice(0, 5), 'third');
  });

  it('answers only in the window of its memory map select', () => {
    const { vga } = createVga();
    const answers = (): boolean[] =>
      [0xa0000, 0xb0000, 0xb8000].map((address) => {
        vga.writeMemory(address, 1, 0x5a);
        return vga.readMemory(address, 1) === 0x5a;
      });
    assert.deepEqual(answers(), [false, false, true]);
    setIndexed(vga, 0x3ce, 6, 0x0a);
    assert.deepEqual(answers(), [false, true, false]);
    setIndexed(vga, 0x3ce, 6, 0x06);
    assert.deepEqual(answers(), [true, false, false]);
    setIndexed(vga, 0x3ce, 6, 0x02);
    assert.deepEqual(answers(), [true, true, true]);
    vga.writePort(0x3c2, 1, 0x65);
    assert.deepEqual(answers(), [false, false, false], 'memory is disabled');
  });

  it('write mode 0: rotate, set/reset, logic and bit mask', () => {
    const { vga } = createVga();
    makePlanar(vga);
    vga.writeMemory(0xa0000, 1, 0x81);
    assert.deepEqual(planes(vga, 0), [0x81, 0x81, 0x81, 0x81]);
    setIndexed(vga, 0x3c4, 2, 0x05);
    vga.writeMemory(0xa0000, 1, 0x00);
    assert.deepEqual(planes(vga, 0), [0x00, 0x81, 0x00, 0x81], 'map mask');
    setIndexed(vga, 0x3c4, 2, 0x0f);
    setIndexed(vga, 0x3ce, 0, 0x03);
    setIndexed(vga, 0x3ce, 1, 0x06);
    vga.writeMemory(0xa0001, 1, 0x3c);
    assert.deepEqual(planes(vga, 1), [0x3c, 0xff, 0x00, 0x3c], 'set/reset where enabled');
    setIndexed(vga, 0x3ce, 1, 0x00);
    setIndexed(vga, 0x3ce, 3, 0x04);
    vga.writeMemory(0xa0002, 1, 0x12);
    assert.deepEqual(planes(vga, 2), [0x21, 0x21, 0x21, 0x21], 'rotated right by four');
    setIndexed(vga, 0x3ce, 3, 0x18);
    setIndexed(vga, 0x3ce, 8, 0x0f);
    vga.readMemory(0xa0002, 1);
    vga.writeMemory(0xa0002, 1, 0xff);
    assert.deepEqual(planes(vga, 2), [0x2e, 0x2e, 0x2e, 0x2e], 'XOR with the latch in the masked bits');
  });

  it('write mode 1 copies latches, 2 writes a colour, 3 masks by data', () => {
    const { vga } = createVga();
    makePlanar(vga);
    setIndexed(vga, 0x3ce, 5, 0x02);
    vga.writeMemory(0xa0010, 1, 0x0a);
    assert.deepEqual(planes(vga, 0x10), [0x00, 0xff, 0x00, 0xff]);
    vga.readMemory(0xa0010, 1);
    setIndexed(vga, 0x3ce, 5, 0x01);
    vga.writeMemory(0xa0011, 1, 0x77);
    assert.deepEqual(planes(vga, 0x11), [0x00, 0xff, 0x00, 0xff]);
    setIndexed(vga, 0x3ce, 5, 0x03);
    setIndexed(vga, 0x3ce, 0, 0x05);
    vga.readMemory(0xa0010, 1);
    vga.writeMemory(0xa0012, 1, 0xf0);
    assert.deepEqual(planes(vga, 0x12), [0xf0, 0x0f, 0xf0, 0x0f]);
  });

  it('read mode 1 compares colours, planes left out as asked', () => {
    const { vga } = createVga();
    makePlanar(vga);
    setIndexed(vga, 0x3ce, 5, 0x02);
    setIndexed(vga, 0x3ce, 8, 0xf0);
    vga.writeMemory(0xa0000, 1, 0x05);
    setIndexed(vga, 0x3ce, 5, 0x0a);
    setIndexed(vga, 0x3ce, 2, 0x05);
    setIndexed(vga, 0x3ce, 7, 0x0f);
    assert.equal(vga.readMemory(0xa0000, 1), 0xf0);
    setIndexed(vga, 0x3ce, 7, 0x00);
    assert.equal(vga.readMemory(0xa0000, 1), 0xff);
  });

  it('chain 4 spreads bytes over the planes', () => {
    const { vga } = createVga();
    makePlanar(vga);
    setIndexed(vga, 0x3c4, 4, 0x0e);
    vga.writeMemory(0xa0004, 4, 0x44332211);
    assert.equal(vga.readMemory(0xa0004, 4), 0x44332211);
    setIndexed(vga, 0x3c4, 4, 0x06);
    assert.deepEqual(planes(vga, 4), [0x11, 0x22, 0x33, 0x44]);
  });

  it('reads its registers back', () => {
    const { vga } = createVga();
    setIndexed(vga, 0x3c4, 2, 0xff);
    assert.equal(getIndexed(vga, 0x3c4, 2), 0x0f);
    setIndexed(vga, 0x3ce, 8, 0xa5);
    assert.equal(getIndexed(vga, 0x3ce, 8), 0xa5);
    assert.equal(vga.readPort(0x3cc), 0x67);
    setIndexed(vga, 0x3d4, 0x00, 0x12);
    assert.equal(getIndexed(vga, 0x3d4, 0x00), 0x5f, 'protected');
    setIndexed(vga, 0x3d4, 0x11, 0x0e);
    setIndexed(vga, 0x3d4, 0x00, 0x12);
    assert.equal(getIndexed(vga, 0x3d4, 0x00), 0x12);
    assert.equal(vga.readPort(0x3b5), 0xff, 'colour: 3Bx does not answer');
    vga.writePort(0x3c2, 1, 0x66);
    assert.equal(vga.readPort(0x3b5), 0x12);
    assert.equal(vga.readPort(0x3d5), 0xff);
  });

  it('takes attribute index and data in turn, set back by 3DA', () => {
    const { vga } = createVga();
    vga.readPort(0x3da);
    vga.writePort(0x3c0, 1, 0x13);
    vga.writePort(0x3c0, 1, 0x0c);
    assert.equal(vga.readPort(0x3c1), 0x0c);
    vga.writePort(0x3c0, 1, 0x02);
    vga.readPort(0x3da);
    vga.writePort(0x3c0, 1, 0x02);
    vga.writePort(0x3c0, 1, 0x3f);
    assert.equal(vga.readPort(0x3c1), 0x3f);
    vga.writePort(0x3c0, 1, 0x22);
    vga.writePort(0x3c0, 1, 0x11);
    assert.equal(vga.readPort(0x3c1), 0x3f, 'palette shut while it is displayed');
  });

  it('steps the DAC through its components', () => {
    const { vga } = createVga();
    vga.writePort(0x3c8, 1, 10);
    for (const component of [1, 2, 0xff, 4, 5, 6]) vga.writePort(0x3c9, 1, component);
    assert.equal(vga.readPort(0x3c7), 0);
    vga.writePort(0x3c7, 1, 10);
    assert.equal(vga.readPort(0x3c7), 3);
    assert.deepEqual(Array.from({ length: 6 }, () => vga.readPort(0x3c9)), [1, 2, 0x3f, 4, 5, 6]);
    vga.writePort(0x3c8, 1, 10);
    vga.writePort(0x3c9, 1, 9);
    vga.writePort(0x3c7, 1, 10);
    assert.equal(vga.readPort(0x3c9), 1, 'a colour changes with its third component');
  });

  it('raises the retrace bit 70 times a second', () => {
    const { host, vga } = createVga();
    let rises = 0;
    let before = 0;
    let blanked = 0;
    for (let step = 0; step < 100_000; step++) {
      const status = vga.readPort(0x3da);
      if ((status & 8) !== 0 && before === 0) rises++;
      if ((status & 8) !== 0) assert.equal(status & 1, 1);
      before = status & 8;
      blanked += status & 1;
      host.advance(10_000);
    }
    assert.equal(rises, 70);
    assert.ok(blanked > 20_000 && blanked < 40_000);
  });

  it('has no text screen in graphics modes', () => {
    const { vga } = createVga();
    makePlanar(vga);
    assert.deepEqual([vga.screenText().rows, vga.screenText().text.length], [0, 0]);
  });

  describe('as a PCI function', () => {
    const FRAME_BUFFER = 0xe0000000;
    const REGISTERS = 0xe1000000;

    function createFunction(): { vga: Vga; moved: () => number; dispi: (index: number, value: number) => void } {
      const host = new FakeHost();
      const pci = new PciBus(host);
      let moves = 0;
      const vga = new Vga(host, { slot: pci.add(vgaFunction()), windowsChanged: () => { moves++; } });
      vga.reset();
      const write = (register: number, value: number): void => {
        pci.writePort(0xcf8, 4, (0x80001000 | register) >>> 0);
        pci.writePort(0xcfc, 4, value);
      };
      write(0x10, FRAME_BUFFER);
      write(0x18, REGISTERS);
      write(0x04, 0x03);
      const dispi = (index: number, value: number): void => {
        vga.writePort(0x1ce, 2, index);
        vga.writePort(0x1cf, 2, value);
      };
      return { vga, moved: () => moves, dispi };
    }

    function setMode(dispi: (index: number, value: number) => void, width: number, height: number, depth: number, flags = 0): void {
      dispi(4, 0);
      dispi(1, width);
      dispi(2, height);
      dispi(3, depth);
      dispi(4, 1 | flags);
    }

    it('lets the processor reach the frame buffer, and A0000 where bytes arrive as they are', () => {
      const { vga, moved, dispi } = createFunction();
      const whole = { first: FRAME_BUFFER, bytes: 16 << 20, offset: 0 };
      assert.deepEqual(vga.windows, [whole]);
      setMode(dispi, 640, 480, 8);
      assert.deepEqual(vga.windows, [whole, { first: 0xa0000, bytes: 0x10000, offset: 0 }]);
      const before = moved();
      dispi(5, 3);
      assert.equal(moved(), before + 1);
      assert.equal(vga.windows[1].offset, 0x30000);
      setIndexed(vga, 0x3ce, 8, 0x7f);
      assert.equal(vga.windows.length, 1, 'the bit mask takes part');
    });

    it('has chained planes as bytes in a row, behind the device and in front of it', () => {
      const { vga, dispi } = createFunction();
      setMode(dispi, 640, 480, 8);
      dispi(5, 2);
      for (let i = 0; i < 5; i++) vga.writeMemory(0xa1230 + i, 1, 0x40 + i);
      assert.deepEqual([...vga.memory.subarray(0x21230, 0x21235)], [0x40, 0x41, 0x42, 0x43, 0x44]);
      assert.equal(vga.readMemory(0xa1231, 1), 0x41);
    });

    it('makes its registers go together', () => {
      const { vga, dispi } = createFunction();
      const read = (index: number): number => {
        vga.writePort(0x1ce, 2, index);
        return vga.readPort(0x1cf, 2);
      };
      assert.equal(read(0), 0xb0c5);
      dispi(0, 0xb0c2);
      assert.equal(read(0), 0xb0c2);
      dispi(0, 0xb0c9);
      assert.equal(read(0), 0xb0c2, 'no such version');
      assert.equal(read(10), 256);
      setMode(dispi, 1027, 768, 32);
      assert.deepEqual([read(1), read(2), read(6), read(7)], [1024, 768, 1024, 4096]);
      dispi(6, 2048);
      dispi(8, 5000);
      dispi(9, 5000);
      assert.deepEqual([read(6), read(7), read(8), read(9)], [2048, 2048, 1024, 1280]);
      setMode(dispi, 1920, 1200, 32);
      assert.deepEqual([read(1), read(2)], [1920, 1200]);
      dispi(4, 3);
      assert.deepEqual([read(1), read(2), read(3)], [2560, 1600, 32]);
    });

    it('clears its memory when it is enabled, unless it is told to keep it', () => {
      const { vga, dispi } = createFunction();
      vga.memory[1000] = 7;
      setMode(dispi, 640, 480, 8, 0x80);
      assert.equal(vga.memory[1000], 7);
      setMode(dispi, 640, 480, 8);
      assert.equal(vga.memory[1000], 0);
    });

    it('has DAC components of 8 bits when it is asked for them', () => {
      const { vga, dispi } = createFunction();
      const roundTrip = (value: number): number => {
        vga.writePort(0x3c8, 1, 5);
        for (let i = 0; i < 3; i++) vga.writePort(0x3c9, 1, value);
        vga.writePort(0x3c7, 1, 5);
        return vga.readPort(0x3c9);
      };
      assert.equal(roundTrip(0xfe), 0x3e);
      setMode(dispi, 640, 480, 8, 0x20);
      assert.equal(roundTrip(0xfe), 0xfe);
    });

    it('has the ports and the display interface in memory, and the order of bytes', () => {
      const { vga } = createFunction();
      vga.writeMemory(REGISTERS + 0x504, 2, 600);
      vga.writeMemory(REGISTERS + 0x502, 2, 800);
      assert.equal(vga.readMemory(REGISTERS + 0x504, 2), 600);
      assert.equal(vga.readMemory(REGISTERS + 0x500, 2), 0xb0c5);
      vga.writeMemory(REGISTERS + 0x402, 1, 0x66);
      assert.equal(vga.readPort(0x3cc), 0x66);
      assert.equal(vga.readMemory(REGISTERS + 0x600, 4), 8);
      assert.equal(vga.readMemory(REGISTERS + 0x604, 4), 0x1e1e1e1e);
      vga.writeMemory(REGISTERS + 0x604, 4, 0xbebebebe);
      assert.equal(vga.readMemory(REGISTERS + 0x604, 4), 0xbebebebe);
    });

    it('shows what has changed, and tells when nothing has', () => {
      const { vga, dispi } = createFunction();
      setMode(dispi, 16, 2, 32);
      const maker = new PictureMaker(vga);
      vga.memory.set([0x11, 0x22, 0x33, 0x44], 16 * 4 + 8);
      const picture = maker.look();
      assert.deepEqual([picture.width, picture.height, picture.aspect], [16, 2, 8]);
      assert.deepEqual([...(picture.pixels ?? new Uint8Array()).subarray(16 * 4 + 8, 16 * 4 + 12)], [0x33, 0x22, 0x11, 0xff]);
      assert.equal(maker.look(picture.change).pixels, undefined);
      vga.memory[4] = 1;
      const next = maker.look(picture.change);
      assert.equal(next.change, picture.change + 1);
      assert.equal(next.pixels?.[6], 1);
    });
  });

  it('underlines, blinks and shows the cursor in the picture', () => {
    const { host, vga } = createVga();
    const maker = new PictureMaker(vga);
    const lit = (row: number, column: number, line: number): number => {
      const { pixels = new Uint8Array(), width } = maker.look();
      let count = 0;
      for (let x = 0; x < 9; x++) if (pixels[4 * ((row * 16 + line) * width + column * 9 + x) + 2] !== 0) count++;
      return count;
    };
    setIndexed(vga, 0x3d4, 0x14, 0x0c);
    print(vga, 0, 0, ' ');
    print(vga, 2, 0, ' ', 0x01);
    print(vga, 2, 1, ' ', 0x07);
    assert.deepEqual([lit(2, 0, 12), lit(2, 1, 12), lit(2, 0, 11)], [9, 0, 0]);
    assert.equal(lit(0, 0, 13), 9, 'cursor');
    host.advance(8.5 * 14_268_000);
    assert.equal(lit(0, 0, 13), 0, 'cursor, eight frames later');
  });
});
