/** A PS/2 mouse under Linux's psmouse: kinds, movement, buttons and wheel arrive at programs as they were made. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { boot, type Guest } from './harness';
import { askShell } from './support/shell';
import { FETCHING_MS, LINUX, needGuests } from './support/testGuests';

const LONGEST_MS = 240_000;
/** struct input_event of 32-bit Linux: seconds, microseconds, type, code, value (linux/input.h). */
const EVENT_BYTES = 16;
const EV = { synchronise: 0, key: 1, relative: 2 } as const;
const REL = { x: 0, y: 1, wheel: 8 } as const;
/** BTN_LEFT and those after it. */
const FIRST_BUTTON = 0x110;
const MOUSE_PACKET_BYTES = 3;

interface Movement { readonly dx: number; readonly dy: number; readonly wheel: number; readonly buttons: number }

/** What is done to the mouse, one after the other. */
const MOVEMENTS: readonly Movement[] = [
  { dx: 10, dy: 5, wheel: 0, buttons: 0 },
  { dx: -120, dy: 77, wheel: 0, buttons: 1 },
  { dx: 0, dy: 0, wheel: 0, buttons: 0 },
  { dx: 3, dy: -90, wheel: 0, buttons: 2 },
  { dx: 0, dy: 0, wheel: 3, buttons: 0 },
  { dx: 0, dy: 0, wheel: -2, buttons: 4 },
  { dx: 1000, dy: -700, wheel: 0, buttons: 0 },
];

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

describe('the PS/2 mouse under Linux', function () {
  this.timeout(LONGEST_MS);
  this.slow(LONGEST_MS);
  let guest: Guest;

  const ask = (command: string): string => askShell(guest, command);

  /** The bytes of a file. Between its lines the shell may tell of programs that have ended. */
  function bytesOf(file: string): Buffer {
    return Buffer.from([...ask(`base64 ${file}`).matchAll(/^[\w+/]+=*$/gm)].join(''), 'base64');
  }

  before(async function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'mouse');
    guest = await boot({ kernel: path.join(LINUX, 'mouse-686.vmlinuz'), initrd: path.join(LINUX, 'mouse-686.cpio'), cmdline: 'console=ttyS0,115200 quiet', memory: '128M' });
    guest.patience = LONGEST_MS;
    guest.waitForSerial('guest# ');
    ask('drivers mouse; sleep 2');
    ask('cat /dev/input/mice > mice & cat $(ls -d /dev/input/event* | tail -n 1) > events & sleep 1');
    for (const movement of MOVEMENTS) {
      guest.machine.input({ kind: 'mouse', ...movement });
      guest.run({ time: guest.time + 100_000_000 });
    }
    ask('sleep 1; kill $(pidof cat)');
  });

  it('is found as a mouse with five buttons and a wheel', () => {
    assert.match(ask('cat /proc/bus/input/devices'), /N: Name="ImExPS\/2 [^"]*Mouse"\n[^]*?H: Handlers=.*mouse0/);
  });

  it('gives its events: each button pressed and released, all movement, all steps of the wheel', () => {
    const data = bytesOf('events');
    assert.equal(data.length % EVENT_BYTES, 0);
    const events = Array.from({ length: data.length / EVENT_BYTES }, (_, index) => {
      const at = EVENT_BYTES * index;
      return { type: data.readUInt16LE(at + 8), code: data.readUInt16LE(at + 10), value: data.readInt32LE(at + 12) };
    });
    const moved = (code: number): number => sum(events.filter((event) => event.type === EV.relative && event.code === code).map(({ value }) => value));
    // What is up for the mouse is negative in events, as on the screen; not so the wheel's steps.
    assert.deepEqual([moved(REL.x), moved(REL.y), moved(REL.wheel)], [sum(MOVEMENTS.map(({ dx }) => dx)), -sum(MOVEMENTS.map(({ dy }) => dy)), sum(MOVEMENTS.map(({ wheel }) => wheel))]);
    const pressed = events.filter(({ type }) => type === EV.key).map(({ code, value }) => [code - FIRST_BUTTON, value]);
    assert.deepEqual(pressed, [[0, 1], [0, 0], [1, 1], [1, 0], [2, 1], [2, 0]], 'left, right, middle');
    assert.ok(events.some(({ type }) => type === EV.synchronise));
  });

  it('moves the pointer of /dev/input/mice, whose packets have the buttons', () => {
    const data = bytesOf('mice');
    assert.equal(data.length % MOUSE_PACKET_BYTES, 0);
    const packets = Array.from({ length: data.length / MOUSE_PACKET_BYTES }, (_, index) => data.subarray(MOUSE_PACKET_BYTES * index));
    const buttons = packets.map(([flags]) => flags & 7).filter((value, index, all) => value !== all[index - 1]);
    assert.deepEqual(buttons, [0, 1, 0, 2, 0, 4, 0]);
    assert.equal(sum(packets.map((packet) => packet.readInt8(1))), sum(MOVEMENTS.map(({ dx }) => dx)));
    assert.equal(sum(packets.map((packet) => packet.readInt8(2))), sum(MOVEMENTS.map(({ dy }) => dy)));
  });
});
