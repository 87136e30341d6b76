/** Debian's own balloon driver, unmodified, on our device: memory goes to the machine and comes back, and back in time it is where it was. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { boot, type Guest } from './harness';
import { askShell } from './support/shell';
import { FETCHING_MS, LINUX, needGuests } from './support/testGuests';

const LONGEST_MS = 240_000;
const MIB = 1 << 20;
const MEMORY = 256 * MIB;
const ASKED_FOR = 64 * MIB;
const PAGE = 4096;
/** Cycles to a second of the guest's time. */
const SECOND = 1e9;
/** How far the guest's own doings may move its memory meanwhile, in bytes. */
const LEEWAY = 4 * MIB;
/** Bits of a feature list in sysfs: statistics, deflation when memory runs out, reporting. */
const FEATURES = [1, 2, 5];

const inMib = (bytes: number): string => `${String(Math.round(bytes / MIB))} MiB`;

describe("the memory balloon under Debian's 686 kernel", function () {
  this.timeout(LONGEST_MS);
  this.slow(LONGEST_MS);
  let guest: Guest;

  const ask = (command: string): string => askShell(guest, command);

  /** A line of /proc/meminfo, in bytes. */
  function meminfo(name: string): number {
    const [, kib] = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(ask('cat /proc/meminfo')) ?? [];
    assert.ok(kib !== undefined, name);
    return Number(kib) * 1024;
  }

  const balloon = (): NonNullable<ReturnType<Guest['machine']['frames']>['balloon']> => {
    const { balloon: view } = guest.machine.frames();
    assert.ok(view !== undefined);
    return view;
  };
  /** Bytes of the machine's frames that are in use. */
  const frames = (): number => guest.machine.summary().frames * PAGE;

  /** Pages of each kind that Physical Memory shows. */
  function kinds(): ReadonlyMap<string, number> {
    const { runs, kinds: names } = guest.machine.frames();
    const found = new Map<string, number>();
    for (let at = 0; at < runs.length;) {
      const kind = names[runs[at++] & 15];
      let [pages, shift] = [0, 0];
      for (;; shift += 7) {
        pages += (runs[at] & 0x7f) * 2 ** shift;
        if (runs[at++] < 0x80) break;
      }
      found.set(kind, (found.get(kind) ?? 0) + pages);
    }
    return found;
  }

  /** The guest's memory is set to a size, and the driver has come so far. */
  function set(memory: number): void {
    guest.machine.input({ kind: 'balloon', memory });
    come(MEMORY - memory);
  }

  /** Runs until the driver has given back so much, by steps that are long enough for a look at all of memory. */
  function come(taken: number): void {
    for (let steps = 0; balloon().taken !== taken; steps++) {
      assert.ok(steps < 1000, `the driver has come to ${inMib(balloon().taken)}`);
      guest.run({ time: guest.time + SECOND / 50 });
    }
  }

  function travel(to: number): string {
    guest.machine.travel(to);
    for (;;) {
      const outcome = guest.machine.runSlice(1_000_000);
      if (typeof outcome === 'object' && 'reason' in outcome) break;
      assert.ok(typeof outcome === 'string', 'a way does not wait for time that passes again');
    }
    assert.equal(guest.retired, to);
    return guest.machine.hash();
  }

  /** The next moment that a count of instructions names. */
  function here(): readonly [retired: number, hash: string, given: number] {
    const count = guest.retired + 1;
    return [count, guest.hashAt(count), kinds().get('ballooned') ?? 0];
  }

  before(async function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'balloon');
    guest = await boot({
      kernel: path.join(LINUX, 'balloon-686.vmlinuz'), initrd: path.join(LINUX, 'balloon-686.cpio'), cmdline: 'console=ttyS0,115200 quiet', memory: '256M', balloon: true,
    });
    guest.patience = LONGEST_MS;
    guest.waitForSerial('guest# ');
    assert.deepEqual([balloon().driven, balloon().taken], [false, 0]);
    ask('dmesg -n 1; drivers balloon');
  });

  it('has a driver that takes what is offered, and tells how the guest stands', () => {
    const [features, status, device] = ask('cd /sys/bus/virtio/devices/virtio0; cat features status device; cd /').trim().split('\n');
    assert.deepEqual([FEATURES.map((bit) => features[bit]), status, device], [['1', '1', '1'], '0x0000000f', '0x0005']);
    assert.equal(balloon().driven, true);
    const told = new Map(balloon().statistics.map(({ name, value }) => [name, value]));
    assert.equal(told.get('total'), meminfo('MemTotal'));
    assert.ok(Math.abs((told.get('free') ?? 0) - meminfo('MemFree')) < LEEWAY);
  });

  it('takes pages that the guest reports as free, without being asked for', () => {
    ask('dd if=/dev/zero of=/tmp/large bs=1M count=80 2>/dev/null');
    const full = frames();
    ask('rm /tmp/large');
    // The driver reports large stretches, two seconds after they have become free.
    guest.run({ time: guest.time + 5 * SECOND });
    const saved = full - frames();
    console.log(`reported after 80 MiB were freed: ${inMib(saved)} of frames less`);
    assert.ok(saved > 60 * MIB, inMib(saved));
    assert.equal(balloon().taken, 0);
  });

  it('inflates and deflates, frames go and come, and each moment can be gone back to', () => {
    guest.machine.remember();
    ask('dd if=/dev/zero of=/tmp/large bs=1M count=80 2>/dev/null; rm /tmp/large');
    const free = meminfo('MemFree');
    guest.machine.remember();
    const [flat, flatFrames] = [here(), frames()];
    const start = performance.now();
    set(MEMORY - ASKED_FOR);
    const [inflated, inflatedFrames] = [here(), frames()];
    console.log(`inflated by 64 MiB in ${(performance.now() - start).toFixed(0)} ms: ${inMib(flatFrames - inflatedFrames)} of frames less`);
    // The driver is given pages as the guest's allocator has them, a few of which were never used.
    assert.ok(flatFrames - inflatedFrames > ASKED_FOR * 3 / 4, inMib(flatFrames - inflatedFrames));
    assert.ok(inflated[2] - flat[2] > (ASKED_FOR - LEEWAY) / PAGE, `${String(inflated[2])} pages are shown as given back, ${String(flat[2])} before`);
    assert.ok(Math.abs(free - meminfo('MemFree') - ASKED_FOR) < LEEWAY);
    assert.match(ask('cat /proc/vmstat'), new RegExp(`^balloon_inflate ${String(ASKED_FOR / PAGE)}$`, 'm'));
    guest.machine.remember();
    set(MEMORY);
    assert.ok(Math.abs(free - meminfo('MemFree')) < LEEWAY);
    // It works on, in the memory that it has again.
    const sum = ask('seq 1 100000 > /tmp/numbers; sha256sum /tmp/numbers; rm /tmp/numbers');
    assert.match(sum, /^b2bc7d3f8b652d2ec96865b68ad8f80e22cca174abe1aed7889e242a747d590f /m);
    const after = here();
    for (const [retired, hash, given] of [flat, after, inflated]) assert.deepEqual([travel(retired), kinds().get('ballooned') ?? 0], [hash, given]);
    assert.equal(balloon().taken, ASKED_FOR);
  });

  it('is set in the past: what came then does not come, and the guest goes on otherwise', () => {
    const then = guest.retired;
    set(MEMORY - ASKED_FOR / 2);
    assert.ok(guest.retired > then);
    assert.match(ask('cat /proc/vmstat'), new RegExp(`^balloon_deflate ${String(ASKED_FOR / 2 / PAGE)}$`, 'm'));
  });

  it('leaves the driver when that goes, which finds its size again when it comes back', () => {
    ask('rmmod virtio_balloon');
    assert.deepEqual([balloon().driven, balloon().taken], [false, 0]);
    ask('drivers balloon');
    come(ASKED_FOR / 2);
    assert.doesNotMatch(ask('dmesg'), /BUG:|Oops|Call Trace|WARNING:|virtio.*(?:error|fail)/i);
  });
});
