/**
 * The adapter's manners: bad requests get clear answers, launch problems are told, events keep to what the client can,
 * requests can be cancelled, panels get theirs.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { MachineFactory } from '../../debugger/ports';
import { MachineError } from '../../src/monitor/machine/blame';
import { CAPABILITIES } from '../../debugger/capabilities';
import type { DapClient } from './client';
import { factoryOf, FakeMachine, type FakeGuest } from './fakeMachine';
import { compareWithGolden, transcriptText } from './golden';
import { connect, withMachine } from './harness';

/** NOPs for a while, then a jump back to the start. */
const IDLE_LOOP: FakeGuest = {
  bits: 32,
  mapped: [[0, 0x10000]],
  images: [{ address: 0x1000, bytes: Uint8Array.of(0x90, 0x90, 0x90, 0x90, 0xeb, 0xfa) }],
  entry: 0x1000,
  stack: 0x8000,
};

const COMMANDS = [
  'launch', 'attach', 'configurationDone', 'restart', 'cancel', 'setBreakpoints', 'setFunctionBreakpoints', 'setInstructionBreakpoints',
  'setExceptionBreakpoints', 'breakpointLocations', 'continue', 'pause', 'next', 'stepIn', 'stepOut', 'stepBack', 'reverseContinue', 'threads', 'stackTrace', 'scopes', 'variables',
  'setVariable', 'setExpression', 'evaluate', 'completions', 'exceptionInfo', 'loadedSources', 'locations', 'source', 'modules', 'readMemory', 'writeMemory',
  'disassemble', 'shadowbox.cpu', 'shadowbox.summary', 'shadowbox.addressSpaces', 'shadowbox.table', 'shadowbox.walk', 'shadowbox.counters', 'shadowbox.execution',
  'shadowbox.frames', 'shadowbox.frame', 'shadowbox.regions', 'shadowbox.region', 'shadowbox.profile',
  'shadowbox.disks', 'shadowbox.diskReport', 'shadowbox.diskEntries', 'shadowbox.readDisk', 'shadowbox.changeDisc', 'shadowbox.balloon',
  'shadowbox.devices', 'shadowbox.interrupts', 'shadowbox.events', 'shadowbox.screen', 'shadowbox.picture', 'shadowbox.mouse', 'shadowbox.serialInput', 'shadowbox.key',
  'shadowbox.button', 'shadowbox.writeRegister', 'shadowbox.timeline', 'shadowbox.format',
];

describe('protocol', function () {
  this.timeout(20_000);
  let client: DapClient;

  afterEach(() => client?.close());

  it('answers initialize with its capabilities, whatever the client leaves out', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    const capabilities = await client.request('initialize', {});
    assert.deepEqual(capabilities, JSON.parse(JSON.stringify(CAPABILITIES)));
    const filters = capabilities.exceptionBreakpointFilters?.map(({ filter }) => filter) ?? [];
    for (const wanted of ['triple-fault', '#DE', '#GP', '#PF', '#XM']) assert.ok(filters.includes(wanted), wanted);
  });

  it('refuses everything before a launch', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.request('initialize', {});
    for (const command of COMMANDS.filter((name) => !['launch', 'attach', 'cancel', 'threads'].includes(name))) {
      const message = await client.refused(command, { source: { path: 'x' }, line: 1, expression: '1', name: 'x', memoryReference: '0', count: 1, text: '', column: 1, variablesReference: 1, locationReference: 1, value: '1', frameId: 1, data: '', instructionCount: 1 });
      assert.match(message, /No machine has been launched/, command);
    }
    assert.match(await client.refused('attach', {}), /'launch'.*dap --port/);
  });

  it('goes back in time as the client asks', async () => {
    const session = withMachine(IDLE_LOOP);
    ({ client } = session);
    await client.launch({});
    await client.stopped('entry');
    await client.request('stepBack', { threadId: 1, granularity: 'instruction' });
    await client.stopped('step');
    await client.request('reverseContinue', { threadId: 1 });
    assert.equal((await client.stopped('pause')).stop.description, 'beginning of the time line');
    assert.deepEqual(session.machine.ways, [{ kind: 'stepBack' }, { kind: 'reverseContinue' }]);
    assert.match(await client.refused('stepBack', { granularity: 'huge' }), /one of statement, line, instruction/);
  });

  it('answers malformed arguments of every request, and lives on', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.launch({});
    await client.stopped('entry');
    const rubbish: unknown[] = [
      undefined, 5, 'text', [], null,
      { source: 5, breakpoints: 'many', filters: 1, filterOptions: [1], variablesReference: 'x', frameId: {}, expression: 1, name: 1, value: 1 },
      { source: {}, breakpoints: [5], memoryReference: 5, count: 'x', instructionCount: 1.5, offset: 'x', cr3: 'x', linear: 5, level: 99, port: 1, code: -1 },
      { memoryReference: 'no such thing', count: -1, instructionCount: -1, line: 'x', column: 'x', text: 5, data: 5, granularity: 'huge', hex: 1 },
    ];
    const going = ['continue', 'next', 'stepIn', 'stepOut', 'stepBack', 'reverseContinue', 'restart', 'configurationDone', 'pause'];
    for (const command of COMMANDS.filter((name) => !going.includes(name))) {
      for (const args of rubbish) {
        const response = await client.raw(command, args);
        if (!response.success) {
          assert.ok((response.message ?? '').length > 5, command);
          assert.doesNotMatch(response.message ?? '', /Internal error|undefined is not|Cannot read/, `${command} ${JSON.stringify(args)}: ${response.message}`);
        }
      }
    }
    assert.match(await client.refused('stackTrace', { startFrame: 'x' }), /stackTrace: 'startFrame' must be a whole number, got "x"/);
    assert.match(await client.refused('setBreakpoints', { source: { path: 'a.c' }, breakpoints: [{ line: 'x' }] }), /breakpoints\[0\]: 'line'/);
    assert.match(await client.refused('next', { granularity: 'huge' }), /one of statement, line, instruction/);
    assert.equal((await client.request('threads')).threads.length, 1);
  });

  it('names a request that it does not know', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.request('initialize', {});
    assert.match(await client.refused('teleport', {}), /'teleport'/);
    assert.match(await client.refused('shadowbox.teleport', {}), /teleport|launched/);
    await client.launch({});
    assert.match(await client.refused('shadowbox.toString', {}), /does not know/);
  });

  it("tells a launch error in the factory's words, and launches after that", async () => {
    const machine = new FakeMachine(IDLE_LOOP);
    let attempt = 0;
    const factory: MachineFactory = {
      create: async () => {
        if (attempt++ === 0) throw new MachineError("'memory' is 4M; this kernel needs at least 16M: {so} raise it.", 'user');
        return machine;
      },
    };
    client = connect(factory);
    await client.request('initialize', {});
    const response = await client.raw('launch', {});
    assert.equal(response.success, false);
    assert.equal(response.message, "'memory' is 4M; this kernel needs at least 16M: {so} raise it.");
    assert.equal(response.body.error.showUser, true);
    assert.equal(response.body.error.variables.message, response.message);
    await client.request('launch', {});
    assert.match(await client.refused('launch', {}), /launched already/);
  });

  it('tells an error of its own as one, with the stack in the console', async () => {
    client = connect({ create: async () => { throw new TypeError('oops'); } });
    await client.request('initialize', {});
    assert.match(await client.refused('launch', {}), /Internal error of Shadowbox: oops/);
    await client.event('output', (body) => body.category === 'stderr' && body.output.includes('TypeError: oops'));
  });

  it('shows the progress of a launch and lets it be cancelled', async () => {
    let aborted = false;
    const machine = new FakeMachine(IDLE_LOOP);
    let finish: (() => void) | undefined;
    client = connect({
      create: async (_configuration, report) => {
        report.report('Fetching', 40);
        report.signal.addEventListener('abort', () => { aborted = true; });
        await new Promise<void>((resolve) => { finish = resolve; });
        return machine;
      },
    });
    await client.request('initialize', { supportsProgressReporting: true });
    const { response } = client.send('launch', {});
    for (let waited = 0; !finish && waited < 50; waited++) await new Promise(setImmediate);
    await client.request('cancel', { progressId: 'shadowbox.launch' });
    assert.equal((await response).success, false);
    assert.equal((await response).message, 'cancelled');
    assert.equal(aborted, true);
    finish?.();
    await new Promise(setImmediate);
    assert.equal(machine.disposed, true);
    const progress = client.transcript.map(({ message }) => message).filter((message) => message.type === 'event').map((message) => 'event' in message && message.event);
    assert.deepEqual(progress, ['progressStart', 'progressUpdate', 'progressEnd']);
  });

  it('cancels a request by its number', async () => {
    const { client: connected, machine } = withMachine(IDLE_LOOP);
    client = connected;
    await client.launch({});
    await client.stopped('entry');
    machine.inspect.hash = () => new Promise(() => undefined);
    const { seq, response } = client.send('evaluate', { expression: 'hash', context: 'repl' });
    await client.request('cancel', { requestId: seq });
    assert.equal((await response).message, 'cancelled');
  });

  it('sends optional events only to clients that know them', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.request('initialize', { clientID: 'plain' });
    await client.request('launch', {});
    await client.event('initialized');
    await client.request('configurationDone', {});
    await client.stopped('entry');
    await client.request('writeMemory', { memoryReference: '0x1000', data: 'kJA=' });
    await client.request('setExpression', { expression: 'eax', value: '1' });
    await client.request('threads');
    const names = new Set(client.transcript.flatMap(({ message }) => ('event' in message ? [message.event] : [])));
    for (const name of ['memory', 'invalidated', 'progressStart', 'progressEnd']) assert.equal(names.has(name), false, name);
  });

  it('tells of changes as fast as somebody asks after them, and seldom while nobody does', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.launch({ stopOnEntry: false });
    const changes = () => client.unreadEvents('shadowbox.changed').length;
    const during = async (milliseconds: number, meanwhile: () => Promise<unknown>) => {
      const [start, before] = [performance.now(), changes()];
      while (performance.now() - start < milliseconds) {
        await meanwhile();
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
      return changes() - before;
    };
    const heeded = await during(1500, () => client.request('shadowbox.summary', {}));
    const unheard = await during(1500, () => Promise.resolve());
    assert.ok(unheard <= 4, `${unheard} events that nobody asked after`);
    assert.ok(heeded > unheard, `${heeded} events with questions, ${unheard} without`);
  });

  it('tells panels of changes while the machine runs, at most 30 times a second', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    const start = performance.now();
    await client.launch({ stopOnEntry: false });
    // They keep coming, however slow the computer is; the test's own time is the limit.
    while (client.unreadEvents('shadowbox.changed').length < 5 || performance.now() - start < 500) {
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
    await client.request('pause', {});
    await client.event('stopped');
    const most = (performance.now() - start) * 30 / 1000 + 2;
    const count = client.unreadEvents('shadowbox.changed').length;
    assert.ok(count <= most, `${count}, at most ${most.toFixed(1)}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    assert.equal(client.unreadEvents('shadowbox.changed').length, count);
  });

  it('answers panels, with wide numbers as text', async () => {
    const { client: connected, machine } = withMachine(IDLE_LOOP);
    client = connected;
    await client.launch({});
    await client.stopped('entry');
    const cpu = await client.request('shadowbox.cpu');
    assert.equal(cpu.linear, '0x1000');
    assert.equal(cpu.general[4].value, '0x8000');
    assert.equal((await client.request('shadowbox.summary')).memoryBytes, 0x200000);
    assert.equal((await client.request('shadowbox.addressSpaces')).spaces[0].cr3, 0x9000);
    const { table } = await client.request('shadowbox.table', { cr3: 0x9000 });
    assert.equal(table?.bytes, '0x100000000');
    assert.deepEqual(await client.request('shadowbox.table', { cr3: 0x9000, linear: '0x400000', level: 1 }), {});
    const walk = await client.request('shadowbox.walk', { linear: 'esp + 4' });
    assert.equal(walk.linear, '0x8004');
    assert.equal(walk.guest[0].raw, '0xa007');
    assert.deepEqual(await client.request('shadowbox.counters'), { 'tlb misses': 12, 'shadow fills': 3 });
    const { regions: [region] } = await client.request('shadowbox.regions');
    assert.deepEqual([region.linear, region.instructions], ['0x1000', 2]);
    const { region: details } = await client.request('shadowbox.region', { entry: region.entry });
    assert.deepEqual(details?.blocks[0].lines.map(({ id, address, bytes, text }) => [id, address, bytes, text]), [[0, '0x1000', '90', 'nop'], [1, '0x1001', 'eb fd', 'jmp short 0x1000']]);
    assert.deepEqual(await client.request('shadowbox.region', { entry: 1 }), {});
    const profile = await client.request('shadowbox.profile', { action: 'start' });
    assert.deepEqual(profile.nodes.map(({ name, depth, retired }) => [name, depth, retired]), [['code at 0x9xxx', 0, 30], ['code at 0x1xxx', 1, 20], ['code at 0x8xxx', 1, 10]]);
    assert.match(await client.refused('shadowbox.profile', { action: 'look' }), /there are 'start' and 'stop'/);
    assert.equal((await client.request('shadowbox.frames')).runs, 'AQQA/P8/');
    const page = await client.request('shadowbox.frame', { page: 1 });
    assert.deepEqual([page.frame.page, Buffer.from(page.data, 'base64').length], [1, 4096]);
    assert.match(await client.refused('shadowbox.frame', { page: 2 ** 40 }), /must lie between 0 and 268435455/);
    assert.deepEqual((await client.request('shadowbox.execution')).switches, [{ to: 'direct', cause: 'privilege', count: 2 }]);
    assert.deepEqual((await client.request('shadowbox.devices')).devices, [{ name: 'pit', state: { channels: [1, 2], pending: { irq0: 5 }, latch: 'AQI=' } }]);
    assert.equal((await client.request('shadowbox.screen')).attributes, 'Bwc=');
    const { disks: [floppy] } = await client.request('shadowbox.disks');
    assert.deepEqual([floppy.name, floppy.image, floppy.zones.overlay], ['floppy0', '/images/floppy.img', [false, true]]);
    assert.equal((await client.request('shadowbox.readDisk', { disk: 'floppy0', offset: 8190, bytes: 2 })).data, 'Wlo=');
    const report = await client.request('shadowbox.diskReport', { disk: 'floppy0' });
    assert.equal(report.scheme, 'none');
    assert.match(report.boot.story, /55 AA/);
    assert.match(await client.refused('shadowbox.diskEntries', { disk: 'floppy0', path: '/x' }), /There is no \/x/);
    assert.match(await client.refused('shadowbox.diskReport', { disk: 'disk9' }), /no drive 'disk9'/);
    assert.match(await client.refused('shadowbox.readDisk', { disk: 'floppy0', offset: 0, bytes: 2 ** 30 }), /must lie between 0 and 1048576/);
    await client.request('shadowbox.serialInput', { port: 'com1', data: Buffer.from('ls\n').toString('base64') });
    await client.request('shadowbox.key', { code: 0x1c, down: true });
    assert.deepEqual((await client.request('shadowbox.events')).events, [{ device: 'pit', event: 'irq0', time: 900 }]);
    await client.request('shadowbox.button', { button: 'power' });
    await client.request('shadowbox.writeRegister', { space: 'port', address: 0x43, bytes: 1, value: 0x34 });
    assert.deepEqual(machine.inputs, [
      { kind: 'serial', port: 'com1', bytes: new Uint8Array(Buffer.from('ls\n')) },
      { kind: 'key', code: 0x1c, down: true },
      { kind: 'power-button' },
      { kind: 'register', space: 'port', address: 0x43, size: 1, value: 0x34 },
    ]);
    assert.deepEqual((await client.request('shadowbox.timeline')).moments, []);
    await client.request('shadowbox.button', { button: 'power' });
    assert.deepEqual(machine.inputs.at(-1), { kind: 'power-button' });
    assert.match(await client.refused('shadowbox.button', { button: 'self-destruct' }), /there are 'power' and 'reset'/);
    await client.request('shadowbox.changeDisc', { drive: 'cdrom', image: '/images/other.iso' });
    assert.deepEqual(machine.inputs.at(-1), { kind: 'media', drive: 'cdrom', image: '/images/other.iso' });
    await client.request('shadowbox.changeDisc', { drive: 'floppy0', image: '/images/two.img', writable: true });
    assert.deepEqual(machine.inputs.at(-1), { kind: 'media', drive: 'floppy0', image: '/images/two.img', writable: true });
    await client.request('shadowbox.changeDisc', { drive: 'floppy0' });
    assert.deepEqual(machine.inputs.at(-1), { kind: 'media', drive: 'floppy0', image: null });
    assert.match(await client.refused('shadowbox.changeDisc', { drive: 'floppy0', image: '' }), /leave it out to take out/);
    await client.request('shadowbox.balloon', { memory: 0x100000 });
    assert.deepEqual(machine.inputs.at(-1), { kind: 'balloon', memory: 0x100000 });
    assert.match(await client.refused('shadowbox.balloon', { memory: -1 }), /'memory'/);
    assert.match(await client.refused('shadowbox.writeRegister', { space: 'port', address: 0x43, bytes: 3, value: 0 }), /'bytes' is 1, 2 or 4/);
    assert.match(await client.refused('shadowbox.serialInput', { port: 'com1', data: '!' }), /base64/);
  });

  it('batches serial output, shows messages by blame, and takes escape sequences out for plain clients', async () => {
    const { client: connected, machine } = withMachine(IDLE_LOOP);
    client = connected;
    await client.request('initialize', {});
    await client.request('launch', { stopOnEntry: true });
    await client.request('configurationDone', {});
    for (const letter of 'boot') machine.emit({ kind: 'output', channel: 'com1', bytes: new TextEncoder().encode(letter) });
    const serial = await client.event('shadowbox.serial');
    assert.equal(Buffer.from(serial.data, 'base64').toString(), 'boot');
    machine.emit({ kind: 'message', blame: 'user', text: 'the disk is read-only' });
    assert.equal((await client.event('output', (body) => body.category === 'important')).output, 'the disk is read-only\n');
    machine.emit({ kind: 'output', channel: 'debug', bytes: new TextEncoder().encode('\u001b[31mred\u001b[0m') });
    assert.equal((await client.event('output', (body) => body.category === 'console')).output, 'red');
    machine.emit({ kind: 'output', channel: 'debug', bytes: new TextEncoder().encode('ä').subarray(0, 1) });
    await new Promise((resolve) => { setTimeout(resolve, 40); });
    machine.emit({ kind: 'output', channel: 'debug', bytes: new TextEncoder().encode('ä').subarray(1) });
    await client.event('output', (body) => body.output === 'ä');
  });

  it('leaves escape sequences to clients that show them', async () => {
    const { client: connected, machine } = withMachine(IDLE_LOOP);
    client = connected;
    await client.launch({});
    machine.emit({ kind: 'output', channel: 'debug', bytes: new TextEncoder().encode('\u001b[31mred\u001b[0m') });
    await client.event('output', (body) => body.output === '\u001b[31mred\u001b[0m');
  });

  it('has the conversation of a launch and a step as it always had it', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.launch({ serial: 'terminal' }, async () => {
      await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId: '#PF' }] });
    });
    const { frame } = await client.stopped('entry');
    await client.request('scopes', { frameId: frame.id });
    await client.request('next', { threadId: 1, granularity: 'instruction' });
    await client.stopped('step');
    await client.request('disassemble', { memoryReference: '0x1000', instructionOffset: -1, instructionCount: 4 });
    await client.request('terminate', {});
    await client.event('terminated');
    compareWithGolden(fileURLToPath(new URL('golden/launch-and-step.txt', import.meta.url)), transcriptText(client.transcript));
  });

  it('explains breakpoints that cannot be set without symbols', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.launch({ symbols: '/does/not/exist' });
    const complaint = await client.event('output', (body) => body.category === 'important');
    assert.match(complaint.output, /No symbols from \/does\/not\/exist/);
    const lines = await client.request('setBreakpoints', { source: { path: '/a/b.c' }, breakpoints: [{ line: 3 }] });
    assert.match(lines.breakpoints[0].message ?? '', /No symbols are loaded/);
    const functions = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'main' }] });
    assert.match(functions.breakpoints[0].message ?? '', /No symbols are loaded/);
    const instructions = await client.request('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: 'phys:0x1000' }, { instructionReference: '0x1000', offset: -0x2000 }, { instructionReference: '0x1000', offset: 2 }],
    });
    assert.deepEqual(instructions.breakpoints.map(({ verified }) => verified), [true, false, true]);
  });

  it('walks a rubbish stack without hanging and says where it ends', async () => {
    const { client: connected, machine } = withMachine(IDLE_LOOP);
    client = connected;
    await client.launch({});
    await client.stopped('entry');
    const frames = async (ebp: number): Promise<string[]> => {
      machine.cpu.registers.ebp = ebp;
      await client.request('setExpression', { expression: 'eax', value: '0' });
      return (await client.request('stackTrace', { threadId: 1 })).stackFrames.map(({ name }) => name);
    };
    assert.deepEqual(await frames(0), ['0x00001000']);
    assert.deepEqual(await frames(0xfffffffc), ['0x00001000']);
    // A chain that points at itself: each frame must lie above the one before.
    machine.memory.write(0x9000, 0x9000, 4);
    machine.memory.write(0x9004, 0x1001, 4);
    assert.deepEqual(await frames(0x9000), ['0x00001000', '0x00001001', '(the frame pointer 0x9000 lies outside of the stack)']);
    // A very long chain of good frames.
    for (let at = 0x9000; at < 0xfff0; at += 8) {
      machine.memory.write(at, at + 8, 4);
      machine.memory.write(at + 4, 0x1002, 4);
    }
    const long = await frames(0x9000);
    assert.equal(long.length, 257);
    assert.equal(long[256], '(more than 256 frames)');
    assert.match(await client.refused('next', { granularity: 7 }), /granularity/);
    await frames(0);
    assert.match(await client.refused('stepOut', {}), /no caller/);
    assert.equal((await client.request('stackTrace', { threadId: 1 })).stackFrames.length, 1);
  });

  it('keeps frames valid after an edit and after a step that could not be made', async () => {
    ({ client } = withMachine(IDLE_LOOP));
    await client.launch({});
    const { frame } = await client.stopped('entry');
    await client.request('setExpression', { expression: 'ecx', value: '3', frameId: frame.id });
    assert.match(await client.refused('stepOut', {}), /no caller/);
    assert.ok((await client.request('scopes', { frameId: frame.id })).scopes.length > 3);
  });

  it('survives a client that goes away', async () => {
    const machine = new FakeMachine(IDLE_LOOP);
    client = connect(factoryOf(machine));
    await client.launch({ stopOnEntry: false });
    await client.request('disconnect', {});
    assert.equal(machine.disposed, true);
  });
});
