/** IRQ 1 and INT 16h: keys in, words out. */
import assert from 'node:assert/strict';
import { FakeMachine } from '../fakes';

const UP = 0x80;
const [LEFT_SHIFT, CONTROL, ALT, CAPS, NUM] = [0x2a, 0x1d, 0x38, 0x3a, 0x45];

function machine(): FakeMachine {
  return new FakeMachine().powerOn();
}

/** Sends scan codes as the stub does, AL holding what port 60h gave. */
function send(on: FakeMachine, ...codes: readonly number[]): void {
  for (const code of codes) on.interrupt(0x09, { eax: 0x4f00 | code });
}

/** What AH=10h returns; undefined when it goes to wait. */
function read(on: FakeMachine, ah = 0x10): number | undefined {
  on.interrupt(0x16, { eax: ah << 8 });
  return on.continuation() === 'keyWait' ? undefined : on.word('eax');
}

function typed(...codes: readonly number[]): number | undefined {
  const on = machine();
  send(on, ...codes);
  return read(on);
}

describe('INT 9 and INT 16h', () => {
  it('gives scan code and character', () => {
    assert.equal(typed(0x1e), 0x1e61);
    assert.equal(typed(0x02), 0x0231);
    assert.equal(typed(0x1c), 0x1c0d);
    assert.equal(typed(0x01), 0x011b);
    assert.equal(typed(0x28), 0x2827);
    assert.equal(typed(0x2b), 0x2b5c);
    assert.equal(typed(0x35), 0x352f);
    assert.equal(typed(0x3b), 0x3b00);
    assert.equal(typed(0x1e | UP), undefined);
  });
  it('follows shift, control and alt, down and up', () => {
    assert.equal(typed(LEFT_SHIFT, 0x1e), 0x1e41);
    assert.equal(typed(0x36, 0x03), 0x0340);
    assert.equal(typed(LEFT_SHIFT, LEFT_SHIFT | UP, 0x1e), 0x1e61);
    assert.equal(typed(CONTROL, 0x2e), 0x2e03);
    assert.equal(typed(CONTROL, 0x02), undefined, 'Ctrl-1 gives nothing');
    assert.equal(typed(ALT, 0x10), 0x1000);
    assert.equal(typed(ALT, 0x02), 0x7800);
    assert.equal(typed(LEFT_SHIFT, 0x3b), 0x5400);
    assert.equal(typed(CONTROL, 0x58), 0x8a00);
    assert.equal(typed(0xe0, CONTROL, 0x1e), 0x1e01, 'right control');
    assert.equal(typed(0xe0, CONTROL, CONTROL, 0xe0, CONTROL | UP, 0x1e), 0x1e01, 'left is still down');
  });
  it('locks capitals for letters only, and toggles once for each press', () => {
    assert.equal(typed(CAPS, CAPS, CAPS | UP, 0x1e), 0x1e41);
    assert.equal(typed(CAPS, CAPS | UP, LEFT_SHIFT, 0x1e), 0x1e61);
    assert.equal(typed(CAPS, CAPS | UP, 0x02), 0x0231);
    assert.equal(typed(CAPS, CAPS | UP, CAPS, CAPS | UP, 0x1e), 0x1e61);
  });
  it('gives digits on the number pad with Num Lock', () => {
    assert.equal(typed(0x47), 0x4700);
    assert.equal(typed(NUM, NUM | UP, 0x47), 0x4737);
    assert.equal(typed(NUM, NUM | UP, LEFT_SHIFT, 0x47), 0x4700);
  });
  it('knows grey keys by E0h, and the old interface by 0', () => {
    assert.equal(typed(0xe0, 0x48), 0x48e0);
    assert.equal(typed(0xe0, 0x2a, 0xe0, 0x4b), 0x4be0, 'false shifts of grey keys do not count');
    assert.equal(typed(0xe0, 0x1c), 0xe00d);
    const on = machine();
    send(on, 0xe0, 0x48, 0xe0, 0x1c, 0xe0, 0x35);
    assert.deepEqual([read(on, 0), read(on, 0), read(on, 0)], [0x4800, 0x1c0d, 0x352f]);
  });
  it('hides F11 from the old interface', () => {
    const on = machine();
    send(on, 0x57, 0x1e);
    assert.equal(read(on, 0), 0x1e61);
  });
  it('builds characters from Alt and the number pad', () => {
    assert.equal(typed(ALT, 0x4f, 0x50, 0x51, ALT | UP), 0x007b);
  });
  it('swallows Pause', () => {
    assert.equal(typed(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x47), 0x4700, 'neither control nor Num Lock');
  });
  it('keeps 15 keys in order and drops more', () => {
    const on = machine();
    const keys = Array.from({ length: 17 }, (_, i) => 0x10 + (i % 10));
    send(on, ...keys);
    const first = Array.from({ length: 15 }, () => (read(on) ?? 0) >>> 8);
    assert.deepEqual(first, keys.slice(0, 15));
    assert.equal(read(on), undefined);
    send(on, 0x1e);
    assert.equal(read(on), 0x1e61, 'goes on behind the wrap');
  });
  it('peeks with ZF and leaves the key', () => {
    const on = machine();
    assert.equal(on.interrupt(0x16, { eax: 0x0100 }).zero, true);
    send(on, 0x1e);
    assert.equal(on.interrupt(0x16, { eax: 0xffff_0100 }, 0x0242).zero, false);
    assert.equal(on.cpu.general.eax >>> 0, 0xffff_1e61);
    assert.equal(on.interrupt(0x16, { eax: 0x1100 }).zero, false);
    assert.equal(read(on), 0x1e61);
  });
  it('waits without touching the registers', () => {
    const on = machine();
    on.interrupt(0x16, { eax: 0x1234_0000 });
    assert.equal(on.continuation(), 'keyWait');
    assert.equal(on.cpu.general.eax, 0x1234_0000);
  });
  it('tells the shift state', () => {
    const on = machine();
    send(on, LEFT_SHIFT, CONTROL, 0xe0, ALT, CAPS);
    on.interrupt(0x16, { eax: 0x0200 });
    assert.equal(on.word('eax') & 0xff, 0x02 | 0x04 | 0x08 | 0x40);
    on.interrupt(0x16, { eax: 0x1200 });
    assert.equal(on.word('eax') >>> 8, 0x01 | 0x08 | 0x40, 'left control, right alt, caps is down');
  });
  it('takes keys from programs', () => {
    const on = machine();
    on.interrupt(0x16, { eax: 0x05ff, ecx: 0x1234 });
    assert.equal(on.word('eax') & 0xff, 0);
    assert.equal(read(on), 0x1234);
  });
  it('reboots on Ctrl-Alt-Del', () => {
    const on = machine();
    send(on, CONTROL, ALT, 0xe0, 0x53);
    assert.equal(on.continuation(), 'reboot');
    assert.equal(on.memory.read16(0x472), 0x1234);
  });
  it('breaks on Ctrl-Break and prints the screen on PrtSc', () => {
    const on = machine();
    send(on, 0x1e, CONTROL, 0xe0, 0x46);
    assert.equal(on.continuation(), 'breakKey');
    assert.equal(on.memory.read8(0x471), 0x80);
    assert.equal(read(on), 0, 'the buffer holds a zero key only');
    send(on, CONTROL | UP, 0xe0, 0x37);
    assert.equal(on.continuation(), 'printScreen');
  });
});
