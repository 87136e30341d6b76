/**
 * Conversations about everything that stops a machine: data breakpoints, conditions that the monitor decides about, modes of
 * breakpoints, and events behind the exception filters.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from './client';
import type { FakeMachine } from './fakeMachine';
import { withMachine } from './harness';
import { markerLine } from './markers';
import { needProgram, type BuiltProgram } from './program';

describe('stops of a C program', function () {
  this.timeout(20_000);
  let program: BuiltProgram;
  let client: DapClient;
  let machine: FakeMachine;

  before(function () {
    program = needProgram(this);
  });

  beforeEach(async () => {
    ({ machine, client } = withMachine(program.guest(0)));
    await client.launch({ symbols: program.elf });
    await client.stopped('entry');
  });

  afterEach(() => client.close());

  const line = (marker: string): number => markerLine(program.source, marker);
  const set = async (marker: string, more: Partial<Dap.SourceBreakpoint> = {}): Promise<Dap.Breakpoint> =>
    (await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [{ line: line(marker), ...more }] })).breakpoints[0];
  const goOn = async (reason: string): Promise<{ stop: Dap.StoppedEvent['body']; frame: Dap.StackFrame }> => {
    await client.request('continue', { threadId: 1 });
    return client.stopped(reason);
  };
  const value = async (expression: string): Promise<string> => (await client.request('evaluate', { expression })).result;

  async function watch(name: string, more: Partial<Dap.DataBreakpoint> = {}): Promise<Dap.Breakpoint> {
    const { dataId } = await client.request('dataBreakpointInfo', { name });
    assert.ok(dataId);
    return (await client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write', ...more }] })).breakpoints[0];
  }

  it('has modules whose additional columns are filled', async () => {
    await client.close();
    ({ client } = withMachine(program.guest(0)));
    const { additionalModuleColumns = [] } = await client.launch({ symbols: { path: program.elf, bias: '-0x1000' } });
    await client.stopped('entry');
    const { modules } = await client.request('modules', {});
    const columns = new Map<string, unknown>(Object.entries(modules[0]));
    assert.deepEqual(additionalModuleColumns.map(({ attributeName }) => columns.get(attributeName)), ['-0x1000', 'ELF, 32 bits', '32-bit']);
  });

  it('says that there is no way back where time travel is off', async () => {
    await client.close();
    ({ client } = withMachine(program.guest(0)));
    const { supportsStepBack } = await client.launch({ symbols: program.elf, timeTravel: false });
    assert.equal(supportsStepBack, true);
    assert.deepEqual(await client.event('capabilities'), { capabilities: { supportsStepBack: false, supportsRestartFrame: false } });
  });

  describe('at data', () => {
    it('tells what was, what is, and who did it', async () => {
      const info = await client.request('dataBreakpointInfo', { name: 'counter' });
      assert.match(info.description, /^counter \(0x[0-9a-f]+, 4 bytes\)$/);
      assert.deepEqual(info.accessTypes, ['write', 'read', 'readWrite']);
      assert.equal(info.canPersist, true);
      const breakpoint = await watch('counter');
      assert.equal(breakpoint.verified, true);
      const { stop, frame } = await goOn('data breakpoint');
      assert.deepEqual(stop.hitBreakpointIds, [breakpoint.id]);
      assert.equal(stop.description, 'counter: 40 (0x28) → 16 (0x10)');
      assert.match(stop.text ?? '', new RegExp(`^counter \\(0x[0-9a-f]+, 4 bytes\\): was 40 \\(0x28\\), is 16 \\(0x10\\); written by kernel_main\\+0x[0-9a-f]+ \\(program\\.c:${line('main-twice')}\\)$`));
      assert.equal(frame.name, 'kernel_main');
    });

    it('names variables of all kinds: members, elements, locals, addresses with a length, physical memory', async () => {
      await set('main-after');
      const { frame } = await goOn('breakpoint');
      const { scopes } = await client.request('scopes', { frameId: frame.id });
      const locals = scopes[0].variablesReference;
      const { variables } = await client.request('variables', { variablesReference: locals });
      const numbers = variables.find(({ name }) => name === 'numbers');
      assert.ok(numbers);
      const element = await client.request('dataBreakpointInfo', { variablesReference: numbers.variablesReference, name: '[2]' });
      const address = Number(BigInt(await value('(unsigned)&numbers').then((text) => text.split(' ')[0])));
      assert.equal(element.dataId, `0x${(address + 8).toString(16)}/4`);
      assert.equal(element.canPersist, false);
      const member = await client.request('dataBreakpointInfo', { name: 'pointer->y', frameId: frame.id });
      const corner = BigInt(program.addressOf('corner'));
      assert.equal(member.dataId, `0x${(corner + 4n).toString(16)}/4`);
      const raw = await client.request('dataBreakpointInfo', { name: '0x1000', asAddress: true, bytes: 12 });
      assert.equal(raw.dataId, '0x1000/12');
      const physical = await client.request('dataBreakpointInfo', { name: 'phys:0xb8000', asAddress: true, bytes: 2 });
      assert.equal(physical.dataId, 'phys:0xb8000/2');
      const inMode = await client.request('dataBreakpointInfo', { name: 'counter', mode: 'physical' });
      assert.equal(inMode.dataId, `phys:0x${program.addressOf('counter').toString(16)}/4`);
      await client.request('setDataBreakpoints', { breakpoints: [{ dataId: '0x1000/12', accessType: 'readWrite' }, { dataId: 'phys:0xb8000/2', accessType: 'read' }] });
      assert.deepEqual(machine.watchpoints.map(({ space, address: at, length, access }) => [space, at, length, access]), [
        ['linear', 0x1000n, 12, 'readWrite'], ['physical', 0xb8000n, 2, 'read'],
      ]);
    });

    it('says why a register cannot be watched, and refuses ids that mean nothing', async () => {
      const { dataId, description } = await client.request('dataBreakpointInfo', { name: '$eax' });
      assert.equal(dataId, null);
      assert.match(description, /\$eax is a register: it cannot be watched/);
      const { breakpoints } = await client.request('setDataBreakpoints', { breakpoints: [{ dataId: 'what/4' }, { dataId: '0x1000/0' }] });
      for (const { verified, message } of breakpoints) {
        assert.equal(verified, false);
        assert.match(message ?? '', /names no data/);
      }
      assert.deepEqual(machine.watchpoints, []);
    });

    it('has conditions about the values before and after, and counts hits', async () => {
      await watch('counter', { condition: '$after == 41 && $before == 40' });
      assert.ok(machine.watchpoints[0].gate?.condition, 'the monitor decides');
      await watch('counter', { condition: 'after > 20' });
      assert.equal((await goOn('data breakpoint')).stop.description, 'counter: 20 (0x14) → 21 (0x15)');
      await watch('counter', { hitCondition: '3' });
      assert.equal((await goOn('data breakpoint')).stop.description, 'counter: 23 (0x17) → 24 (0x18)');
    });

    it('leaves out writes that change nothing, of however many bytes', async () => {
      await watch('corner', { condition: 'before != after' });
      assert.deepEqual([machine.watchpoints[0].access, machine.watchpoints[0].gate], ['change', undefined]);
      await watch('corner', { condition: '$new != $old && cpl == 0 && counter == 16', accessType: 'readWrite' });
      assert.deepEqual([machine.watchpoints[0].access, machine.watchpoints[0].privilege], ['change', 'kernel']);
      assert.equal(machine.watchpoints[0].gate?.condition?.kind, 'binary');
      await watch('corner', { condition: 'before != after', accessType: 'read' });
      assert.equal(machine.watchpoints[0].access, 'read');
    });

    it('comes to the same where only the adapter can evaluate', async () => {
      await watch('counter', { condition: 'after > 20 ? 1 : 0', hitCondition: '== 3' });
      assert.equal(machine.watchpoints[0].gate, undefined);
      assert.equal((await goOn('data breakpoint')).stop.description, 'counter: 22 (0x16) → 23 (0x17)');
    });

    it('goes back to who wrote last: by request, and in the console', async () => {
      machine.hasPast = true;
      await set('spin');
      await goOn('breakpoint');
      const linear = BigInt(program.addressOf('counter'));
      const by = { kind: 'cpu', cpu: 0, selector: 8, instructionPointer: 0x100020n, linear: 0x100020n, cr3: 0x9000, cpl: 0, delivery: false, walker: false } as const;
      machine.reverseEnd = {
        kind: 'watchpoint',
        hits: [{ id: 0, access: 'write', linear, physical: Number(linear), offset: 0, before: Uint8Array.of(40, 0, 0, 0), after: Uint8Array.of(16, 0, 0, 0), by }],
      };
      const asked = await client.request('shadowbox.whoWrote', { expression: 'counter' });
      assert.deepEqual(asked, { memoryReference: `0x${linear.toString(16)}`, bytes: 4 });
      const { stop } = await client.stopped('data breakpoint');
      assert.match(stop.text ?? '', /^counter \(.*\): was 40 \(0x28\), is 16 \(0x10\); written by /);
      assert.deepEqual(machine.ways.map(({ kind }) => kind), ['travel', 'reverseContinue'], 'the last instruction is tried first');
      assert.deepEqual([machine.breakpoints.length, machine.watchpoints.length], [1, 0], 'what was set is set again');
      const { result } = await client.request('evaluate', { expression: `who ${linear} 2`, context: 'repl' });
      assert.equal(result, `going back to the last write to 0x${linear.toString(16)} (0x${linear.toString(16)}, 2 bytes)`);
      await client.stopped('data breakpoint');
      machine.reverseEnd = { kind: 'beginning' };
      await client.request('shadowbox.whoWrote', { expression: 'greeting' });
      assert.equal((await client.stopped('pause')).stop.description, 'beginning of the time line');
      machine.hasPast = false;
      const { length } = machine.ways;
      assert.match(await client.refused('shadowbox.whoWrote', { expression: 'counter' }), /There is no way back: set "timeTravel" to true/);
      assert.match(await client.refused('evaluate', { expression: 'who counter', context: 'repl' }), /There is no way back: set "timeTravel" to true/);
      assert.equal(machine.ways.length, length, 'the machine has stayed where it was, and no stop is told');
      assert.deepEqual(client.unreadEvents('stopped'), []);
    });
  });

  describe('with conditions', () => {
    it('has the monitor decide about locals, globals, registers and memory', async () => {
      const conditions = [
        'i == 2', 'i > 1 && counter == 16', 'u32[&i] == 2', '*&i == 2', '$esp != 0 && i == 2', '(char)i == 2', '-i == -2', 'corner.color == 5 && i == 2',
        'corner.y == -4', 'corner.y < 0', '(unsigned)corner.y > 5', 'greeting[i] == 0x6c', '(&corner)->x == 16', '(counter >> 1) % 5 == 3', '!(i - 2)', '$ax == ($eax & 0xffff)',
        '$ah == (($eax >> 8) & 255)', 'phys:0 == 0', 'i == 7 || i == 2', '~i == -3', '(short)0x18000 < 0',
        '*(greeting + i) == 0x6c', '*(greeting + 5 - i) == 0x6c', '(&corner + 1)->x != 16', '&corner + i != &corner',
      ];
      for (const condition of conditions) {
        await set('loop-body', { condition });
        assert.ok(machine.breakpoints[0].gate?.condition, condition);
      }
      // All of them hold when i is 2, and not all before.
      await set('loop-body', { condition: conditions.map((condition) => `(${condition})`).join(' && ') });
      await goOn('breakpoint');
      assert.equal(await value('i'), '2');
      assert.equal(machine.resumes.length, 1, 'no stop in between');
      for (const condition of conditions) assert.notEqual(await value(condition), '0', `${condition}: the adapter says the same`);
    });

    it('compares texts: arrays up to their end, pointers up to the first difference', async () => {
      const text = `(char *)${program.addressOf('greeting')}`;
      const conditions = [
        'greeting == "hello"', '"hello" == greeting', 'greeting != "hell"', 'greeting != "hello!"', 'greeting != "Hello"', 'greeting != ""', 'greeting == "\\x68ello"',
        `${text} == "hello"`, '&greeting[1] == "ello"', 'greeting + 1 == "ello"', '(char *)&greeting != "help"',
      ];
      for (const condition of conditions) {
        await set('loop-body', { condition });
        assert.ok(machine.breakpoints[0].gate?.condition, condition);
      }
      await set('loop-body', { condition: `i == 2 && ${conditions.map((condition) => `(${condition})`).join(' && ')}` });
      await goOn('breakpoint');
      assert.equal(await value('i'), '2');
      assert.equal(machine.resumes.length, 1, 'no stop in between');
      for (const condition of conditions) assert.equal(await value(condition), '1', `${condition}: the adapter says the same`);
      await watch('greeting', { condition: 'greeting == "jello"' });
      assert.ok(machine.watchpoints[0].gate?.condition, 'the monitor decides');
      await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId: 'irq', condition: 'greeting == "jello" && $eax != 0' }] });
      assert.ok(machine.eventStops[0].gate?.condition, 'the monitor decides');
    });

    it('refuses comparisons of texts that mean nothing, and says what can be compared', async () => {
      const refusals: [condition: string, message: RegExp][] = [['greeting < "a"', /there is == and !=/], ['greeting == "a\\0"', /has a NUL in it/], ['greeting == "a', /do not understand '"a'/]];
      for (const [condition, wanted] of refusals) {
        const { verified, message } = await set('loop-body', { condition });
        assert.equal(verified, false, condition);
        assert.match(message ?? '', wanted);
      }
      for (const condition of ['i == "2"', '$eax == "2"', 'corner == "2"']) {
        const { verified, message } = await set('loop-body', { condition });
        assert.deepEqual([verified, /compared with an array of characters or a pointer to them, not with a/.test(message ?? '')], [true, true], condition);
        assert.match(await client.refused('evaluate', { expression: condition.replace('i ', 'counter ') }), /cast an address/);
      }
      const { breakpoints } = await client.request('setDataBreakpoints', { breakpoints: [{ dataId: '0x1000/4', condition: 'counter == "2"' }] });
      assert.deepEqual([breakpoints[0].verified, /an array of characters/.test(breakpoints[0].message ?? '')], [false, true]);
    });

    it('tells of log messages that can never say a value when they are set', async () => {
      const refused = await set('loop-body', { logMessage: 'i is {i +}' });
      assert.equal(refused.verified, false);
      assert.match(refused.message ?? '', /\{i \+\}, which is no expression: Expected a number/);
      for (const [logMessage, wanted] of [
        ['{$retird} {i}', /no register 'retird'/], ['{i} {nonsense}', /'nonsense' at 0x/], ['{corner.z}', /has no member 'z'/], ['{i == "2"}', /compared with an array/],
        ['{i} {i ? zzz : 1}', /'zzz' at 0x/],
      ] as const) {
        const { verified, message } = await set('loop-body', { logMessage, condition: 'i ? 1 : 0' });
        assert.deepEqual([verified, wanted.test(message ?? '')], [true, true], `${logMessage}: ${message}`);
      }
      for (const mode of ['guest-int3', 'physical']) assert.match((await set('loop-body', { logMessage: '{$retird}', mode })).message ?? '', /no register 'retird'/);
      const fine = 'i {i,x} {$retired} {$rax} {$r8d} {$current} {$xmm3.u8[2]} {counter} {kernel_main} {greeting == "a}b"} {corner} {\'}\'}';
      assert.deepEqual(await set('loop-body', { logMessage: fine }).then(({ verified, message }) => [verified, message]), [true, undefined]);
      await set('loop-body', { logMessage: 'in hexadecimal {i,x}, as text {greeting,s}, {greeting == "he}o"}' });
      await client.request('continue', { threadId: 1 });
      assert.equal((await client.event('output', ({ output }) => output.startsWith('in hex'))).output.trim(), 'in hexadecimal 0x0, as text "hello", 0');
    });

    it('comes to the same where only the adapter can evaluate', async () => {
      await set('loop-body', { condition: 'i == 2 && $retired > 0 ? 1 : 0' });
      assert.equal(machine.breakpoints[0].gate, undefined);
      await goOn('breakpoint');
      assert.equal(await value('i'), '2');
      assert.ok(machine.resumes.length > 1);
    });

    it('turns CR3, privilege and CPU into filters', async () => {
      await set('loop-body', { condition: 'cr3 == 0x9000 && cpl == 0 && $cpu == 0 && i == 1' });
      const [{ cr3, privilege, cpu, gate }] = machine.breakpoints;
      assert.deepEqual({ cr3, privilege, cpu }, { cr3: 0x9000, privilege: 'kernel', cpu: 0 });
      assert.deepEqual(gate?.condition?.kind, 'binary');
      await set('loop-body', { condition: 'cpl == 3' });
      assert.equal(machine.breakpoints[0].privilege, 'user');
      assert.equal(machine.breakpoints[0].gate, undefined);
    });

    it('has the monitor count hits and write logs', async () => {
      await set('loop-body', { hitCondition: '== 2', condition: 'i >= 0' });
      assert.deepEqual(machine.breakpoints[0].gate?.hits, { op: '==', count: 2 });
      await goOn('breakpoint');
      assert.equal(await value('i'), '1');
      await set('loop-body', { logMessage: 'i is {i}, total {total}, eax {$eax}' });
      assert.equal(machine.breakpoints[0].gate?.log?.values.length, 3);
      await client.request('continue', { threadId: 1 });
      const { output, line: at, source } = await client.event('output', ({ output: text }) => text.startsWith('i is'));
      assert.match(output, /^i is 2, total 1, eax 0x[0-9a-f]{8}/);
      assert.deepEqual([at, source?.path], [line('loop-body'), program.source]);
    });

    it('refuses what is no expression', async () => {
      const { verified, message } = await set('loop-body', { condition: 'i ==' });
      assert.equal(verified, false);
      assert.match(message ?? '', /i ==/);
    });

    it('tells of names that mean nothing there when it is set, also where the rest decides', async () => {
      for (const condition of ['i == 2 && zzz', 'i < 100 || zzz', '0 ? zzz : 1']) {
        const { verified, message } = await set('loop-body', { condition });
        assert.deepEqual([verified, /'zzz' at 0x/.test(message ?? '')], [true, true], condition);
      }
      assert.equal((await set('loop-body', { condition: 'cpl == 0 && i < 100 && ($eax || eax || total || counter)' })).message, undefined);
      const data = async (condition: string): Promise<boolean> =>
        (await client.request('setDataBreakpoints', { breakpoints: [{ dataId: '0x1000/4', condition }] })).breakpoints[0].verified;
      assert.deepEqual([await data('before != 0 && zzz'), await data('before != 0 && after < 5')], [false, true]);
    });
  });

  it('refuses single places that there are not, and sets the others', async () => {
    const instructions = await client.request('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: 'phys:0xffffffffffff' }, { instructionReference: '0x1ffffffffffffffff' }, { instructionReference: '0x100000' }],
    });
    assert.deepEqual(instructions.breakpoints.map(({ verified }) => verified), [false, false, true]);
    assert.match(instructions.breakpoints[0].message ?? '', /do not lie inside of its 40 bits/);
    assert.deepEqual(machine.breakpoints.map((each) => 'linear' in each && each.linear), [0x100000n]);
    const data = await client.request('setDataBreakpoints', { breakpoints: [{ dataId: 'phys:0xffffffffffff/4' }, { dataId: '0x1000/4' }] });
    assert.deepEqual(data.breakpoints.map(({ verified }) => verified), [false, true]);
    assert.deepEqual(machine.watchpoints.map(({ address }) => address), [0x1000n]);
    assert.equal((await set('spin')).verified, true, 'those of other requests are not touched');
  });

  describe('in modes', () => {
    it('sets a breakpoint at the physical address, or by segment and offset, and refuses modes that there are not', async () => {
      const { verified } = await set('loop-body', { mode: 'physical' });
      assert.equal(verified, true);
      assert.ok('physical' in machine.breakpoints[0]);
      const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: 'phys:0x7c00', offset: 2 }] });
      assert.equal(breakpoints[0].verified, true);
      assert.ok(machine.breakpoints.some((breakpoint) => 'physical' in breakpoint && breakpoint.physical === 0x7c02));
      const under = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: 'lin:0x9000:0x100000' }] });
      assert.equal(under.breakpoints[0].verified, true);
      assert.ok(machine.breakpoints.some((breakpoint) => 'linear' in breakpoint && breakpoint.linear === 0x100000n && breakpoint.cr3 === 0x9000));
      assert.match((await set('loop-body', { mode: 'magic' })).message ?? '', /There is no breakpoint mode 'magic': there are hook, physical, guest-dr, guest-int3/);
    });
  });

  describe('at events', () => {
    const filter = async (filterId: string, condition?: string): Promise<Dap.Breakpoint> => {
      const { breakpoints = [] } = await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId, ...(condition === undefined ? {} : { condition }) }] }) ?? {};
      return breakpoints[0];
    };

    it('stops at port output, and says what it is', async () => {
      assert.equal((await filter('port', 'port == 0x3f8')).verified, true);
      const { stop } = await goOn('exception');
      assert.equal(stop.description, 'OUT to port 0x3f8');
      assert.equal(stop.text, 'OUT to port 0x3f8: 1 byte, value 0x42, before the instruction');
      const info = await client.request('exceptionInfo', { threadId: 1 });
      assert.deepEqual([info.exceptionId, info.description], [stop.description, stop.text]);
    });

    it('has conditions about what the event brings', async () => {
      await filter('port', "write && value == 'B'");
      assert.ok(machine.eventStops[0].gate?.condition);
      assert.match((await goOn('exception')).stop.text ?? '', /port 0x3f8: .*value 0x42/);
    });

    it('passes each filter on to the machine', async () => {
      const cases: readonly (readonly [filter: string, condition: string | undefined, stop: object])[] = [
        ['irq', undefined, { kind: 'interrupt' }],
        ['irq', 'vector == 0x30', { kind: 'interrupt', vector: 0x30 }],
        ['int', 'vector == 0x80 && cpl == 3', { kind: 'softwareInterrupt', vector: 0x80, privilege: 'user' }],
        ['msr', 'msr == 0xc0000080', { kind: 'msr', msr: 0xc0000080 }],
        ['cr3', undefined, { kind: 'cr3' }],
        ['mode', undefined, { kind: 'mode' }],
        ['task', 'kernel', { kind: 'taskSwitch', privilege: 'kernel' }],
        ['touch', 'execute phys:0x7c00', { kind: 'touch', space: 'physical', address: 0x7c00n, access: 'execute' }],
        ['touch', '0xb8000', { kind: 'touch', space: 'linear', address: 0xb8000n, access: 'write' }],
      ];
      for (const [name, condition, wanted] of cases) {
        assert.equal((await filter(name, condition)).verified, true, name);
        const [{ id, ...stop }] = machine.eventStops;
        assert.ok(id > 0);
        assert.deepEqual(stop, wanted, name);
      }
    });

    it('refuses what the machine would refuse for itself alone', async () => {
      const { breakpoints = [] } = await client.request('setExceptionBreakpoints', {
        filters: [], filterOptions: [
          { filterId: 'irq', condition: 'vector == 300' }, { filterId: 'port', condition: 'port == 70000' }, { filterId: 'msr', condition: 'msr == 0x1ffffffff' },
          { filterId: 'touch', condition: 'phys:0xffffffffffff' }, { filterId: 'irq', condition: 'vector == 0x20' },
        ],
      }) ?? {};
      assert.deepEqual(breakpoints.map(({ verified, message = '' }) => [verified, message.split(':')[0]]), [
        [false, '300 is no vector'], [false, 'Ports go from 0 to ffff'], [false, '8589934591 is no number of an MSR.'],
        [false, '1 bytes at physical address 0xffffffffffff do not lie inside of its 40 bits.'], [true, ''],
      ]);
      assert.deepEqual(machine.eventStops.map(({ kind }) => kind), ['interrupt']);
    });

    it('refuses conditions that mean nothing', async () => {
      assert.match((await filter('irq', 'wector == 3')).message ?? '', /wector/);
      // Whether or not the rest makes it true or false already.
      for (const condition of ['address > 0x1000 && zzz', 'address == 0 || zzz', '1 ? address : zzz', 'address + sizeof zzz']) {
        const { verified, message = '' } = await filter('#PF', condition);
        assert.deepEqual([verified, /no variable, register or symbol 'zzz'/.test(message)], [false, true], condition);
      }
      assert.equal((await filter('#PF', 'address > 0x1000 && $eflags.ZF == 0')).verified, true);
      assert.match((await filter('touch')).message ?? '', /Say which page/);
      assert.deepEqual(machine.eventStops, []);
    });

    it('tells page faults with the error code decoded and the walk', async () => {
      await client.close();
      ({ machine, client } = withMachine(program.guest(5)));
      await client.launch({ symbols: program.elf });
      await client.stopped('entry');
      await filter('#PF', 'address == 0x40000000 && error == 2');
      await goOn('exception');
      const { description } = await client.request('exceptionInfo', { threadId: 1 });
      assert.match(description ?? '', /Error code 0x2: no page is present, a write, by the kernel\./);
      assert.match(description ?? '', /The walk of 0x40000000:\n {2}level 2 PDE\[256\] at 0x9000 = 0xa007/);
    });
  });
});
