/** The 8042 with its keyboard and mouse: commands, scan code sets, translation, interrupt lines, A20 and reset. */
import assert from 'node:assert/strict';
import { KeyboardController } from '../../../src/monitor/devices/keyboard';
import { PAUSE, PRINT_SCREEN, scanBytes, translateByte } from '../../../src/monitor/devices/scancodes';
import { FakeHost } from './fake-host';

interface Fixture {
  readonly host: FakeHost;
  readonly controller: KeyboardController;
  command(byte: number): void;
  data(byte: number): void;
  /** All bytes that come, with time for each. */
  drain(): number[];
}

function createController(): Fixture {
  const host = new FakeHost();
  const controller = host.attach(new KeyboardController(host));
  controller.reset();
  return {
    host, controller,
    command: (byte) => controller.writePort(0x64, 1, byte),
    data: (byte) => controller.writePort(0x60, 1, byte),
    drain: () => {
      const bytes: number[] = [];
      for (let idle = 0; idle < 3; idle++) {
        host.advance(1_000_000);
        while ((controller.readPort(0x64) & 1) !== 0) {
          bytes.push(controller.readPort(0x60));
          host.advance(1_000_000);
        }
      }
      return bytes;
    },
  };
}

/** Switches translation off and interrupts on. */
function withoutTranslation(): Fixture {
  const fixture = createController();
  fixture.command(0x60);
  fixture.data(0x03);
  return fixture;
}

describe('8042', () => {
  it('tests itself and both cables, and says so in its status', () => {
    const { controller, command, drain } = createController();
    assert.equal(controller.readPort(0x64) & 0x04, 0);
    command(0xaa);
    assert.equal(controller.readPort(0x64) & 0x0d, 0x0d);
    assert.deepEqual(drain(), [0x55]);
    command(0xab);
    assert.deepEqual(drain(), [0x00]);
    command(0xa9);
    assert.deepEqual(drain(), [0x00]);
  });

  it('keeps its command byte and RAM', () => {
    const { command, data, drain } = createController();
    command(0x60);
    data(0x47);
    command(0x20);
    assert.deepEqual(drain(), [0x47]);
    command(0x75);
    data(0x12);
    command(0x35);
    assert.deepEqual(drain(), [0x12]);
    command(0xa7);
    command(0xad);
    command(0x20);
    assert.deepEqual(drain(), [0x77]);
    command(0xa8);
    command(0xae);
    command(0x20);
    assert.deepEqual(drain(), [0x47]);
  });

  it('interrupts on lines 1 and 12 while the buffer is full and the command byte allows', () => {
    const { host, controller, command, data } = createController();
    command(0xd2);
    data(0x77);
    assert.deepEqual([host.lines[1], host.lines[12]], [true, false]);
    assert.equal(controller.readPort(0x60), 0x77);
    assert.equal(host.lines[1], false);
    command(0xd3);
    data(0x78);
    assert.deepEqual([host.lines[1], host.lines[12]], [false, true]);
    assert.equal(controller.readPort(0x64) & 0x21, 0x21);
    command(0x60);
    data(0x45);
    assert.equal(host.lines[12], false);
  });

  it('translates set 2 to set 1', () => {
    const { controller, drain } = createController();
    controller.key(0x1e, true);
    controller.key(0x1e, false);
    controller.key(0xe048, true);
    controller.key(0xe048, false);
    controller.key(0x41, true);
    assert.deepEqual(drain(), [0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8, 0x41]);
  });

  it('sends sets 1, 2 and 3 as chosen', () => {
    const expected: readonly (readonly [number, readonly number[]])[] = [
      [1, [0x1e, 0x9e, 0xe0, 0x1d]],
      [2, [0x1c, 0xf0, 0x1c, 0xe0, 0x14]],
      [3, [0x1c, 0xf0, 0x1c, 0x58]],
    ];
    for (const [set, bytes] of expected) {
      const { controller, data, drain } = withoutTranslation();
      data(0xf0);
      data(set);
      data(0xf0);
      data(0x00);
      drain();
      controller.key(0x1e, true);
      controller.key(0x1e, false);
      controller.key(0xe01d, true);
      assert.deepEqual(drain(), bytes);
    }
  });

  it('answers its commands as a keyboard does', () => {
    const { controller, data, drain } = withoutTranslation();
    const answer = (byte: number): number[] => {
      data(byte);
      return drain();
    };
    assert.deepEqual(answer(0xff), [0xfa, 0xaa]);
    assert.deepEqual(answer(0xf2), [0xfa, 0xab, 0x83]);
    assert.deepEqual(answer(0xee), [0xee]);
    assert.deepEqual(answer(0xfe), [0xee], 'resend');
    assert.deepEqual(answer(0xed), [0xfa]);
    assert.deepEqual(answer(0x05), [0xfa]);
    assert.equal(controller.state.keyboard.leds, 5);
    assert.deepEqual(answer(0xf3), [0xfa]);
    assert.deepEqual(answer(0x20), [0xfa]);
    assert.deepEqual(answer(0x00), [0xfe], 'unknown: resend');
    assert.deepEqual(answer(0xf0), [0xfa]);
    assert.deepEqual(answer(0x00), [0xfa, 0x02]);
    assert.deepEqual(answer(0xf5), [0xfa]);
    controller.key(0x1e, true);
    assert.deepEqual(drain(), [], 'scanning is off');
    assert.deepEqual(answer(0xf4), [0xfa]);
  });

  it('identifies as AB 41 through translation', () => {
    const { data, drain } = createController();
    data(0xf2);
    assert.deepEqual(drain(), [0xfa, 0xab, 0x41]);
  });

  it('holds keys back while its cable is off, and loses none however many come', () => {
    const { controller, command, drain } = createController();
    command(0xad);
    for (let index = 0; index < 50; index++) controller.key(0x02 + (index % 10), true);
    assert.deepEqual(drain(), []);
    command(0xae);
    assert.deepEqual(drain(), Array.from({ length: 50 }, (_, index) => 0x02 + (index % 10)));
  });

  it('has a plain mouse on the second cable', () => {
    const { host, controller, command, data, drain } = createController();
    const answer = (byte: number): number[] => {
      command(0xd4);
      data(byte);
      return drain();
    };
    assert.deepEqual(answer(0xff), [0xfa, 0xaa, 0x00]);
    assert.deepEqual(answer(0xf2), [0xfa, 0x00]);
    controller.mouse({ dx: 1, dy: 1, buttons: 0 });
    assert.deepEqual(drain(), [], 'reporting is off');
    assert.deepEqual(answer(0xe8), [0xfa]);
    assert.deepEqual(answer(0x03), [0xfa]);
    assert.deepEqual(answer(0xe9), [0xfa, 0x00, 0x03, 100]);
    assert.deepEqual(answer(0xf4), [0xfa]);
    assert.deepEqual(answer(0xeb).slice(0, 2), [0xfa, 0x08]);
    controller.mouse({ dx: 5, dy: -3, buttons: 1 });
    host.advance(11_000_000);
    assert.equal(host.lines[12], true);
    assert.deepEqual(drain(), [0x29, 5, 0xfd]);
    controller.mouse({ dx: -300, dy: 0, buttons: 0 });
    host.advance(20_000_000);
    const packets = drain();
    host.advance(20_000_000);
    assert.deepEqual([...packets, ...drain()], [0x18, 0x01, 0, 0x18, 0xd3, 0], 'what is too much for a packet comes with the next: -255 and -45');
  });

  it('becomes a mouse with a wheel, and with five buttons, by its sample rates', () => {
    const { host, controller, command, data, drain } = createController();
    const answer = (byte: number): number[] => {
      command(0xd4);
      data(byte);
      return drain();
    };
    const rates = (...list: readonly number[]): void => { for (const rate of list) assert.deepEqual([...answer(0xf3), ...answer(rate)], [0xfa, 0xfa]); };
    const packet = (): number[] => {
      host.advance(20_000_000);
      return drain();
    };
    rates(200, 100, 80);
    assert.deepEqual(answer(0xf2), [0xfa, 3]);
    answer(0xf4);
    controller.mouse({ dx: 0, dy: 0, wheel: 2, buttons: 0 });
    assert.deepEqual(packet(), [0x08, 0, 0, 0xfe], 'away from the hand is negative');
    rates(200, 200, 80);
    assert.deepEqual(answer(0xf2), [0xfa, 4]);
    controller.mouse({ dx: 1, dy: 0, wheel: -1, buttons: 0x18 });
    assert.deepEqual(packet(), [0x08, 1, 0, 0x31]);
    assert.deepEqual(answer(0xff), [0xfa, 0xaa, 0x00]);
    assert.deepEqual(answer(0xf2), [0xfa, 0x00], 'reset makes it a plain mouse');
  });

  it('tells a click that is over before the next sample', () => {
    const { host, controller, command, data, drain } = createController();
    for (const byte of [0xf3, 10, 0xf4]) {
      command(0xd4);
      data(byte);
      drain();
    }
    for (const buttons of [1, 0]) controller.mouse({ dx: 0, dy: 0, buttons });
    const bytes: number[] = [];
    for (let i = 0; i < 5; i++) {
      host.advance(100_000_000);
      bytes.push(...drain());
    }
    assert.deepEqual(bytes, [0x09, 0, 0, 0x08, 0, 0]);
  });

  it('repeats the key that is held down, by the typematic rate', () => {
    const { host, controller, data, drain } = createController();
    for (const byte of [0xf3, 0x00]) {
      data(byte);
      drain();
    }
    controller.key(0x1e, true);
    assert.deepEqual(drain(), [0x1e]);
    host.advance(246_000_000);
    assert.deepEqual(drain(), [0x1e], 'after 250 ms');
    host.advance(28_000_000);
    assert.deepEqual(drain(), [0x1e], '30 times a second');
    controller.key(0x1e, false);
    assert.deepEqual(drain(), [0x9e]);
    host.advance(1_000_000_000);
    assert.deepEqual(drain(), []);
  });

  it('drives A20 from its output port and from port 92', () => {
    const { host, controller, command, data, drain } = createController();
    command(0xd1);
    data(0xdd);
    assert.equal(host.a20, false);
    assert.equal(controller.readPort(0x92) & 2, 0);
    controller.writePort(0x92, 1, 0x02);
    assert.equal(host.a20, true);
    command(0xd0);
    assert.equal(drain()[0] & 0x03, 0x03);
    command(0xdd);
    assert.equal(host.a20, false);
    command(0xdf);
    assert.equal(host.a20, true);
    assert.deepEqual(host.stops, []);
  });

  it('resets the processors in three ways', () => {
    const { host, controller, command, data } = createController();
    command(0xfe);
    command(0xd1);
    data(0x02);
    controller.writePort(0x92, 1, 0x03);
    controller.writePort(0x92, 1, 0x03);
    assert.deepEqual(host.stops.map((stop) => stop.kind === 'reset' && !stop.hard), [true, true, true], 'the processors alone');
    command(0xff);
    assert.equal(host.stops.length, 3, 'FF pulses nothing');
  });
});

describe('scan codes', () => {
  it('give the same key back through translation, for every position', () => {
    for (let code = 1; code < 0x59; code++) {
      for (const key of [code, 0xe000 | code]) {
        if (key === PRINT_SCREEN) continue;
        const down = scanBytes(key, true, 2);
        assert.deepEqual(down.map(translateByte), scanBytes(key, true, 1), `key ${key.toString(16)}`);
        const up = scanBytes(key, false, 2);
        assert.equal(up.at(-2), 0xf0);
        assert.equal(translateByte(up.at(-1) ?? 0) | 0x80, scanBytes(key, false, 1).at(-1));
      }
    }
  });

  it('have Pause and Print Screen as the manual prints them', () => {
    assert.deepEqual(scanBytes(PAUSE, true, 2), [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77]);
    assert.deepEqual(scanBytes(PAUSE, false, 2), []);
    assert.deepEqual(scanBytes(PRINT_SCREEN, true, 2), [0xe0, 0x12, 0xe0, 0x7c]);
    assert.deepEqual(scanBytes(PRINT_SCREEN, false, 2), [0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12]);
    assert.deepEqual(scanBytes(PRINT_SCREEN, false, 1), [0xe0, 0xb7, 0xe0, 0xaa]);
    assert.deepEqual(scanBytes(PAUSE, true, 3), [0x62]);
  });
});
