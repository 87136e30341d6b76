/** Debian's own virtio drivers, unmodified, on our devices: disk, entropy, console, shared folders. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NinepServer } from '../../src/host/ninep/server';
import { SharedFolder } from '../../src/host/node/sharedFolder';
import { ShareRequests } from '../../src/host/node/shares';
import { boot, type Guest, randomNumbers } from './harness';
import { FETCHING_MS, LINUX, needGuests } from './support/testGuests';

const LONGEST_SECONDS = 600;
const PROMPT = /^guest# /m;
const MIB = 1 << 20;
const DISK_BYTES = 8 * MIB;
/** Signs that something went wrong in a driver, or that a file system did not like its disk. */
const TROUBLE = /BUG:|Oops|Call Trace|WARNING:|I\/O error|EXT4-fs error|virtio.*(?:error|fail)|timed? ?out/i;

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes that look random and are always the same. */
function pattern(bytes: number): Buffer {
  const next = randomNumbers(7);
  const data = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 4) data.writeUInt32LE(next(0x1_0000_0000), at);
  return data;
}

const PEER_MAC = Buffer.from('52550a000202', 'hex');
const PEER_ADDRESS = '0a000202';
const ARP = 0x0806;
const ARP_REPLY = 2;
const IPV4 = 0x0800;
const ICMP = 1;
const ECHO_REPLY = 0;

/** What a neighbour at 10.0.2.2 answers to a frame: who it is (ARP), and echoes (ICMP), whose checksums only change by the type's. */
function neighbour(frame: Buffer): Buffer | undefined {
  const answer = Buffer.from(frame);
  frame.copy(answer, 0, 6, 12);
  PEER_MAC.copy(answer, 6);
  const type = frame.readUInt16BE(12);
  if (type === ARP && frame.toString('hex', 38, 42) === PEER_ADDRESS) {
    answer.writeUInt16BE(ARP_REPLY, 20);
    PEER_MAC.copy(answer, 22);
    frame.copy(answer, 28, 38, 42);
    frame.copy(answer, 32, 22, 32);
    return answer;
  }
  if (type !== IPV4 || frame[23] !== ICMP || frame.toString('hex', 30, 34) !== PEER_ADDRESS) return undefined;
  frame.copy(answer, 26, 30, 34);
  frame.copy(answer, 30, 26, 30);
  answer[34] = ECHO_REPLY;
  const checksum = frame.readUInt16BE(36) + 0x0800;
  answer.writeUInt16BE((checksum & 0xffff) + (checksum >> 16), 36);
  return answer;
}

/** A guest's shell. */
class Shell {
  console = '';

  constructor(readonly guest: Guest, readonly shares: ReadonlyMap<string, ShareRequests>) {
    guest.patience = 300_000;
    guest.onOutput = (channel, bytes) => {
      if (channel === 'net0') this.#frames(Buffer.from(bytes));
      if (channel === 'hvc0') this.console += Buffer.from(bytes).toString('latin1');
      for (const answer of shares.get(channel)?.take(bytes) ?? []) guest.machine.input({ kind: 'reply', port: channel, bytes: answer });
    };
  }

  #frames(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) {
      const answer = neighbour(bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at)));
      if (answer) this.guest.machine.input({ kind: 'frame', port: 'net0', bytes: answer });
    }
  }

  /** Types a command and gives what it prints. The echo, which may be broken by the line's length, is left out. */
  type(line: string): string {
    const seen = this.guest.serial.length;
    const since = (): string => this.guest.serial.slice(seen).replaceAll('\r', '');
    this.guest.send(`${line}; s=$?; echo; echo "end:" $s\n`);
    this.guest.run({ until: () => /^end: \d+\nguest# /m.test(since()) });
    const output = since().replace(/^[^]*?echo "end:" \$s\n/, '');
    assert.match(output, /^end: 0$/m, `${line}\n${output}`);
    return output.replace(/\nend: 0\n[^]*$/, '');
  }
}

for (const flavour of ['686', 'amd64']) {
  describe(`virtio under Debian's ${flavour} kernel`, function () {
    this.timeout(LONGEST_SECONDS * 1000);
    this.slow(LONGEST_SECONDS * 1000);
    let folder = '';
    let shell: Shell;
    const disk = pattern(DISK_BYTES);

    before(async function () {
      this.timeout(FETCHING_MS + LONGEST_SECONDS * 1000);
      needGuests(this, 'virtio');
      folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-virtio-'));
      writeFileSync(path.join(folder, 'disk.img'), disk);
      mkdirSync(path.join(folder, 'work', 'inner'), { recursive: true });
      mkdirSync(path.join(folder, 'library'));
      writeFileSync(path.join(folder, 'outside'), 'not for the guest');
      writeFileSync(path.join(folder, 'library', 'book'), 'read only');
      writeFileSync(path.join(folder, 'work', 'large'), disk.subarray(0, MIB + 123));
      for (let number = 0; number < 100; number++) writeFileSync(path.join(folder, 'work', 'inner', `file ${String(number)}`), `${String(number)}\n`);
      symlinkSync('../outside', path.join(folder, 'work', 'out'));
      const guest = await boot({
        kernel: path.join(LINUX, `virtio-${flavour}.vmlinuz`), initrd: path.join(LINUX, `virtio-${flavour}.cpio`), memory: '256M',
        cmdline: 'console=ttyS0 cryptomgr.notests', rng: true, network: { card: 'virtio', mac: '52:54:00:ab:cd:ef' }, console: 'stdio', disks: [{ path: path.join(folder, 'disk.img'), bus: 'virtio' }],
        shares: [{ path: path.join(folder, 'work'), tag: 'work', writable: true }, { path: path.join(folder, 'library'), tag: 'library' }],
      });
      shell = new Shell(guest, new Map([
        ['9p0', new ShareRequests(new NinepServer(new SharedFolder(path.join(folder, 'work')), { writable: true }))],
        ['9p1', new ShareRequests(new NinepServer(new SharedFolder(path.join(folder, 'library')), { writable: false }))],
      ]));
      guest.waitForSerial(PROMPT);
      // The kernel's messages would come between what programs print; they are looked at in the end.
      shell.type('dmesg -n 1; drivers virtio ext4; mkdir /tmp/work /tmp/library');
    });
    after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

    it('finds modern devices with all that is offered to it', () => {
      const features = shell.type('for d in /sys/bus/virtio/devices/*; do cat $d/device $d/status $d/features; done').split('\n');
      assert.deepEqual(features.filter((line) => line.startsWith('0x000')).slice(0, 1), ['0x0002']);
      // Acknowledged, driver, ready, features agreed.
      assert.deepEqual([...new Set(features.filter((line) => /^0x0000000/.test(line)))], ['0x0000000f']);
      const offered = features.filter((line) => /^[01]{64}$/.test(line));
      assert.ok(offered.length === 6 && offered.every((bits) => bits[28] === '1' && bits[29] === '1' && bits[32] === '1'), offered.join('\n'));
    });

    it('reads and writes a disk', () => {
      assert.match(shell.type('sha256sum /dev/vda'), new RegExp(`^${sha256(disk)} `, 'm'));
      assert.equal(shell.type('cat /sys/block/vda/serial').trim(), 'shadowbox-disk0');
      shell.type('dd if=/dev/vda of=/tmp/part bs=1000 skip=3 count=2000; dd if=/tmp/part of=/dev/vda bs=4096 seek=700 conv=fsync; sync; echo 3 > /proc/sys/vm/drop_caches');
      const changed = Buffer.from(disk);
      disk.copy(changed, 700 * 4096, 3000, 3000 + 2_000_000);
      assert.match(shell.type('sha256sum /dev/vda'), new RegExp(`^${sha256(changed)} `, 'm'));
    });

    it('keeps a file system whole: made, filled, trimmed, checked', () => {
      shell.type('/sbin/mke2fs -q -F -t ext4 /dev/vda && mount -t ext4 -o discard /dev/vda /mnt');
      shell.type('for n in 1 2 3 4 5 6 7 8; do seq 1 5000 > /mnt/$n; done; rm /mnt/3 /mnt/5; fstrim /mnt; sync; echo 3 > /proc/sys/vm/drop_caches');
      const numbers = Array.from({ length: 5000 }, (_, index) => `${String(index + 1)}\n`).join('');
      assert.equal(shell.type('sha256sum /mnt/[0-9]').match(new RegExp(`^${sha256(numbers)} `, 'gm'))?.length, 6);
      assert.match(shell.type('umount /mnt && /sbin/e2fsck -fn /dev/vda'), /Pass 5: Checking group summary information\n\/dev\/vda: 17\//);
    });

    it('draws random numbers', () => {
      assert.match(shell.type('cat /sys/class/misc/hw_random/rng_current'), /^virtio_rng/m);
      const drawn = shell.type('for n in 1 2 3; do dd if=/dev/hwrng bs=32 count=1 2>/dev/null | hexdump -v -e \'32/1 "%02x" "\\n"\'; done').match(/^[0-9a-f]{64}$/gm) ?? [];
      assert.equal(new Set(drawn).size, 3);
      assert.ok(drawn.every((line) => new Set(line.match(/../g)).size > 16), drawn.join('\n'));
    });

    it('writes to the console, and reads from it', () => {
      shell.type('seq 1 3000 > /dev/hvc0');
      shell.guest.run({ until: () => shell.console.endsWith('3000\r\n') });
      assert.equal(shell.console.replaceAll('\r', ''), Array.from({ length: 3000 }, (_, index) => `${String(index + 1)}\n`).join(''));
      // In a shell of its own, which says nothing when it is done.
      shell.type('( (head -n 1 < /dev/hvc0 > /tmp/typed; echo done > /tmp/done) & )');
      shell.guest.machine.input({ kind: 'serial', port: 'hvc0', bytes: Buffer.from('typed by hand\n') });
      assert.match(shell.type('while ! [ -e /tmp/done ]; do sleep 0.1; done; cat /tmp/typed'), /^typed by hand$/m);
    });

    it('talks to a neighbour on its network', () => {
      assert.equal(shell.type('cat /sys/class/net/eth0/address').trim(), '52:54:00:ab:cd:ef');
      shell.type('ip address add 10.0.2.15/24 dev eth0; ip link set eth0 up; while ! grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.1; done');
      assert.match(shell.type('ping -c 3 -i 0.2 -s 1400 10.0.2.2'), /^3 packets transmitted, 3 packets received, 0% packet loss$/m);
      shell.guest.machine.input({ kind: 'link', port: 'net0', up: false });
      assert.equal(shell.type('sleep 1; cat /sys/class/net/eth0/carrier').trim(), '0');
    });

    it('sees a shared folder, and the host sees what it does there', () => {
      const type = (line: string): string => shell.type(line);
      type('mount -t 9p -o trans=virtio,version=9p2000.L work /tmp/work');
      assert.match(type('sha256sum /tmp/work/large'), new RegExp(`^${sha256(disk.subarray(0, MIB + 123))} `, 'm'));
      assert.match(type('ls /tmp/work/inner | wc -l; cat /tmp/work/inner/* | sort -n | tail -n 1'), /^100\n99$/m);
      type('cd /tmp/work; seq 1 5000 > numbers; mkdir -p a/b; mv numbers a/b/moved; ln -s b/moved a/link; ln a/b/moved a/twin; cp -r inner copied; rm -r inner; chmod 640 a/twin; '
        + 'touch -d "2001-02-03 04:05:06" a/b; truncate -s 10 large; echo more >> large; exec 5<> gone; rm gone; echo kept >&5; exec 5>&-; cd /tmp');
      const work = (...names: string[]): string => path.join(folder, 'work', ...names);
      const numbers = Array.from({ length: 5000 }, (_, index) => `${String(index + 1)}\n`).join('');
      assert.equal(readFileSync(work('a', 'link'), 'latin1'), numbers);
      assert.equal(readlinkSync(work('a', 'link')), 'b/moved');
      assert.deepEqual([statSync(work('a', 'twin')).nlink, statSync(work('a', 'twin')).mode & 0o777], [2, 0o640]);
      assert.equal(statSync(work('a', 'b')).mtimeMs, Date.UTC(2001, 1, 3, 4, 5, 6));
      assert.equal(readdirSync(work('copied')).length, 100);
      assert.deepEqual(readFileSync(work('large')), Buffer.concat([disk.subarray(0, 10), Buffer.from('more\n')]));
      assert.deepEqual(readdirSync(work()).sort(), ['a', 'copied', 'large', 'out']);
      assert.match(type('df /tmp/work | tail -n 1'), /^work /m);
    });

    it('does not get out of it, and changes nothing where it may not', () => {
      // The link is the guest's own to follow, in its own tree.
      assert.match(shell.type('cat /tmp/work/out 2>&1; true'), /No such file/);
      shell.type('mount -t 9p -o trans=virtio,version=9p2000.L library /tmp/library');
      assert.match(shell.type('cat /tmp/library/book'), /^read only$/m);
      for (const attempt of ['echo x > /tmp/library/book', 'rm /tmp/library/book', 'mkdir /tmp/library/new', 'chmod 777 /tmp/library/book', 'ln -s a /tmp/library/l']) {
        assert.match(shell.type(`(${attempt}) 2>&1; true`), /Read-only file system/, attempt);
      }
      assert.deepEqual([readdirSync(path.join(folder, 'library')), readFileSync(path.join(folder, 'library', 'book'), 'latin1')], [['book'], 'read only']);
    });

    it('has had no trouble', () => {
      shell.type('umount /tmp/work /tmp/library');
      assert.deepEqual(shell.type('dmesg').split('\n').filter((line) => TROUBLE.test(line)), []);
    });
  });
}

describe('SeaBIOS', function () {
  this.timeout(LONGEST_SECONDS * 1000);

  it('boots from a virtio disk by its own driver', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-virtio-'));
    try {
      // mov dx, E9h (the debug port); then mov al, character; out dx, al for each; cli; hlt
      const program = [0xba, 0xe9, 0x00, ...Array.from(Buffer.from('from virtio'), (byte) => [0xb0, byte, 0xee]).flat(), 0xfa, 0xf4];
      const sector = Buffer.alloc(MIB);
      sector.set(program);
      sector.set([0x55, 0xaa], 510);
      writeFileSync(path.join(folder, 'boot.img'), sector);
      const guest = await boot({ firmware: 'seabios', disks: [{ path: path.join(folder, 'boot.img'), bus: 'virtio' }], memory: '32M' });
      guest.patience = 120_000;
      assert.equal(guest.run({})?.kind, 'halted-forever', guest.screen);
      assert.match(guest.debug, /from virtio$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
