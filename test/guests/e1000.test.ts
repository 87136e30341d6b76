/** The e1000 under drivers that nobody has changed: Linux's, with its self-tests, and iPXE's out of an expansion ROM. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot } from './harness';
import type { Guest } from './harness';
import { NetworkPeer } from './support/networkPeer';
import { FETCHING_MS, LINUX, needGuests } from './support/testGuests';

const MAC = '52:54:00:65:43:21';
const MAC_BYTES = MAC.split(':').map((byte) => parseInt(byte, 16));
/** Where Debian's package ipxe-qemu has its ROM for this card. */
const IPXE_ROM = '/usr/lib/ipxe/qemu/pxe-e1000.rom';
const LONGEST_MS = 120_000;

/** A Linux guest with its shell, and the peer at its cable. */
class NetworkGuest {
  readonly peer: NetworkPeer;

  private constructor(readonly guest: Guest) {
    this.peer = new NetworkPeer((frame) => { guest.machine.input({ kind: 'frame', port: 'net0', bytes: frame }); });
    guest.onOutput = (channel, bytes) => {
      if (channel === 'net0') this.peer.take(bytes);
    };
  }

  static async start(flavour: string): Promise<NetworkGuest> {
    const guest = await boot({
      kernel: path.join(LINUX, `vmlinuz-${flavour}`), initrd: path.join(LINUX, `e1000-${flavour}.cpio`), cmdline: 'console=ttyS0,115200 cryptomgr.notests quiet',
      memory: '256M', network: { card: 'e1000', mac: MAC },
    });
    guest.patience = LONGEST_MS;
    guest.waitForSerial(/^guest# /m);
    const made = new NetworkGuest(guest);
    await Promise.resolve();
    return made;
  }

  /** Types a command and runs to the next prompt: what came in between. */
  type(line: string): string {
    const { guest } = this;
    const start = guest.serial.length;
    guest.send(`${line}\n`);
    guest.run({ until: () => guest.serial.slice(start).includes('\nguest# ') });
    return guest.serial.slice(start).replaceAll('\r', '');
  }

  /** A counter of `ethtool -S`. */
  counter(name: string): number {
    return Number(new RegExp(`^ *${name}: (\\d+)`, 'm').exec(this.type('ethtool -S eth0'))?.[1]);
  }
}

for (const flavour of ['686', 'amd64']) {
  describe(`e1000 under Linux, ${flavour}`, function () {
    this.timeout(LONGEST_MS);
    this.slow(LONGEST_MS);
    let guest: NetworkGuest;

    before(async function () {
      this.timeout(FETCHING_MS + LONGEST_MS);
      needGuests(this, 'kernels', 'e1000');
      guest = await NetworkGuest.start(flavour);
    });

    it('the driver takes the card, with its address, and finds the link', () => {
      const text = guest.type('insmod /e1000.ko; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; sleep 3; cat /sys/class/net/eth0/address; ethtool eth0; dmesg | grep e1000');
      assert.match(text, new RegExp(`^${MAC}$`, 'm'));
      assert.match(text, /Speed: 1000Mb\/s\n\tDuplex: Full/);
      assert.match(text, /Link detected: yes/);
      assert.match(text, /e1000: eth0 NIC Link is Up 1000 Mbps Full Duplex/);
      assert.doesNotMatch(text, /hang|fail|error/i);
    });

    it('passes the driver\'s own tests: registers, EEPROM, interrupts, loopback, link', () => {
      const text = guest.type('ethtool -t eth0 offline; sleep 3');
      assert.match(text, /The test result is PASS/);
      for (const name of ['Register test', 'Eeprom test', 'Interrupt test', 'Loopback test', 'Link test']) assert.match(text, new RegExp(`^${name}.*\t 0$`, 'm'));
    });

    it('pings, and notices a cable that is pulled', () => {
      assert.match(guest.type('ping -c 5 -s 1000 10.0.2.2'), /5 packets transmitted, 5 packets received, 0% packet loss/);
      guest.guest.machine.input({ kind: 'link', port: 'net0', up: false });
      assert.match(guest.type('sleep 3; cat /sys/class/net/eth0/carrier'), /^0$/m);
      guest.guest.machine.input({ kind: 'link', port: 'net0', up: true });
      assert.match(guest.type('sleep 5; cat /sys/class/net/eth0/carrier'), /^1$/m);
    });

    it('counts thousands of datagrams in, and out', () => {
      const before = { received: guest.counter('rx_packets'), missed: guest.counter('rx_missed_errors'), datagrams: guest.peer.datagrams };
      for (let round = 0; round < 100; round++) {
        for (let index = 0; index < 40; index++) guest.peer.sendDatagram(4000, [round, index, ...new Array<number>(200).fill(index)]);
        guest.guest.run({ time: guest.guest.time + 5_000_000 });
      }
      guest.type('sleep 3');
      const received = guest.counter('rx_packets') - before.received;
      assert.equal(guest.counter('rx_missed_errors'), before.missed);
      assert.ok(received >= 4000 && received < 4020, `${received} received`);
      const sentBefore = { frames: guest.peer.frames.length, counted: guest.counter('tx_packets') };
      // syslogd sends each line that it is given as a datagram.
      guest.type('syslogd -R 10.0.2.2:9 -O /dev/null; seq 1 3000 | logger; sleep 3');
      assert.equal(guest.peer.datagrams - before.datagrams, 3000);
      assert.equal(guest.counter('tx_packets') - sentBefore.counted, guest.peer.frames.length - sentBefore.frames);
    });

    it('cuts TCP\'s long packets itself, with the right checksums', () => {
      guest.type('seq 1 60000 > numbers; nc -w 3 10.0.2.2 9 < numbers');
      const expected = Array.from({ length: 60000 }, (_, index) => `${index + 1}\n`).join('');
      assert.equal(Buffer.from(guest.peer.stream).toString('latin1'), expected);
      const cut = guest.counter('tx_tcp_seg_good');
      assert.ok(cut > 0, 'no segmentation was used');
    });
  });
}

describe('iPXE in the e1000\'s expansion ROM, under SeaBIOS', function () {
  this.timeout(LONGEST_MS);
  this.slow(LONGEST_MS);

  it('finds the card and its link, and asks for an address by DHCP', async function () {
    if (!existsSync(IPXE_ROM)) leaveOut(this, 'no iPXE ROM (Debian package ipxe-qemu)');
    const guest = await boot({ firmware: 'seabios', memory: '64M', network: { card: 'e1000', mac: MAC, rom: IPXE_ROM } });
    guest.patience = LONGEST_MS;
    const peer = new NetworkPeer((frame) => { guest.machine.input({ kind: 'frame', port: 'net0', bytes: frame }); });
    guest.onOutput = (channel, bytes) => {
      if (channel === 'net0') peer.take(bytes);
    };
    // DHCP's first message: a broadcast UDP datagram from port 68 to port 67, with option 53 (message type) 1.
    const isDiscover = (frame: Uint8Array): boolean => {
      const text = Buffer.from(frame).toString('hex');
      return text.startsWith('ffffffffffff') && text.slice(68, 76) === '00440043' && text.includes('63825363350101');
    };
    guest.run({ until: () => peer.frames.some(isDiscover) });
    const found = peer.frames.find(isDiscover);
    assert.ok(found, guest.screen);
    assert.deepEqual([...found.subarray(6, 12)], MAC_BYTES);
    assert.match(guest.screen, /iPXE/);
    assert.match(guest.screen, new RegExp(`net0: ${MAC}`));
  });
});
