/** What the gateway does itself, and UDP: ARP, echo, DHCP, TFTP, DNS, fragments, restriction, and whatever a guest may send. */
import assert from 'node:assert/strict';
import { read16, read32, write16, write32 } from '../../../src/host/network/bytes';
import { addressAnswer, questionOf } from '../../../src/host/network/dns';
import { PROTOCOL, packetsOf } from '../../../src/host/network/ipv4';
import type { Packet } from '../../../src/host/network/ipv4';
import { PLAN, ipv4 } from '../../../src/host/network/plan';
import type { StackOptions } from '../../../src/host/network/plan';
import { segmentBytes } from '../../../src/host/network/tcp/segment';
import { parseUdp, udpBytes } from '../../../src/host/network/udp';
import { randomNumbers } from '../../guests/harness';
import { GUEST, GUEST_MAC, HOST_PORT, World, framed, pattern } from './world';

const SOMEWHERE = ipv4('192.0.2.80');

interface Received {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** A guest that hears datagrams and ICMP messages. */
class Ears {
  readonly world: World;
  readonly datagrams: Received[] = [];
  readonly messages: { readonly source: number; readonly bytes: Uint8Array }[] = [];
  readonly fragments: Packet[] = [];

  constructor(options: Partial<StackOptions> = {}) {
    this.world = new World(options);
    this.world.onPacket = (packet) => {
      const { source, destination, protocol, payload } = packet;
      if (packet.moreFragments || packet.offset > 0) this.fragments.push({ ...packet, payload: payload.slice() });
      else if (protocol === PROTOCOL.icmp) this.messages.push({ source, bytes: payload.slice() });
      else if (protocol === PROTOCOL.udp) {
        const datagram = parseUdp(payload, source, destination);
        assert.ok(datagram, 'a datagram of the stack is malformed');
        this.datagrams.push({ source, destination, ...datagram, payload: datagram.payload.slice() });
      }
    };
  }

  send(destination: number, destinationPort: number, payload: Uint8Array, sourcePort = 5000, source: number = GUEST): void {
    this.world.sendPacket(destination, PROTOCOL.udp, udpBytes({ sourcePort, destinationPort, payload }, source, destination), source);
  }

  async next(): Promise<Received> {
    assert.ok(await this.world.until(() => this.datagrams.length > 0, 5000), 'no datagram came');
    return this.datagrams.shift() ?? assert.fail();
  }

  async nextMessage(): Promise<{ readonly source: number; readonly bytes: Uint8Array }> {
    assert.ok(await this.world.until(() => this.messages.length > 0, 5000), 'no ICMP message came');
    return this.messages.shift() ?? assert.fail();
  }
}

function echoRequest(data: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + data.length);
  message[0] = 8;
  write16(message, 4, 77);
  message.set(data, 8);
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) sum += (message[at] << 8) + (message[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  write16(message, 2, ~sum & 0xffff);
  return message;
}

describe('the gateway: ARP and echo', () => {
  it('answers ARP for its own addresses and no other', async () => {
    const world = new World();
    for (const target of [PLAN.gateway, PLAN.nameServer, GUEST, ipv4('10.0.2.99')]) {
      const frame = new Uint8Array(42);
      frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...GUEST_MAC, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...GUEST_MAC]);
      write32(frame, 28, GUEST);
      write32(frame, 38, target);
      world.fromGuest(frame);
    }
    await world.pass(10);
    assert.deepEqual(world.sent.map((frame) => [read16(frame, 20), read32(frame, 28), [...frame.subarray(0, 6)]]), [
      [2, PLAN.gateway, [...GUEST_MAC]], [2, PLAN.nameServer, [...GUEST_MAC]],
    ]);
    assert.deepEqual([...world.sent[0].subarray(22, 28)], [...PLAN.gatewayMac]);
  });

  it('answers echo requests, also long ones in fragments, and has the host ask elsewhere', async () => {
    const ears = new Ears();
    ears.world.sendPacket(PLAN.gateway, PROTOCOL.icmp, echoRequest(pattern(56)));
    const reply = await ears.nextMessage();
    assert.deepEqual([reply.source, reply.bytes[0], read16(reply.bytes, 4)], [PLAN.gateway, 0, 77]);
    assert.deepEqual([...reply.bytes.subarray(8)], [...pattern(56)]);
    ears.world.sendPacket(PLAN.nameServer, PROTOCOL.icmp, echoRequest(pattern(8000)));
    await ears.world.pass(100);
    assert.equal(ears.fragments.reduce((sum, { payload }) => sum + payload.length, 0), 8008);
    // The simulated world answers for even addresses.
    ears.world.sendPacket(SOMEWHERE + 1, PROTOCOL.icmp, echoRequest(pattern(10)));
    ears.world.sendPacket(SOMEWHERE, PROTOCOL.icmp, echoRequest(pattern(10)));
    assert.equal((await ears.nextMessage()).source, SOMEWHERE);
    assert.deepEqual(ears.world.pinged, [SOMEWHERE + 1, SOMEWHERE]);
  });

  it('says when a packet has come to the end of its time, and sends none to where none may go', async () => {
    const ears = new Ears();
    const [packet] = packetsOf({ source: GUEST, destination: SOMEWHERE, protocol: PROTOCOL.udp }, udpBytes({ sourcePort: 1, destinationPort: 33434, payload: new Uint8Array(4) }, GUEST, SOMEWHERE));
    packet[8] = 1;
    write16(packet, 10, read16(packet, 10) + (63 << 8) > 0xffff ? ((read16(packet, 10) + (63 << 8)) & 0xffff) + 1 : read16(packet, 10) + (63 << 8));
    ears.world.fromGuest(framed(packet));
    const { bytes, source } = await ears.nextMessage();
    assert.deepEqual([source, bytes[0], bytes[1], read32(bytes, 8 + 16)], [PLAN.gateway, 11, 0, SOMEWHERE]);
    for (const address of ['127.0.0.1', '0.0.0.1', '224.0.0.251', '255.255.255.255', '10.0.2.77', '10.0.2.255', '240.0.0.1']) ears.send(ipv4(address), HOST_PORT.echo, pattern(3));
    // Nor from addresses that are not the guest's to have.
    for (const address of ['10.0.2.2', '192.168.1.1', '127.0.0.1']) ears.send(SOMEWHERE, HOST_PORT.echo, pattern(3), 5000, ipv4(address));
    await ears.world.pass(100);
    assert.deepEqual(ears.world.datagrams, []);
  });
});

/** A router solicitation (RFC 4861, 4.1) of fe80::15 with its link address, changed by `spoil`, in a frame. */
function solicitation(spoil: (packet: Uint8Array) => void = () => undefined, isWrong = false): Uint8Array {
  const packet = new Uint8Array(56);
  packet.set([0x60, 0, 0, 0, 0, 16, 58, 255]);
  packet.set([0xfe, 0x80], 8);
  packet[23] = 0x15;
  packet.set([0xff, 0x02], 24);
  packet[39] = 2;
  packet.set([133, 0, 0, 0, 0, 0, 0, 0, 1, 1, ...GUEST_MAC], 40);
  spoil(packet);
  write16(packet, 42, icmp6Checksum(packet) ^ (isWrong ? 1 : 0));
  const frame = framed(packet);
  frame.set([0x33, 0x33, 0, 0, 0, 2]);
  frame.set([0x86, 0xdd], 12);
  return frame;
}

/** Ones' complement over pseudo header and message (RFC 8200, 8.1), with the message's own checksum as it is. */
function icmp6Checksum(packet: Uint8Array): number {
  let sum = read16(packet, 4) + 58;
  for (let at = 8; at < 40 + read16(packet, 4); at += 2) sum += read16(packet, at);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}

describe('IPv6', () => {
  it('answers who looks for a router: there is none for ways out, no prefix and no DHCPv6', async () => {
    const world = new World();
    world.fromGuest(solicitation());
    await world.pass(10);
    const [frame, ...more] = world.sent;
    assert.deepEqual(more, []);
    assert.deepEqual([...frame.subarray(0, 14)], [0x33, 0x33, 0, 0, 0, 1, ...PLAN.gatewayMac, 0x86, 0xdd]);
    const packet = frame.subarray(14);
    assert.deepEqual([packet[0] >> 4, read16(packet, 4), packet[6], packet[7]], [6, 16, 58, 255]);
    assert.deepEqual([...packet.subarray(8, 10), packet[23], ...packet.subarray(24, 26), packet[39]], [0xfe, 0x80, 2, 0xff, 0x02, 1]);
    assert.deepEqual([packet[40], packet[41], ...packet.subarray(44, 56)], [134, 0, ...new Array<number>(12).fill(0)]);
    assert.equal(icmp6Checksum(packet), 0);
  });

  it('says nothing to what is no valid solicitation (RFC 4861, 6.1.1), nor to anything else', async () => {
    const world = new World();
    const wrong = [
      solicitation((packet) => { packet[7] = 254; }), solicitation((packet) => { packet[41] = 1; }), solicitation((packet) => { packet[49] = 0; }),
      solicitation((packet) => { packet[49] = 2; }), solicitation((packet) => { packet.fill(0, 8, 24); }), solicitation((packet) => { packet[40] = 128; }),
      solicitation((packet) => { packet[5] = 4; }), solicitation((packet) => { packet[5] = 200; }), solicitation((packet) => { packet[6] = 17; }),
      solicitation(() => undefined, true), solicitation().subarray(0, 60),
    ];
    for (const frame of wrong) world.fromGuest(frame);
    await world.pass(10);
    assert.deepEqual(world.sent, []);
  });
});

describe('UDP', () => {
  it('reaches the host\'s loopback interface by the gateway, and the world outside, and comes back', async () => {
    const ears = new Ears();
    ears.send(PLAN.gateway, HOST_PORT.echo, pattern(100));
    const near = await ears.next();
    assert.deepEqual([near.source, near.sourcePort, near.destinationPort, [...near.payload]], [PLAN.gateway, HOST_PORT.echo, 5000, [...pattern(100)]]);
    ears.send(SOMEWHERE, HOST_PORT.echo, pattern(5));
    assert.equal((await ears.next()).source, SOMEWHERE);
    assert.deepEqual(ears.world.datagrams.map(({ where, address }) => [where, address]), [['loopback', ipv4('127.0.0.1')], ['outside', SOMEWHERE]]);
  });

  it('lets nobody in to whom the guest has sent nothing', async () => {
    const ears = new Ears();
    ears.send(SOMEWHERE, HOST_PORT.rude, pattern(5));
    await ears.world.pass(100);
    assert.deepEqual(ears.datagrams, []);
  });

  it('carries datagrams longer than a frame in both directions', async () => {
    const ears = new Ears();
    ears.send(PLAN.gateway, HOST_PORT.echo, pattern(9000));
    await ears.world.pass(100);
    assert.equal(ears.world.datagrams[0].bytes.length, 9000);
    assert.ok(Buffer.compare(ears.world.datagrams[0].bytes, pattern(9000)) === 0);
    assert.equal(ears.fragments.reduce((sum, { payload }) => sum + payload.length, 0), 9008);
    assert.ok(ears.fragments.every(({ payload }) => payload.length <= 1480));
  });

  it('closes sockets that nobody uses, and never has more than 256 flows', async () => {
    const ears = new Ears();
    for (let port = 1000; port < 3000; port += 1) ears.send(SOMEWHERE, 99, pattern(1), port);
    await ears.world.pass(10);
    assert.equal(ears.world.openSockets, 256);
    await ears.world.pass(121_000);
    assert.deepEqual([ears.world.openSockets, ears.world.stack.counts.datagramFlows, ears.world.stack.counts.timers], [0, 0, 0]);
  });

  it('tells the guest when the host has no way', async () => {
    const ears = new Ears();
    ears.send(SOMEWHERE, HOST_PORT.unreachable, pattern(5));
    const { bytes } = await ears.nextMessage();
    assert.deepEqual([bytes[0], bytes[1]], [3, 1]);
  });

  it('brings datagrams for a forwarded port to the guest, and each answer back to who asked', async () => {
    const ears = new Ears();
    const answers: string[] = [];
    const peer = (name: string, address: string): void => ears.world.stack.forwardDatagram({ address: GUEST, port: 53 }, { address: ipv4(address), port: 4000 }, Buffer.from(name), (bytes) => answers.push(`${name}: ${Buffer.from(bytes)}`));
    peer('a', '127.0.0.1');
    peer('b', '127.0.0.2');
    const [first, second] = [await ears.next(), await ears.next()];
    assert.deepEqual([first.source, first.sourcePort, first.destinationPort], [PLAN.gateway, 4000, 53]);
    assert.notEqual(second.sourcePort, 4000);
    ears.send(PLAN.gateway, second.sourcePort, Buffer.from('to b'), 53);
    ears.send(PLAN.gateway, first.sourcePort, Buffer.from('to a'), 53);
    await ears.world.pass(10);
    assert.deepEqual(answers, ['b: to b', 'a: to a']);
    await ears.world.pass(121_000);
    assert.equal(ears.world.stack.counts.datagramFlows, 0);
  });
});

/** A DHCP message of a client: options as [number, bytes]. */
function dhcpMessage(options: readonly (readonly [number, readonly number[]])[], { ciaddr = 0, flags = 0x8000, mac = GUEST_MAC } = {}): Uint8Array {
  const message = new Uint8Array(300);
  message.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  write16(message, 10, flags);
  write32(message, 12, ciaddr);
  message.set(mac, 28);
  if (options.length === 0) return message.subarray(0, 236 + 64);
  message.set([0x63, 0x82, 0x53, 0x63, ...options.flatMap(([number, bytes]) => [number, bytes.length, ...bytes]), 255], 236);
  return message;
}

function optionsOf(payload: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 240; payload[at] !== 255; at += 2 + payload[at + 1]) found.set(payload[at], payload.subarray(at + 2, at + 2 + payload[at + 1]));
  return found;
}

const bytesOf = (address: number): number[] => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const BROADCAST = ipv4('255.255.255.255');

describe('DHCP', () => {
  const ask = (ears: Ears, ...parameters: Parameters<typeof dhcpMessage>): void => ears.send(BROADCAST, 67, dhcpMessage(...parameters), 68, 0);

  it('gives a lease with all that a client needs', async () => {
    const ears = new Ears({ hostname: 'guest', domain: 'example.org', bootFile: 'boot.ipxe' });
    ask(ears, [[53, [1]]]);
    const offer = await ears.next();
    assert.deepEqual([offer.source, offer.destination, offer.sourcePort, offer.destinationPort], [PLAN.gateway, BROADCAST, 67, 68]);
    assert.deepEqual([offer.payload[0], read32(offer.payload, 4), read32(offer.payload, 16), read32(offer.payload, 20)], [2, 0xdeadbeef, GUEST, PLAN.gateway]);
    assert.equal(optionsOf(offer.payload).get(53)?.[0], 2);
    ask(ears, [[53, [3]], [50, bytesOf(GUEST)], [54, bytesOf(PLAN.gateway)]], { flags: 0 });
    const ack = await ears.next();
    // Without the broadcast flag it goes to the address that the client is about to have.
    assert.equal(ack.destination, GUEST);
    const options = optionsOf(ack.payload);
    assert.equal(options.get(53)?.[0], 5);
    assert.deepEqual([1, 3, 6, 54].map((number) => read32(options.get(number) ?? new Uint8Array(4), 0)), [PLAN.mask, PLAN.gateway, PLAN.nameServer, PLAN.gateway]);
    assert.equal(read32(options.get(51) ?? new Uint8Array(4), 0), 86_400);
    assert.deepEqual([12, 15, 66, 67].map((number) => text(options.get(number))), ['guest', 'example.org', '10.0.2.2', 'boot.ipxe']);
    assert.equal(text(ack.payload.subarray(108, 117)), 'boot.ipxe');
  });

  it('is the next server also where no file is named, but not of who gets no address', async () => {
    const ears = new Ears();
    ask(ears, [[53, [1]]]);
    const offer = await ears.next();
    assert.equal(read32(offer.payload, 20), PLAN.gateway);
    assert.deepEqual([66, 67].map((number) => optionsOf(offer.payload).has(number)), [false, false]);
    ask(ears, [[53, [3]], [50, bytesOf(ipv4('192.168.0.5'))]]);
    assert.equal(read32((await ears.next()).payload, 20), 0);
  });

  it('refuses an address that is not its own or another card\'s, keeps a card\'s address, ignores requests to other servers', async () => {
    const ears = new Ears();
    const other = Uint8Array.of(2, 0, 0, 0, 0, 9);
    ask(ears, [[53, [1]]]);
    ask(ears, [[53, [1]]], { mac: other });
    ask(ears, [[53, [1]]]);
    assert.deepEqual([await ears.next(), await ears.next(), await ears.next()].map(({ payload }) => read32(payload, 16)), [GUEST, GUEST + 1, GUEST]);
    for (const wanted of [ipv4('192.168.0.5'), GUEST + 1]) {
      ask(ears, [[53, [3]], [50, bytesOf(wanted)]]);
      assert.equal(optionsOf((await ears.next()).payload).get(53)?.[0], 6);
    }
    ask(ears, [[53, [3]], [50, bytesOf(GUEST)], [54, bytesOf(ipv4('10.0.2.9'))]]);
    await ears.world.pass(10);
    assert.deepEqual(ears.datagrams, []);
  });

  it('tells iPXE, which is known by its option, not to wait for a ProxyDHCP server', async () => {
    const ears = new Ears({ bootFile: 'boot.ipxe' });
    ask(ears, [[53, [1]], [175, [0xb1, 5, 1, 0x80, 0x86, 0x10, 0x0e]]]);
    assert.deepEqual(optionsOf((await ears.next()).payload).get(175), Uint8Array.of(0xb0, 1, 1));
    ask(ears, [[53, [1]]]);
    assert.equal(optionsOf((await ears.next()).payload).has(175), false);
  });

  it('answers BOOTP, and more cards than it has addresses', async () => {
    const ears = new Ears({ bootFile: 'x' });
    ask(ears, []);
    const reply = await ears.next();
    assert.ok(reply.payload.length >= 300);
    assert.equal(optionsOf(reply.payload).has(53), false);
    for (let card = 0; card < 100; card += 1) ask(ears, [[53, [1]]], { mac: Uint8Array.of(2, 0, 0, 0, 1, card) });
    await ears.world.pass(100);
    const addresses = ears.datagrams.map(({ payload }) => read32(payload, 16));
    assert.ok(addresses.length === 100 && addresses.every((address) => address >= GUEST && address < GUEST + PLAN.guests));
  });
});

function request(file: string, ...options: string[]): Uint8Array {
  return Buffer.from(`\0\x01${[file, 'octet', ...options].join('\0')}\0`, 'latin1');
}

/** Reads a file as a client does, acknowledging every `window` blocks. */
async function fetchFile(ears: Ears, message: Uint8Array, blockBytes: number, window = 1): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  ears.send(PLAN.gateway, 69, message);
  for (let block = 1; ;) {
    const { sourcePort, payload } = await ears.next();
    const acknowledge = (number: number): void => ears.send(PLAN.gateway, sourcePort, Uint8Array.of(0, 4, number >> 8, number & 0xff));
    if (payload[1] === 6) {
      acknowledge(0);
      continue;
    }
    assert.equal(payload[1], 3, text(payload.subarray(4)));
    if (read16(payload, 2) !== (block & 0xffff)) continue;
    parts.push(payload.slice(4));
    const isLast = payload.length - 4 < blockBytes;
    if (block % window === 0 || isLast) acknowledge(block & 0xffff);
    if (isLast) return Buffer.concat(parts);
    block += 1;
  }
}

describe('TFTP', () => {
  it('sends files, with and without options, whole blocks at the end, more than 65,535 blocks', async () => {
    const ears = new Ears();
    ears.world.keep = false;
    for (const [bytes, options, block, window] of [
      [1000, [], 512, 1], [1024, [], 512, 1], [0, [], 512, 1], [100_000, ['blksize', '1468', 'tsize', '0'], 1468, 1], [200_000, ['windowsize', '8'], 512, 8],
      [600_000, ['blksize', '8', 'windowsize', '16'], 8, 16],
    ] as const) {
      ears.world.files.set('file', pattern(bytes, 3));
      const got = await fetchFile(ears, request('file', ...options), block, window);
      assert.ok(Buffer.compare(got, pattern(bytes, 3)) === 0, `${bytes} bytes, ${options.join(' ')}`);
    }
    await ears.world.pass(100);
    assert.deepEqual([ears.world.openFiles, ears.world.stack.counts.transfers], [0, 0]);
  }).timeout(30_000).slow(10_000);

  it('tells a file\'s size, and takes no larger blocks than a frame has room for', async () => {
    const ears = new Ears();
    ears.world.files.set('file', pattern(5000));
    ears.send(PLAN.gateway, 69, request('file', 'TSIZE', '0', 'blksize', '60000', 'strange', '1'));
    assert.equal(text((await ears.next()).payload), '\0\x06blksize\x001468\0tsize\x005000\0');
  });

  it('says what is wrong, and gives up a client that says nothing', async () => {
    const ears = new Ears();
    ears.world.files.set('file', pattern(5000));
    ears.send(PLAN.gateway, 69, request('other'));
    assert.deepEqual([...(await ears.next()).payload.subarray(0, 4)], [0, 5, 0, 1]);
    ears.send(PLAN.gateway, 69, Buffer.from('\0\x02file\0octet\0'));
    assert.deepEqual([...(await ears.next()).payload.subarray(0, 4)], [0, 5, 0, 2]);
    for (let client = 0; client < 40; client += 1) ears.send(PLAN.gateway, 69, request('file'), 6000 + client);
    await ears.world.pass(100);
    assert.equal(ears.world.stack.counts.transfers, 16);
    await ears.world.pass(120_000);
    assert.deepEqual([ears.world.stack.counts.transfers, ears.world.openFiles, ears.world.stack.counts.timers], [0, 0, 0]);
  });
});

const QUERY = Uint8Array.of(0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0x68, 0x6f, 0x73, 0x74, 2, 0x74, 0x6c, 0, 0, 1, 0, 1);

describe('DNS', () => {
  it('has the host answer, and says so when it cannot', async () => {
    const ears = new Ears();
    ears.world.answers = (query) => {
      const question = questionOf(query);
      return question && addressAnswer(query, question, [Uint8Array.of(192, 0, 2, 80)]);
    };
    ears.send(PLAN.nameServer, 53, QUERY);
    const answer = await ears.next();
    assert.deepEqual([answer.source, answer.sourcePort, read16(answer.payload, 0), answer.payload[3] & 0xf, read16(answer.payload, 6)], [PLAN.nameServer, 53, 0x1234, 0, 1]);
    assert.deepEqual([...answer.payload.subarray(-4)], [192, 0, 2, 80]);
    assert.equal(questionOf(QUERY)?.name, 'host.tl');
    ears.world.answers = () => undefined;
    ears.send(PLAN.nameServer, 53, QUERY);
    assert.equal((await ears.next()).payload[3] & 0xf, 2);
  });
});

describe('a restricted network', () => {
  it('lets the guest reach DHCP, TFTP, echo and who has come by a forwarded port, and nothing else', async () => {
    const ears = new Ears({ restrict: true, bootFile: 'file' });
    ears.world.files.set('file', pattern(10));
    ears.send(BROADCAST, 67, dhcpMessage([[53, [1]]]), 68, 0);
    await ears.next();
    assert.equal((await fetchFile(ears, request('file'), 512)).length, 10);
    ears.world.sendPacket(PLAN.gateway, PROTOCOL.icmp, echoRequest(pattern(5)));
    assert.equal((await ears.nextMessage()).bytes[0], 0);
    ears.send(PLAN.nameServer, 53, QUERY);
    assert.equal((await ears.next()).payload[3] & 0xf, 5);
    for (const address of [PLAN.gateway, SOMEWHERE]) {
      ears.send(address, HOST_PORT.echo, pattern(5));
      const udp = await ears.nextMessage();
      assert.deepEqual([udp.bytes[0], udp.bytes[1]], [3, 13]);
      const syn = { sourcePort: 5000, destinationPort: HOST_PORT.echo, sequence: 0, acknowledgment: 0, flags: 2, window: 0, payload: new Uint8Array() };
      ears.world.sendPacket(address, PROTOCOL.tcp, segmentBytes(syn, GUEST, address));
      const tcp = await ears.nextMessage();
      assert.deepEqual([tcp.bytes[0], tcp.bytes[1]], [3, 13]);
    }
    ears.world.sendPacket(SOMEWHERE, PROTOCOL.icmp, echoRequest(pattern(5)));
    await ears.world.pass(100);
    assert.deepEqual([ears.world.pinged, ears.world.datagrams, ears.world.streams.length], [[], [], 0]);
    let answer = '';
    ears.world.stack.forwardDatagram({ address: GUEST, port: 53 }, { address: ipv4('127.0.0.1'), port: 4000 }, Buffer.from('q'), (bytes) => { answer = text(bytes); });
    await ears.next();
    ears.send(PLAN.gateway, 4000, Buffer.from('a'), 53);
    await ears.world.pass(10);
    assert.equal(answer, 'a');
  });
});

describe('fragments', () => {
  it('are put together in any order, and forgotten when they overlap or the rest does not come', async () => {
    const ears = new Ears();
    const bytes = udpBytes({ sourcePort: 5000, destinationPort: HOST_PORT.echo, payload: pattern(4000) }, GUEST, PLAN.gateway);
    const packets = packetsOf({ source: GUEST, destination: PLAN.gateway, protocol: PROTOCOL.udp }, bytes);
    for (const at of [2, 0, 0, 1]) ears.world.fromGuest(framed(packets[at]));
    await ears.world.pass(10);
    assert.ok(ears.world.datagrams.length === 1 && Buffer.compare(ears.world.datagrams[0].bytes, pattern(4000)) === 0);
    for (let count = 0; count < 1000; count += 1) {
      const [first] = packetsOf({ source: GUEST, destination: PLAN.gateway, protocol: PROTOCOL.udp }, bytes);
      ears.world.fromGuest(framed(first));
    }
    await ears.world.pass(10);
    assert.ok(ears.world.stack.counts.reassemblies <= 16);
    assert.equal(ears.world.datagrams.length, 1);
  });
});

describe('whatever a guest sends', function () {
  this.timeout(60_000);

  it('raises no exception and makes nothing grow', async () => {
    const random = randomNumbers(99);
    const world = new World({ bootFile: 'file' });
    world.keep = false;
    world.files.set('file', pattern(3000));
    world.answers = (query) => query.slice(0, 40);
    const noise = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, () => random(256));
    const destinations = [PLAN.gateway, PLAN.nameServer, BROADCAST, SOMEWHERE, PLAN.broadcast];
    const ports = [53, 67, 69, HOST_PORT.echo, HOST_PORT.sink, HOST_PORT.rude, 20_001, 20_002, random(65_536)];
    for (let round = 0; round < 30_000; round += 1) {
      const destination = destinations[random(destinations.length)];
      const port = ports[random(ports.length)];
      const payload = noise(random(100) === 0 ? random(3000) : random(80));
      const kind = random(6);
      if (kind === 0) world.fromGuest(noise(random(120)));
      else if (kind === 1) {
        // A right packet with a few bytes spoilt: past the checks of lengths and checksums often enough.
        const frame = framed(packetsOf({ source: GUEST, destination, protocol: PROTOCOL.udp }, udpBytes({ sourcePort: 68, destinationPort: port, payload }, GUEST, destination))[0]);
        frame[14 + random(20)] = random(256);
        world.fromGuest(frame.subarray(0, 14 + random(frame.length)));
      } else if (kind === 2) {
        const dhcp = dhcpMessage([[53, [random(9)]], [50, [...noise(random(6))]], [54, [...noise(random(5))]]]);
        dhcp[random(dhcp.length)] = random(256);
        world.sendPacket(BROADCAST, PROTOCOL.udp, udpBytes({ sourcePort: 68, destinationPort: 67, payload: dhcp.subarray(0, random(301)) }, 0, BROADCAST), 0);
      } else if (kind === 3) {
        const segment = { sourcePort: 1000 + random(20), destinationPort: port, sequence: random(2) * 0xffff_fff0 + random(20_000), acknowledgment: random(2 ** 31) * 2, flags: random(64), window: random(65_536), payload };
        const bytes = segmentBytes({ ...segment, ...(random(2) === 0 ? { segmentSize: random(3000), windowScale: random(256) } : {}) }, GUEST, destination);
        world.sendPacket(destination, PROTOCOL.tcp, bytes);
      } else if (kind === 4) world.sendPacket(destination, random(256), payload);
      else world.sendPacket(destination, PROTOCOL.udp, udpBytes({ sourcePort: 1000 + random(20), destinationPort: port, payload: random(2) === 0 ? payload : request('file', 'blksize', String(random(3000))) }, GUEST, destination));
      if (round % 100 === 0) await world.pass(50);
    }
    await world.pass(1000);
    const { connections, datagramFlows, transfers, reassemblies, timers } = world.stack.counts;
    assert.ok(connections <= 20 * 10 * 5 && datagramFlows <= 256 && transfers <= 16 && reassemblies <= 16, JSON.stringify(world.stack.counts));
    assert.ok(timers <= 3 * connections + datagramFlows + transfers + 128);
    await world.pass(3_600_000);
    const after = world.stack.counts;
    assert.deepEqual([after.connections, after.datagramFlows, after.transfers, after.timers], [0, 0, 0, 0]);
    assert.deepEqual([world.openSockets, world.openFiles], [0, 0]);
  });
});
