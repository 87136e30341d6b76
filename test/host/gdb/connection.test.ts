/**
 * The GDB server packet by packet, on a real machine in its thread (paging-lab): what GDB itself never sends, or sends so
 * that nobody sees the answer. Conversations with GDB are in realGdb.test.ts.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { launchMachine } from '../../../src/host/node/launch';
import { crc32 } from '../../../src/host/gdb/memory';
import { PACKET_BYTES, bytesOf, packet, textOf, unescaped } from '../../../src/host/gdb/packets';
import { SharedMachine } from '../../../src/host/gdb/sharing';
import { validateConfiguration } from '../../../src/monitor/machine/configuration';
import type { MachineEvent, MachineSession } from '../../../src/monitor/machine/session';
import { SAMPLES, randomNumbers } from '../../guests/harness';
import { TestClient, asSent, ofHex, serverFor } from './client';

const KERNEL = path.join(SAMPLES, 'paging-lab', 'paging-lab.elf');
/** Where its first instruction is. */
const START = 0x10000c;

/** A machine with paging-lab, standing on its first instruction. */
async function launch(settings: object = {}): Promise<MachineSession> {
  const validation = validateConfiguration({ multiboot: KERNEL, memory: '32M', ...settings }, { front: 'editor' });
  assert.ok('configuration' in validation);
  return launchMachine({ configuration: validation.configuration, multiboot: { path: KERNEL, bytes: await readFile(KERNEL) }, modules: [], disks: [] });
}

describe('a GDB server', function () {
  this.timeout(60_000);
  this.slow(5000);
  let session: MachineSession;
  before(async () => { session = await launch({ cpus: 2 }); });
  after(() => session.dispose());
  beforeEach(() => session.control.reset());

  async function connected(): Promise<TestClient> {
    const client = new TestClient(serverFor(session).server);
    assert.match(await client.ask('qSupported:swbreak+;hwbreak+;xmlRegisters=i386'), /PacketSize=4000;.*ReverseStep\+/);
    return client;
  }

  it('acknowledges until it is asked not to, and sends again what has come damaged', async () => {
    const client = await connected();
    client.raw.length = 0;
    await client.ask('qC');
    assert.equal(client.raw.join(''), `+${textOf(packet('QC1'))}`);
    client.send('-');
    assert.equal(await client.answer(), 'QC1');
    client.send('$qC#00');
    assert.equal(client.raw.at(-1), '-');
    assert.equal(await client.ask('QStartNoAckMode'), 'OK');
    client.raw.length = 0;
    await client.ask('qC');
    assert.equal(client.raw.join(''), textOf(packet('QC1')));
    client.leave();
  });

  it('answers what it does not know with nothing', async () => {
    const client = await connected();
    for (const body of ['vMustReplyEmpty', 'vUnheardOf', 'qUnheardOf:1', 'QTinit', 'qTStatus', 'j', 'qCx', 'Z9,0,1', 'qOffsets']) assert.equal(await client.ask(body), '', body);
    client.leave();
  });

  it('refuses malformed packets in words, and goes on', async () => {
    const client = await connected();
    for (const body of ['m', 'm1', 'mxyz,4', 'M0,4:00', 'M0,1:0', 'X0,4', 'P', 'P8', 'P8=00', 'Z0', 'Hgzz', 'vCont;q', 'qSearch:memory:0', 'qXfer:features:read:target.xml:0', 'p']) {
      assert.match(await client.ask(body), /^E/, body);
    }
    assert.match(await client.ask('qXfer:features:read:other.xml:0,10'), /^E/);
    assert.equal(await client.ask('qC'), 'QC1');
    client.leave();
  });

  it('describes its registers in well-formed documents, in pieces of any length', async () => {
    const client = await connected();
    const read = (name: string, piece: number): Promise<string> => client.document(name, piece);
    const whole = await read('features:read:target.xml', PACKET_BYTES);
    assert.equal(await read('features:read:target.xml', 1000), whole);
    for (const text of [whole, await read('memory-map:read:', 100), await read('threads:read:', 100)]) assertWellFormed(text);
    assert.match(whole, /name="org.gnu.gdb.i386.core"/);
    assert.match(await read('threads:read:', 1000), /<thread id="2" core="1" name="CPU 1">/);
    client.leave();
  });

  it('gives all registers that it has described, each in its bytes', async () => {
    const client = await connected();
    const bits = [...(await client.document('features:read:target.xml', PACKET_BYTES)).matchAll(/<reg name="([^"]+)" bitsize="(\d+)"/g)].map(([, name = '', size]) => ({ name, digits: Number(size) / 4 }));
    const all = await client.ask('g');
    let at = 0;
    for (const [number, { name, digits }] of bits.entries()) {
      const value = await client.ask(`p${number.toString(16)}`);
      assert.equal(value.length, digits, name);
      if (at < all.length) assert.equal(value, all.slice(at, at + digits), name);
      at += digits;
    }
    assert.equal(await client.ask('p8'), '0c001000');
    assert.match(await client.ask(`p${bits.length.toString(16)}`), /^E/);
    client.leave();
  });

  it('sets registers one by one or all together, and says why not', async () => {
    const client = await connected();
    assert.equal(await client.ask('P0=78563412'), 'OK');
    assert.equal(await client.ask('p0'), '78563412');
    const all = await client.ask('g');
    assert.equal(await client.ask(`G${all.replace(/^78563412/, 'efbeadde')}`), 'OK');
    assert.equal((await session.inspect.cpu()).general[0]?.value, 0xdeadbeefn);
    assert.match(await client.ask('Pa=08000000'), /^E\.CS cannot be loaded alone/);
    client.leave();
  });

  it('has registers and memory of each CPU', async () => {
    const client = await connected();
    assert.equal(await client.ask('qfThreadInfo'), 'm1,2');
    assert.equal(await client.ask('Hg2'), 'OK');
    assert.equal(await client.ask('p8'), 'f0ffffff', 'a CPU that was not started stands at the reset vector');
    assert.equal(await client.ask('P1=44332211'), 'OK');
    assert.equal(await client.ask('Hg1'), 'OK');
    assert.equal(await client.ask('p1'), '00000000');
    assert.deepEqual([(await session.inspect.cpu(0)).general[1]?.value, (await session.inspect.cpu(1)).general[1]?.value], [0n, 0x11223344n]);
    assert.equal(await client.ask('Hg3'), 'E01');
    assert.equal(await client.ask('T2'), 'OK');
    assert.equal(await client.ask('T3'), 'E01');
    assert.match(ofHex(await client.ask('qThreadExtraInfo,2')), /^CPU 1: real, CPL 0/);
    client.leave();
  });

  it('reads, writes, searches and checks memory, and says where there is none', async () => {
    const client = await connected();
    const kernel = await session.inspect.readMemory({ kind: 'linear' }, 0x100000n, 64);
    const hex = Buffer.from(kernel).toString('hex');
    assert.equal(await client.ask('m100000,40'), hex);
    const binary = await client.ask('x100000,40');
    assert.equal(binary[0], 'b');
    assert.deepEqual(bytesOf(unescaped(binary.slice(1))), kernel);
    const data = '}*#$\0\xff';
    assert.equal(await client.ask('X300000,0:'), 'OK');
    client.send(asSent(`X300000,6:${data.replace(/[}*#$]/g, (character) => `}${String.fromCharCode(character.charCodeAt(0) ^ 0x20)}`)}`));
    assert.equal(await client.answer(), 'OK');
    assert.equal(await client.ask('m300000,6'), Buffer.from(data, 'latin1').toString('hex'));
    assert.equal(await client.ask('M300000,2:abcd'), 'OK');
    assert.equal(await client.ask('m300000,3'), 'abcd23');
    // Over the border of two pieces of a mebibyte.
    assert.equal(await client.ask('M2fffff,3:112233'), 'OK');
    client.send(asSent('qSearch:memory:200000;200000;\x11\x22\x33'));
    assert.equal(await client.answer(), '1,2fffff');
    client.send(asSent('qSearch:memory:200000;fffff;\x11\x22\x33'));
    assert.equal(await client.answer(), '0');
    assert.equal(await client.ask('qCRC:100000,40'), `C${crc32(kernel).toString(16)}`);
    for (const body of ['md0000000,4', 'Md0000000,1:00', 'xd0000000,4', 'qCRC:d0000000,4']) assert.match(await client.ask(body), /^E/, body);
    client.leave();
  });

  it('checks sums as gdb does: CRC-32 of "123456789" without a final complement', () => {
    // The catalogue of CRC algorithms has this one as CRC-32/MPEG-2, whose check value this is.
    assert.equal(crc32(bytesOf('123456789')), 0x0376e6e7);
  });

  it('steps, runs to breakpoints, and back', async () => {
    const client = await connected();
    assert.equal(await client.ask('vCont?'), 'vCont;c;C;s;S;r');
    assert.equal(await client.ask('vCont;s:1;c'), 'T05thread:1;');
    assert.equal(await client.ask('p8'), '11001000');
    assert.equal(await client.ask('Z0,100014,1'), 'OK');
    assert.equal(await client.ask('vCont;c'), 'T05thread:1;swbreak:;');
    assert.equal(await client.ask('z0,100014,1'), 'OK');
    assert.equal(await client.ask('Z1,100013,1'), 'OK');
    assert.equal(await client.ask('bc'), 'T05thread:1;hwbreak:;');
    assert.equal(await client.ask('bs'), 'T05thread:1;');
    assert.equal(await client.ask('p8'), '11001000');
    assert.equal(await client.ask('z1,100013,1'), 'OK');
    assert.equal(await client.ask('bc'), 'T05thread:1;replaylog:begin;');
    assert.equal(await client.ask('bs'), 'T05thread:1;replaylog:begin;');
    assert.equal(await client.ask('vCont;r10000c,100014:1'), 'T05thread:1;');
    assert.equal(await client.ask('p8'), '14001000');
    assert.equal(await client.ask('bs'), 'T05thread:1;');
    assert.equal(await client.ask('p8'), '13001000', 'a step back is one instruction, although the step was three');
    client.leave();
  });

  it('stops at Ctrl-C, however early it comes', async () => {
    const client = await connected();
    client.send(asSent('vCont;c'));
    client.send('\x03');
    assert.match(await client.answer(), /^T02thread:/);
    client.send(asSent('c'));
    while (!(await session.inspect.summary()).running) await new Promise((resolve) => { setTimeout(resolve, 5); });
    client.send('\x03');
    assert.match(await client.answer(), /^T02thread:/);
    // One that comes too late means nothing.
    client.send('\x03');
    assert.equal(await client.ask('qC'), 'QC1');
    client.leave();
  });

  it('takes what is typed behind monitor, and answers mistakes in words', async () => {
    const client = await connected();
    assert.match(await client.monitor('help'), /^goto N/m);
    assert.match(await client.monitor('where'), /^CPU 0 of 2: 0010:0010000c, linear 0x10000c, protected-32, CPL 0, 32-bit code; 0 instructions retired/);
    assert.match(await client.monitor('goto 1000'), /^1000 instructions retired/);
    assert.equal(await client.monitor('retired'), '1000\n');
    assert.equal(await client.monitor('hash'), `${await session.inspect.hash()}\n`);
    assert.match(await client.monitor('goto 0'), /^0 instructions retired, linear 0x10000c/);
    assert.match(await client.monitor('info registers control'), /^cr0 +0x11 .*PE/m);
    assert.match(await client.monitor('info cpus'), /^\* CPU 0 .*\n {2}CPU 1 \(thread 2\): linear 0xfffffff0, real/);
    assert.match(await client.monitor('info devices'), /^\S+ +.*8254/m);
    assert.match(await client.monitor('walk 0x100000'), /^0x100000 under CR3 0x0, paging none/);
    assert.match(await client.monitor('physical on'), /guest-physical/);
    assert.match(await client.monitor('physical off'), /linear/);
    assert.match(await client.monitor('key ls\\n'), /^3 keys/);
    assert.match(await client.monitor('catch 14 user 13'), /vector 14 from user code, vector 13/);
    assert.match(await client.monitor('catch none'), /^No exception/);
    assert.match(await client.monitor('reset'), /has been reset/);
    for (const line of ['nonsense', 'goto', 'goto x', 'goto 99999999999999999', 'walk', 'info nothing', 'info registers nothing', 'catch 99', 'key', 'key é', 'physical', 'info devices nothing']) {
      const text = await client.monitor(line);
      assert.match(text, /[a-z].*\.\n$/i, line);
      assert.ok(!text.includes('undefined') && !text.includes('    at '), text);
    }
    client.leave();
  });

  it('has one client at a time; its breakpoints go with it', async () => {
    const { server, told } = serverFor(session);
    const first = new TestClient(server);
    assert.equal(await first.ask('Z0,100011,1'), 'OK');
    const second = new TestClient(server);
    assert.match(await second.ask('qSupported'), /^E\.Another GDB has this machine/);
    await second.closed();
    assert.equal(await first.ask('vCont;c'), 'T05thread:1;swbreak:;');
    first.leave();
    const third = new TestClient(server);
    assert.equal(await third.ask('bs'), 'T05thread:1;');
    third.send(asSent('vCont;c'));
    while (!(await session.inspect.summary()).running) await new Promise((resolve) => { setTimeout(resolve, 5); });
    third.send('\x03');
    assert.match(await third.answer(), /^T02/, 'the first one\'s breakpoint is gone');
    assert.equal(await third.ask('D'), 'OK');
    await third.closed();
    assert.deepEqual(told.happened, ['attached', 'gone', 'attached', 'gone', 'detached']);
    assert.equal(told.texts.length, 2);
  });

  it('is left by a client that stays, and may be taken by it again', async () => {
    const { server, told } = serverFor(session);
    const client = new TestClient(server);
    assert.equal(await client.ask('!'), 'OK');
    assert.equal(await client.ask('Z0,100011,1'), 'OK');
    assert.equal(await client.ask('D;1'), 'OK');
    assert.equal(client.isClosed, false);
    assert.equal(server.isAttached, false);
    await session.control.resume({ kind: 'continue' });
    assert.equal(await client.ask('vAttach;1'), 'T05thread:1;');
    assert.equal((await session.inspect.summary()).running, false);
    client.send(asSent('vCont;c'));
    while (!(await session.inspect.summary()).running) await new Promise((resolve) => { setTimeout(resolve, 5); });
    client.send('\x03');
    assert.match(await client.answer(), /^T02/, 'its breakpoint went when it left');
    assert.deepEqual(told.happened, ['attached', 'gone', 'detached', 'attached']);
    assert.equal(await client.ask('D;1'), 'OK');
    client.leave();
    assert.deepEqual([told.happened.slice(4), told.texts], [['gone', 'detached'], []], 'it has gone without the machine: nothing more happens');
    assert.equal(await new TestClient(server).ask('?'), 'T05thread:1;');
  });

  it('ends the machine at kill; who has come to stay may run it again', async () => {
    const { server, told } = serverFor(session);
    const client = new TestClient(server);
    assert.equal(await client.ask('!'), 'OK');
    await client.ask('vCont;s:1');
    assert.equal(await client.ask('vKill;1'), 'OK');
    assert.match(await client.ask('vRun;'), /^T05thread:1;/);
    assert.equal(await client.ask('p8'), '0c001000');
    assert.deepEqual(told.happened, ['attached']);
    client.leave();
    const other = new TestClient(server);
    assert.equal(await other.ask('vKill;1'), 'OK');
    await other.closed();
    assert.deepEqual(told.happened.slice(-2), ['gone', 'killed']);
  });

  it('withstands packets of any kind', async () => {
    const random = randomNumbers(77);
    const letters = ['g', 'G', 'p', 'P', 'm', 'M', 'X', 'x', 'H', 'T', 'Z', 'z', 'q', 'Q', 'v', '?', '!', 'qXfer:', 'qSearch:memory:', 'qCRC:', 'qRcmd,', 'vCont;', 'qThreadExtraInfo,', 'vCont?', 'Z0,', 'P8='];
    const bytes = (count: number): string => Array.from({ length: count }, () => String.fromCharCode(random(256))).join('');
    const digits = (count: number): string => Array.from({ length: count }, () => '0123456789abcdef,;:=-x*'.charAt(random(23))).join('');
    const client = await connected();
    for (let round = 0; round < 600; round++) {
      const body = (letters[random(letters.length)] ?? '') + (random(3) === 0 ? bytes(random(20)) : digits(random(24)));
      // What would let it go for ever, or end it, is tried elsewhere.
      if (/^vCont;[cC]|^qRcmd/.test(body)) continue;
      if (random(8) === 0) client.send(bytes(random(30)).replaceAll('\x03', ''));
      client.send('$#00');
      client.send(asSent(body.replace(/[#$]/g, '')));
    }
    assert.match(await settled(client), /^QC[12]$/);
    client.leave();
  });
});

/** Asks until an answer is that to `qC`: what came before is answered before. */
async function settled(client: TestClient): Promise<string> {
  client.send('$#00');
  client.send(asSent('qC'));
  for (;;) {
    const answer = await client.answer();
    if (answer.startsWith('QC')) return answer;
  }
}

/** Elements that are closed in the order in which they were opened, attributes in quotes. */
function assertWellFormed(text: string): void {
  const open: string[] = [];
  let rest = text.replace(/^<\?xml[^>]*\?>\s*(?:<!DOCTYPE[^>]*>\s*)?/, '');
  while (rest !== '') {
    const [all, close, name = '', , empty] = /^(?:<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<&]*")*)\s*(\/?)>|[^<&]+|&#\d+;)/.exec(rest) ?? assert.fail(`at ${rest.slice(0, 60)}`);
    if (name !== '' && close === '/') assert.equal(open.pop(), name);
    else if (name !== '' && empty !== '/') open.push(name);
    rest = rest.slice(all.length);
  }
  assert.deepEqual(open, []);
}

describe('a machine shared by the editor and GDB', function () {
  this.timeout(30_000);

  it('obeys GDB alone while that is connected, and shows the editor what happens', async () => {
    const session = await launch();
    const shared = new SharedMachine(session, () => undefined);
    const seen: string[] = [];
    shared.editor.onEvent((event: MachineEvent) => {
      seen.push(event.kind === 'stopped' ? `${event.report.reason.kind}${event.report.reason.kind === 'breakpoint' ? ` ${event.report.reason.ids.join()}` : ''}` : event.kind);
    });
    const { server } = serverFor(shared.gdb, { onAttached: (attached) => { shared.handedOver = attached; } });
    await shared.editor.control.setBreakpoints([{ id: 1, linear: BigInt(START + 5) }]);
    const client = new TestClient(server);
    assert.equal(await client.ask('Z0,100013,1'), 'OK');
    await assert.rejects(shared.editor.control.resume({ kind: 'continue' }), /A GDB is connected/);
    await assert.rejects(shared.editor.control.reset(), /A GDB is connected/);
    assert.equal(await client.ask('c'), 'T05thread:1;', 'the editor\'s breakpoint stops it, and is none of GDB\'s');
    assert.equal(await client.ask('c'), 'T05thread:1;swbreak:;');
    assert.deepEqual(seen, ['running', 'breakpoint 1', 'running', 'breakpoint ']);
    assert.equal(await client.ask('D'), 'OK');
    await shared.editor.control.resume({ kind: 'step', over: false });
    await shared.editor.dispose();
  });
});
