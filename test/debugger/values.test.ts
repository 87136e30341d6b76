/**
 * Variables, registers, expressions and memory of the C program on the fake machine, over the protocol.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from './client';
import type { FakeMachine } from './fakeMachine';
import { withMachine } from './harness';
import { markerLine } from './markers';
import { needProgram, type BuiltProgram } from './program';

describe('values of a C program', function () {
  this.timeout(20_000);
  let program: BuiltProgram;
  let client: DapClient;
  let machine: FakeMachine;
  let frame: Dap.StackFrame;

  before(function () {
    program = needProgram(this);
  });

  beforeEach(async () => {
    ({ machine, client } = withMachine(program.guest(0)));
    await client.launch({ symbols: [program.elf], stopOnEntry: false }, async () => {
      await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [{ line: markerLine(program.source, 'main-after') }] });
    });
    ({ frame } = await client.stopped('breakpoint'));
  });

  afterEach(() => client.close());

  const evaluate = async (expression: string, context?: string): Promise<string> =>
    (await client.request('evaluate', { expression, frameId: frame.id, ...(context === undefined ? {} : { context }) })).result;

  async function scope(name: string): Promise<Dap.Variable[]> {
    const { scopes } = await client.request('scopes', { frameId: frame.id });
    const found = scopes.find((candidate) => candidate.name === name);
    assert.ok(found, `there is no scope ${name}`);
    return (await client.request('variables', { variablesReference: found.variablesReference })).variables;
  }

  const named = (variables: readonly Dap.Variable[], name: string): Dap.Variable => {
    const found = variables.find((variable) => variable.name === name);
    assert.ok(found, `there is no ${name} among ${variables.map((variable) => variable.name).join(', ')}`);
    return found;
  };

  const children = async (variable: Dap.Variable, more: object = {}): Promise<Dap.Variable[]> =>
    (await client.request('variables', { variablesReference: variable.variablesReference, ...more })).variables;

  it('shows locals with their members and elements', async () => {
    const locals = await scope('Locals');
    assert.deepEqual(locals.map(({ name }) => name).sort(), ['how', 'numbers', 'pointer']);
    const pointer = named(locals, 'pointer');
    assert.equal(pointer.type, 'struct point *');
    const corner = await evaluate('&corner');
    assert.ok(corner.includes(pointer.memoryReference ?? '?'), `${corner} does not name ${pointer.memoryReference}`);
    const members = await children(pointer);
    assert.deepEqual(members.map(({ name, value, evaluateName }) => [name, value, evaluateName]), [
      ['x', '3', 'pointer->x'],
      ['y', '-4 (0xfffffffc)', 'pointer->y'],
      ['color', '5', 'pointer->color'],
      ['shade', '9', 'pointer->shade'],
    ]);
    const numbers = named(locals, 'numbers');
    assert.equal(numbers.indexedVariables, 3);
    const page = await children(numbers, { filter: 'indexed', start: 1, count: 1 });
    assert.deepEqual(page.map(({ name, value, evaluateName }) => [name, value, evaluateName]), [['[1]', '8', 'numbers[1]']]);
  });

  it('writes values as the format behind the expression says', async () => {
    assert.equal(await evaluate('pointer->y,x'), '0xfffffffc');
    assert.equal(await evaluate('pointer->y, d'), '-4');
    assert.equal(await evaluate('pointer->y,u'), '4294967292');
    assert.equal(await evaluate('pointer->x + 6,b'), '0b1001');
    assert.equal(await evaluate('0x1ff,o'), '0o777');
    assert.equal(await evaluate('0x12345,b'), '0b0001_0010_0011_0100_0101');
    assert.equal(await evaluate("'A',c"), "65 'A'");
    const greeting = await evaluate('greeting,s');
    assert.match(greeting, /^".+"$/);
    assert.ok((await evaluate('greeting')).includes(greeting.slice(1, -1)), 'the string that the variable has');
    const { result, variablesReference } = await client.request('evaluate', { expression: '&numbers[1],2x', frameId: frame.id });
    const { variables } = await client.request('variables', { variablesReference });
    assert.deepEqual(variables.map(({ name, value }) => [name, value]), [['[0]', '0x8'], ['[1]', '0x9']], result);
    assert.match(await client.refused('evaluate', { expression: 'numbers,0', frameId: frame.id }), /1 to 65536/);
    assert.match(await client.refused('evaluate', { expression: '*pointer,4', frameId: frame.id }), /needs a pointer, an array, or an address/);
  });

  it('tells where a variable is declared', async () => {
    const numbers = named(await scope('Locals'), 'numbers');
    const location = await client.request('locations', { locationReference: numbers.declarationLocationReference ?? 0 });
    assert.equal(location.source.path, program.source);
    assert.equal(location.line, markerLine(program.source, 'main-numbers'));
    assert.match(await client.refused('locations', { locationReference: 12345 }), /no location/);
  });

  it('copies long strings in full to the clipboard', async () => {
    const start = Number((await client.request('evaluate', { expression: 'greeting', frameId: frame.id })).memoryReference);
    const text = `0x${(start - 0x1000).toString(16)}`;
    await client.request('writeMemory', { memoryReference: text, data: Buffer.from(`${'x'.repeat(250)}\0`).toString('base64') });
    const expression = `(char *)${text}`;
    assert.match(await evaluate(expression, 'watch'), /"x{200}"…$/);
    assert.match(await evaluate(expression, 'clipboard'), /"x{250}"$/);
  });

  it('shows numbers in hexadecimal where that is asked for', async () => {
    const numbers = named(await scope('Locals'), 'numbers');
    const page = await children(numbers, { start: 0, count: 1, format: { hex: true } });
    assert.equal(page[0].value, '0x7');
    await client.request('shadowbox.format', { hex: true });
    await client.event('invalidated', (body) => body.areas?.includes('variables') === true);
    assert.equal(await evaluate('numbers[0]'), '0x7');
  });

  it('shows registers, hidden parts of segments, and flags bit by bit', async () => {
    const general = await scope('General Registers');
    assert.equal(named(general, 'eip').value, `0x${machine.cpu.ip.toString(16).padStart(8, '0')}`);
    assert.equal(named(general, 'esp').memoryReference, `0x${machine.cpu.registers.esp.toString(16)}`);
    const cs = named(await scope('Segments'), 'cs');
    assert.equal(cs.value, '0x0008 code, DPL 0');
    assert.deepEqual((await children(cs)).map(({ name, value }) => [name, value]), [
      ['base', '0x00000000'], ['limit', '0xffffffff'], ['attributes', '0x0c9b'], ['meaning', 'code, DPL 0'],
    ]);
    const flags = await scope('Flags');
    assert.deepEqual(flags.map(({ name }) => name), ['CF', 'ZF', 'SF', 'OF']);
    assert.equal(named(flags, 'ZF').value, machine.cpu.flags & 0x40 ? '1 set' : '0 clear');
    const cr0 = named(await scope('Control'), 'cr0');
    assert.equal(named(await children(cr0), 'PE').value, '1 set');
    const [st0] = await scope('x87');
    assert.deepEqual([st0.value, st0.type], ['1', '80-bit register, 0x3fff8000000000000000']);
  });

  it('sets registers, flags, parts of registers, and says why it cannot', async () => {
    const reference = async (name: string): Promise<number> =>
      (await client.request('scopes', { frameId: frame.id })).scopes.find((each) => each.name === name)?.variablesReference ?? 0;
    const general = await reference('General Registers');
    const set = await client.request('setVariable', { variablesReference: general, name: 'eax', value: '0b101' });
    assert.equal(set.value, '0x00000005');
    assert.equal(machine.cpu.registers.eax, 5);
    await client.event('invalidated');
    await client.request('setVariable', { variablesReference: general, name: 'ebx', value: '-1' });
    assert.equal(machine.cpu.registers.ebx, 0xffffffff);
    assert.match(await client.refused('setVariable', { variablesReference: general, name: 'eax', value: '0x100000000' }), /does not fit into eax/);
    assert.match(await client.refused('setVariable', { variablesReference: general, name: 'eax', value: 'ten' }), /no variable, register or symbol 'ten'/);
    const control = await reference('Control');
    assert.match(await client.refused('setVariable', { variablesReference: control, name: 'cr2', value: '1' }), /cr2 cannot be set/);
    assert.match(await client.refused('setVariable', { variablesReference: control, name: 'cr3', value: '1' }), /page-aligned/);
    const flags = await reference('Flags');
    await client.request('setVariable', { variablesReference: flags, name: 'CF', value: '1' });
    assert.equal(machine.cpu.flags & 1, 1);
    await client.request('setExpression', { expression: '$ah', value: '0x12', frameId: frame.id });
    assert.equal(machine.cpu.registers.eax, 0x1205);
  });

  it('sets variables in memory, bit fields too', async () => {
    const locals = await client.request('scopes', { frameId: frame.id });
    const reference = locals.scopes[0].variablesReference;
    const pointer = named((await client.request('variables', { variablesReference: reference })).variables, 'pointer');
    const set = await client.request('setVariable', { variablesReference: pointer.variablesReference, name: 'y', value: 'counter + 1' });
    assert.equal(set.value, '17 (0x11)');
    await client.event('memory', (body) => body.count === 4);
    assert.equal(await evaluate('corner.y'), '17 (0x11)');
    await client.request('setExpression', { expression: 'corner.shade', value: '2', frameId: frame.id });
    assert.equal(await evaluate('corner.shade'), '2');
    assert.equal(await evaluate('corner.color'), '5');
    assert.match(await client.refused('setExpression', { expression: 'corner.color', value: '16', frameId: frame.id }), /bit field/);
    assert.match(await client.refused('setExpression', { expression: 'corner', value: '16', frameId: frame.id }), /set its parts/);
    assert.match(await client.refused('setExpression', { expression: 'counter + 1', value: '16', frameId: frame.id }), /cannot be set/);
  });

  it('shows recovered registers in a caller, and does not set them', async () => {
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'finish' }] });
    await client.request('continue', {});
    await client.stopped('breakpoint');
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    const caller = stackFrames[1];
    const { result } = await client.request('evaluate', { expression: '$eip', frameId: caller.id });
    assert.ok(result.startsWith(`0x${BigInt(caller.instructionPointerReference ?? 0).toString(16).padStart(8, '0')}`));
    assert.equal((await client.request('evaluate', { expression: 'numbers[2]', frameId: caller.id })).result, '9');
    assert.match(await client.refused('setExpression', { expression: '$eip', value: '0', frameId: caller.id }), /cannot be set/);
  });

  it('evaluates C expressions', async () => {
    const results: Record<string, string> = {
      'counter': '16 (0x10)',
      'pointer->x + corner.y': '-1 (0xffffffff)',
      '*pointer': '{x = 3, y = -4 (0xfffffffc), color = 5, shade = 9}',
      '(*pointer).x': '3',
      'numbers[1] * 2 == counter': '1',
      'sizeof(struct point)': '12 (0xc)',
      'sizeof numbers': '12 (0xc)',
      '*(numbers + 2)': '9',
      '&numbers[2] - &numbers[0]': '2',
      '(char)0x141': "65 (0x41) 'A'",
      '((struct point *)&corner)->x': '3',
      'counter > 10 ? numbers[0] : 1': '7',
      'u16[0x100000] == (u8[0x100000] | u8[0x100001] << 8)': '1',
      '!counter': '0',
      '~0 & 0xf0': '240 (0xf0)',
      '7 / 2 % 2': '1',
      '-7 / 2': '-3 (0xfffffffd)',
      "'A' + 1": '66 (0x42)',
      'greeting': '"hello"',
    };
    for (const [expression, result] of Object.entries(results)) assert.equal(await evaluate(expression), result, expression);
  });

  it('computes with floating-point numbers as C does', async () => {
    const results: Record<string, string> = {
      '(float)1': '1',
      '1.5 + 2': '3.5',
      '1e3': '1000',
      '7 / 2.0': '3.5',
      '(float)1 / 3': '0.33333334',
      '(double)1 / 3': '0.3333333333333333',
      '-(double)counter': '-16',
      '(int)2.9': '2',
      '(int)-2.9': '-2 (0xfffffffe)',
      'counter > 15.5 && counter < 16.5': '1',
      'counter == 16.0': '1',
      '!0.0': '1',
      '0.5 ? 1 : 2': '1',
      '$st0 * 2': '2',
    };
    for (const [expression, result] of Object.entries(results)) assert.equal(await evaluate(expression), result, expression);
    assert.match(await client.refused('evaluate', { expression: '1.5 % 2', frameId: frame.id }), /'%' is for whole numbers/);
    assert.match(await client.refused('evaluate', { expression: '~1.5', frameId: frame.id }), /A whole number is needed, and double is none/);
    assert.match(await client.refused('evaluate', { expression: '(int)(1.0 / 0)', frameId: frame.id }), /Infinity has no whole part/);
  });

  it('keeps the space of an address through casts, members, elements and sums', async () => {
    const at = BigInt((await client.request('evaluate', { expression: '&corner', frameId: frame.id })).memoryReference ?? 'none');
    const corner = `(struct point *)phys:0x${at.toString(16)}`;
    const place = async (expression: string): Promise<string | undefined> => (await client.request('evaluate', { expression, frameId: frame.id })).memoryReference;
    assert.equal(await evaluate(corner), `phys:0x${at.toString(16)}`);
    assert.equal(await evaluate(`*${corner}`), await evaluate('corner'));
    assert.equal(await place(`*${corner}`), `phys:0x${at.toString(16)}`);
    assert.equal(await place(`(${corner})->y`), `phys:0x${(at + 4n).toString(16)}`);
    assert.equal(await place(`&(${corner})->y`), `phys:0x${(at + 4n).toString(16)}`);
    assert.equal(await place(`(${corner})[1]`), `phys:0x${(at + 12n).toString(16)}`);
    assert.equal(await place(`(${corner}) + 1`), `phys:0x${(at + 12n).toString(16)}`);
    assert.equal(await place(`u8[lin:0x9000:0x${at.toString(16)}]`), `lin:0x9000:0x${at.toString(16)}`);
    // Tighter than the comparison, as a number would be.
    assert.equal(await evaluate(`*(int *)phys:0x${at.toString(16)} == corner.x`), '1');
    assert.equal(await evaluate(`*(int *)lin:0x9000:0x${at.toString(16)} == corner.x`), '1');
    const { variablesReference } = await client.request('evaluate', { expression: corner, frameId: frame.id });
    const { variables } = await client.request('variables', { variablesReference });
    assert.equal(named(variables, 'y').value, '-4 (0xfffffffc)');
    assert.equal(await place(named(variables, 'y').evaluateName ?? ''), `phys:0x${(at + 4n).toString(16)}`);
  });

  it('evaluates registers, symbols and address spaces', async () => {
    machine.cpu.registers.eax = 0x12345678;
    await client.request('setExpression', { expression: 'ebx', value: '0x10' });
    assert.equal(await evaluate('eax'), '0x12345678 (305419896)');
    assert.equal(await evaluate('$AX'), '0x5678 (22136)');
    assert.equal(await evaluate('%ah'), '0x56 (86)');
    assert.equal(await evaluate('cs.limit'), '0xffffffff (4294967295)');
    assert.equal(await evaluate('eflags.zf'), machine.cpu.flags & 0x40 ? '0x1' : '0x0');
    assert.equal(await evaluate('phys:0x1000 + 4'), 'phys:0x1004');
    assert.equal((await client.request('evaluate', { expression: '$cr3', frameId: frame.id })).memoryReference, 'phys:0x9000');
    const { memoryReference } = await client.request('evaluate', { expression: 'ds:ebx + 4', frameId: frame.id });
    assert.equal(memoryReference, '0x14');
    const outside = await client.request('evaluate', { expression: 'outside', frameId: frame.id });
    assert.equal((await client.request('evaluate', { expression: 'u8[outside]', frameId: frame.id })).result, '144 (0x90)');
    assert.match(outside.memoryReference ?? '', /^0x1000/);
    assert.equal(await evaluate('u8[phys:0x100000]'), await evaluate('u8[0x100000]'));
  });

  it('says what is wrong with an expression', async () => {
    const messages: Record<string, RegExp> = {
      '': /empty/,
      '1 +': /Expected a number.*found the end/,
      '(1': /Expected '\)'/,
      'nothing': /no variable, register or symbol 'nothing'/,
      '1 / 0': /Division by zero/,
      'counter.x': /not a struct/,
      'corner.z': /struct point has no member 'z'/,
      'corner + 1': /not a number/,
      'u32[0x30000000]': /cannot read memory|cannot be read/,
      '0x7777:0': /not loaded/,
      '#': /do not understand/,
      'counter = 1': /'=' assigns/,
      '(struct nothing)1': /no type 'struct nothing'/,
      'add(1, 2)': /Functions are not called here/,
    };
    for (const [expression, message] of Object.entries(messages)) {
      const response = await client.raw('evaluate', { expression, frameId: frame.id, context: 'watch' });
      const text = response.success ? String(response.body.result) : response.message ?? '';
      assert.match(text, message, expression);
    }
    assert.match(await client.refused('evaluate', { expression: '('.repeat(5000) }), /nested too deeply/);
    assert.match(await client.refused('evaluate', { expression: `1${' + 1'.repeat(20_000)}` }), /too long: 1000 operators at most/);
    assert.equal(await evaluate(`1${' + 1'.repeat(1000)}`), '1001 (0x3e9)');
  });

  it('assigns only in the console', async () => {
    assert.match(await client.refused('evaluate', { expression: 'counter = 7', frameId: frame.id, context: 'hover' }), /assigns/);
    assert.equal(await evaluate('counter'), '16 (0x10)');
    assert.equal(await evaluate('counter = 7', 'repl'), '7');
    assert.equal(await evaluate('counter'), '7');
  });

  it('runs console commands', async () => {
    assert.match(await evaluate('help', 'repl'), /mem ADDRESS/);
    assert.match(await evaluate('regs', 'repl'), /protected-32, CPL 0\neax=/);
    assert.match(await evaluate('mem &greeting 6', 'repl'), /^0x[0-9a-f]{8}  68 65 6c 6c 6f 00 +hello\.$/);
    assert.match(await evaluate('mem 0x30000000', 'repl'), /not mapped/);
    assert.match(await evaluate('walk 0x1000', 'repl'), /PDE\[0\].*\n.*TLB: held for reading, execution/s);
    assert.equal((await evaluate('dis kernel_main 3', 'repl')).split('\n').length, 3);
    assert.match(await evaluate('counters', 'repl'), /tlb misses +12/);
    assert.match(await evaluate('devices', 'repl'), /^pit  \{"channels":\[1,2\],"pending":\{"irq0":5\}/);
    assert.equal(await evaluate('hash', 'repl'), '0123abcd');
    assert.match(await evaluate('spaces', 'repl'), /\* cr3=0x00009000  32-bit/);
    assert.match(await client.refused('evaluate', { expression: 'mem', context: 'repl' }), /Usage: mem/);
    assert.match(await client.refused('evaluate', { expression: 'balloon', context: 'repl' }), /This machine has no memory balloon; .*"balloon": true/);
  });

  it('completes commands, registers, variables and members', async () => {
    const labels = async (text: string): Promise<string[]> =>
      (await client.request('completions', { text, column: text.length + 1, frameId: frame.id })).targets.map(({ label }) => label);
    assert.deepEqual(await labels('pointer->'), ['x', 'y', 'color', 'shade']);
    assert.deepEqual(await labels('1 + corner.c'), ['color']);
    assert.deepEqual(await labels('$eb'), ['ebx', 'ebp']);
    assert.ok((await labels('num')).includes('numbers'));
    assert.ok((await labels('coun')).includes('counter'));
    const { targets } = await client.request('completions', { text: '(struct poi', column: 12, frameId: frame.id });
    assert.deepEqual(targets.map(({ label, type, start, length }) => [label, type, start, length]).slice(-1), [['point', 'class', 8, 3]]);
    assert.ok((await labels('ker')).includes('kernel_main'), 'functions');
    assert.ok((await labels('co')).includes('counters'));
    assert.deepEqual(await labels('eflags.z'), ['ZF']);
    assert.deepEqual(await labels('cs.b'), ['base']);
    assert.deepEqual(await labels('nonsense.'), []);
  });

  it('completes the words of commands, which are those that they take', async () => {
    const words = async (text: string): Promise<string[]> =>
      (await client.request('completions', { text, column: text.length + 1, frameId: frame.id })).targets.filter(({ type }) => type === 'keyword').map(({ label }) => label);
    const alone = ['return', 'branch', 'iret', 'user', 'kernel', 'cr3'];
    assert.deepEqual(await words('until '), alone);
    assert.deepEqual([await words('until u'), await words('UNTIL '), await words('until user '), await words('until 1x ')], [['user'], [], [], []]);
    assert.deepEqual(await words('until 1000 '), ['instructions', 'ns', 'us', 'ms', 's']);
    assert.deepEqual(await words('until 2.5 m'), ['ms']);
    assert.deepEqual(await words('regs c'), ['control']);
    assert.deepEqual([await words('goto '), await words('fork '), await words('help ')], [['end'], [], []]);
    assert.deepEqual([await words('record '), await words('record a.shadowbox '), await words('record a.shadowbox embed s')], [[], ['embed', 'snapshots'], ['snapshots']]);
    const { targets } = await client.request('completions', { text: 'until ker', column: 10, frameId: frame.id });
    assert.deepEqual(targets.filter(({ label }) => label.startsWith('kernel')).map(({ label, start, length }) => [label, start, length]), [['kernel', 6, 3], ['kernel_main', 6, 3]]);
    assert.match(await evaluate('help', 'repl'), new RegExp(`until ADDRESS \\| ${alone.join(' \\| ')} \\| COUNT instructions \\| TIME ns\\|us\\|ms\\|s`));
  });

  it('marks variables that a data breakpoint watches, by linear and by physical address', async () => {
    const isMarked = ({ presentationHint }: Pick<Dap.Variable, 'presentationHint'>): boolean => presentationHint?.attributes?.includes('hasDataBreakpoint') === true;
    const markedIn = (variables: readonly Dap.Variable[]): string[] => variables.filter(isMarked).map(({ name }) => name);
    const ofExpression = async (expression: string): Promise<boolean> => isMarked(await client.request('evaluate', { expression, frameId: frame.id, context: 'watch' }));
    const watch = async (...names: readonly (readonly [name: string, mode?: string | undefined])[]): Promise<void> => {
      const infos = await Promise.all(names.map(([name, mode]) => client.request('dataBreakpointInfo', { name, frameId: frame.id, ...(mode === undefined ? {} : { mode }) })));
      await client.request('setDataBreakpoints', { breakpoints: infos.map(({ dataId }): Dap.DataBreakpoint => ({ dataId: dataId ?? '', accessType: 'write' })) });
    };
    const locals = await scope('Locals');
    const pointed = (): Promise<Dap.Variable[]> => children(named(locals, 'pointer'));
    assert.deepEqual([markedIn(locals), markedIn(await pointed()), client.unreadEvents('invalidated')], [[], [], []]);
    await watch(['corner.y'], ['numbers[1]']);
    assert.deepEqual((await client.event('invalidated')).areas, ['variables']);
    assert.deepEqual([markedIn(await scope('Locals')), markedIn(await pointed()), markedIn(await children(named(locals, 'numbers')))], [['numbers'], ['y'], ['[1]']]);
    assert.deepEqual(await Promise.all(['corner', 'corner.y', '*pointer', 'corner.x', 'pointer', 'numbers[0]', 'counter', '$eax'].map(ofExpression)), [true, true, true, false, false, false, false, false]);
    for (const mode of [undefined, 'physical']) {
      await watch(['corner.shade', mode]);
      assert.deepEqual(markedIn(await pointed()), ['color', 'shade'], 'both lie in one byte');
      assert.deepEqual(await Promise.all(['corner.color', 'corner', 'counter'].map(ofExpression)), [true, true, false]);
    }
    await client.request('setDataBreakpoints', { breakpoints: [{ dataId: 'lin:0x123000:0x0/0x40000000', accessType: 'write' }, { dataId: `lin:0x123000:0x${program.addressOf('counter').toString(16)}/4`, accessType: 'write' }] });
    assert.equal(await ofExpression('counter'), false, 'it is watched in another address space');
    await client.request('setDataBreakpoints', { breakpoints: [] });
    assert.deepEqual(markedIn(await pointed()), []);
  });

  it('reads and writes memory, and counts what cannot be read', async () => {
    const { memoryReference } = await client.request('evaluate', { expression: 'greeting', frameId: frame.id });
    assert.ok(memoryReference);
    const read = await client.request('readMemory', { memoryReference, offset: 1, count: 4 });
    assert.equal(Buffer.from(read.data ?? '', 'base64').toString(), 'ello');
    assert.equal(BigInt(read.address), BigInt(memoryReference) + 1n);
    const data = Buffer.from('HELP').toString('base64');
    assert.deepEqual(await client.request('writeMemory', { memoryReference, data }), { bytesWritten: 4 });
    assert.deepEqual(await client.event('memory'), { memoryReference, offset: 0, count: 4 });
    assert.equal(await evaluate('greeting'), '"HELPo"');
    const edge = await client.request('readMemory', { memoryReference: '0x1fffe', count: 10 });
    assert.equal(Buffer.from(edge.data ?? '', 'base64').length, 2);
    assert.equal(edge.unreadableBytes, 8);
    assert.deepEqual(await client.request('readMemory', { memoryReference: '0x20000', count: 8 }), { address: '0x20000', unreadableBytes: 8 });
    const gap = await client.request('readMemory', { memoryReference: '0xff000', count: 0x2000 });
    assert.deepEqual(gap, { address: '0xff000', unreadableBytes: 0x1000 });
    assert.deepEqual(await client.request('readMemory', { memoryReference: '0x0', offset: -4, count: 8 }), { address: '0x0', unreadableBytes: 4 });
    assert.match(await client.refused('writeMemory', { memoryReference: '0x1fffe', data }), /Nothing was written/);
    assert.deepEqual(await client.request('writeMemory', { memoryReference: '0x1fffe', data, allowPartial: true }), { bytesWritten: 2 });
    assert.match(await client.refused('writeMemory', { memoryReference: '0x0', data: '*' }), /base64/);
    const physical = await client.request('readMemory', { memoryReference: 'phys:0x100000', count: 1 });
    assert.equal(physical.unreadableBytes, undefined);
  });

  it('refuses frames and variables of a stop that is over', async () => {
    const { scopes } = await client.request('scopes', { frameId: frame.id });
    await client.request('next', {});
    await client.stopped('step');
    assert.match(await client.refused('variables', { variablesReference: scopes[0].variablesReference }), /no longer valid/);
    assert.match(await client.refused('scopes', { frameId: frame.id }), /no stack frame/);
  });

  it('lists sources, lines with code, modules, and gives the text of a source', async () => {
    const { sources } = await client.request('loadedSources', {});
    assert.deepEqual(sources.map(({ path }) => path), [program.source]);
    const first = markerLine(program.source, 'add-body');
    const { breakpoints } = await client.request('breakpointLocations', { source: { path: program.source }, line: first - 2, endLine: first + 1 });
    assert.deepEqual(breakpoints.map(({ line }) => line), [first - 1, first, first + 1]);
    const { modules } = await client.request('modules', {});
    assert.deepEqual(modules.map(({ name, symbolStatus }) => [name, symbolStatus]), [['program.elf', 'symbols and lines loaded']]);
    const { content } = await client.request('source', { source: { path: program.source }, sourceReference: 0 });
    assert.match(content, /marker: add-body/);
    assert.match(await client.refused('source', { source: { path: '/etc/hostname' }, sourceReference: 0 }), /not among the sources/);
  });
});
