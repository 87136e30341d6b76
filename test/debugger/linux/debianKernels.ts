/**
 * What holds for each of Debian's kernels: what the debugger finds in memory is what the guest says of itself. One boot serves all
 * tests of a kernel.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { findKernel, kernelHint } from '../../../debugger/linux/kernelImage';
import { LinuxKernel } from '../../../debugger/linux/linuxKernel';
import { FETCHING_MS, needGuests } from '../../guests/support/testGuests';
import { leaveOut } from '../../support/leaveOut';
import { buildUserProgram } from './userProgram';
import { testThreads } from './threadTests';
import { BootedLinux, EARLY_BREAKPOINT, md5, type LinuxKind } from './bootedLinux';

const PAGE = 4096;
const FALSE_TIMES = 300_000;

export interface KernelCase extends Omit<LinuxKind, 'program'> {
  /** Where the kernel is linked to (`_text`). */
  readonly linkedTo: bigint;
  /** The number of write(2). */
  readonly writeCall: number;
  readonly hasTypes: boolean;
  /** Bytes of the instruction that a process is in while it makes a system call. */
  readonly callBytes: string;
}

/** What the client was told of sources that came and went. */
function toldSources({ client }: BootedLinux): [reason: string, path: string | undefined][] {
  return client.unreadEvents('loadedSource').map(({ body }) => body as Dap.LoadedSourceEvent['body']).map(({ reason, source }) => [reason, source.path]);
}

/** `describe`s a kernel; `more` adds tests that it has alone. */
export function describeKernel(tested: KernelCase, more: (linux: () => BootedLinux) => void = () => undefined): void {
  describe(`Linux awareness: Debian's -${tested.flavour}`, function () {
    this.timeout(700_000);
    this.slow(60_000);
    let linux: BootedLinux;
    let program: ReturnType<typeof buildUserProgram>;
    /** What the guest has printed, by command. */
    const told: Record<string, string> = {};

    before(async function () {
      this.timeout(FETCHING_MS);
      needGuests(this, 'kernels', 'e1000');
      program = buildUserProgram(tested.linkedTo > 0xffff_ffffn ? 64 : 32);
      linux = await BootedLinux.boot({ ...tested, ...('missing' in program ? {} : { program }) });
      for (const command of [
        'insmod /e1000.ko', 'cat /proc/version', 'cat /proc/modules', 'grep " _text$" /proc/kallsyms', 'sed "/\\[/d" /proc/kallsyms | md5sum',
        'grep " [tT] e1000_.*\\[e1000\\]" /proc/kallsyms', 'ps -o pid,ppid,stat,comm', 'dmesg', 'cat /proc/1/maps',
      ]) told[command] = await linux.type(command);
      await linux.pause();
    });
    after(async () => {
      await linux?.close();
      if (!('missing' in program)) program.remove();
    });

    it('finds the kernel: its banner, and how far KASLR has moved it', async () => {
      const start = performance.now();
      await linux.frames();
      console.log(`      first stack, with the search: ${(performance.now() - start).toFixed(0)} ms`);
      const { reason, breakpoint } = await linux.client.event('breakpoint');
      assert.deepEqual([reason, breakpoint.verified], ['changed', true], `the breakpoint on ${EARLY_BREAKPOINT} has found its place`);
      const lines = (await linux.console('linux')).split('\n');
      assert.equal(lines[0], told['cat /proc/version']);
      const text = BigInt(`0x${told['grep " _text$" /proc/kallsyms'].split(' ')[0]}`);
      assert.equal(lines[1], `_text at 0x${text.toString(16)}, moved by 0x${(text - tested.linkedTo).toString(16)} (KASLR)`);
      assert.notEqual(text, tested.linkedTo, 'this kernel has moved');
    });

    it('has every symbol of the kernel that /proc/kallsyms has', async () => {
      const { inspect } = linux.session;
      const hint = await kernelHint(await inspect.cpu(), inspect);
      const table = hint && await findKernel(hint, inspect);
      assert.ok(hint && table);
      const digits = 2 * hint.pointerBytes;
      const lines = table.names.map((name, i) => `${table.addresses[i].toString(16).padStart(digits, '0')} ${table.kinds[i]} ${name}`);
      assert.equal(md5(lines), told['sed "/\\[/d" /proc/kallsyms | md5sum'].split(' ')[0]);
    });

    it('knows the modules that are loaded, and their symbols', async () => {
      const [name, size, , , , address] = told['cat /proc/modules'].split(' ');
      assert.equal(name, 'e1000');
      const [, row] = (await linux.console('lsmod')).split('\n');
      assert.deepEqual(row.split(/ +/).slice(0, 3), [name, size, BigInt(address).toString(10) === '0' ? '' : `0x${BigInt(address).toString(16)}`]);
      const { modules } = await linux.client.request('modules', {});
      const ours = modules.find((module) => module.name === 'e1000.ko');
      assert.ok(ours?.addressRange?.startsWith(`0x${BigInt(address).toString(16)}-`), ours?.addressRange);
      assert.ok(linux.client.unreadEvents('module').length > 0, 'the client was told');
      const symbols = told['grep " [tT] e1000_.*\\[e1000\\]" /proc/kallsyms'].split('\n').map((line) => /^(\w+) \w (\S+)\t/.exec(line));
      assert.ok(symbols.length > 100, `${symbols.length} symbols`);
      for (const symbol of symbols.filter((each) => /^\w+$/.test(each?.[2] ?? '')).slice(0, 20)) assert.equal(await linux.number(symbol?.[2] ?? ''), BigInt(`0x${symbol?.[1]}`), symbol?.[2]);
    });

    it('lists the processes that `ps` lists', async () => {
      const { processes, system } = await linux.client.request('shadowbox.processes');
      assert.match(system ?? '', new RegExp(`^Linux 6\\.1\\.\\d+-\\d+-${tested.flavour}$`));
      const ours = new Map(processes.map((process) => [process.pid, process]));
      const theirs = told['ps -o pid,ppid,stat,comm'].split('\n').slice(1).map((line) => line.trim().split(/ +/))
        .map(([pid, parent, state, ...words]) => ({ pid: Number(pid), parent: Number(parent), state: state[0], name: words.filter((word) => !/^[<NsLl+]+$/.test(word)).join(' ') }));
      const lasting = theirs.filter(({ name }) => name !== 'ps' && !name.startsWith('kworker'));
      assert.ok(lasting.length > 20, `${lasting.length} processes`);
      for (const { pid, parent, name } of lasting) {
        const found = ours.get(pid);
        assert.deepEqual([found?.pid, found?.parent, found?.name], [pid, parent, name]);
      }
      for (const pid of [1, 2, 3]) assert.equal(ours.get(pid)?.state, theirs.find((each) => each.pid === pid)?.state, `state of ${pid}`);
      const withTables = processes.filter(({ cr3 }) => cr3 !== undefined);
      assert.deepEqual(withTables.map(({ name }) => name), ['sh'], 'processes of their own memory');
      assert.match(await linux.console('ps'), /^ 2 +0 +S +- +kthreadd +\[kthreadd\]$/m);
    });

    it("reads the kernel's messages as `dmesg` prints them", async () => {
      const theirs = told['dmesg'].split('\n');
      const ours = (await linux.console('dmesg')).split('\n');
      assert.ok(theirs.length > 200, `${theirs.length} lines`);
      assert.deepEqual(ours.slice(0, theirs.length), theirs);
    });

    it('unwinds a system call to the process that made it', async () => {
      const { breakpoints } = await linux.client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'ksys_write' }] });
      assert.deepEqual(breakpoints.map(({ verified }) => verified), [true]);
      await linux.goOn();
      await linux.send('echo hello');
      await linux.client.stopped('breakpoint');
      const start = performance.now();
      const frames = await linux.frames();
      console.log(`      stack: ${(performance.now() - start).toFixed(0)} ms`);
      const names = frames.map(({ name }) => name);
      assert.equal(names[0], 'ksys_write');
      const edge = frames.findIndex(({ name }) => name === `— system call ${tested.writeCall} (write) —`);
      assert.ok(edge > 2, names.join(', '));
      assert.match(names[edge - 1], /^entry_\w+\+0x/);
      const user = frames[edge + 1];
      const address = BigInt(user.instructionPointerReference ?? 0);
      assert.equal(await bytesAt(linux, address - 2n, 2), tested.callBytes);
      assert.match(await linux.runs(), /^sh \(\d+\), parent \d+/);
      assert.equal(user.name.replace(/ — sh \(\d+\)$/, ''), placeByMaps(told['cat /proc/1/maps'], address));
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [] });
      await linux.goOn();
      await linux.waitFor(/hello\n/, 60_000);
    });

    if (tested.hasTypes) {
      it('decides in the monitor about a condition on the process that runs: a figure', async () => {
        const { client } = linux;
        const breakFor = async (name: string): Promise<void> => {
          const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'ksys_write', condition: `$current->comm == "${name}"` }] });
          assert.deepEqual(breakpoints.map(({ verified }) => verified), [true]);
        };
        await breakFor('nobody');
        const began = performance.now();
        // The adapter would need minutes for as many.
        await linux.type(`dd if=/dev/zero of=/dev/null bs=1 count=${FALSE_TIMES} 2>/dev/null`);
        console.log(`      ${FALSE_TIMES.toLocaleString('en-GB')} times another process took ${((performance.now() - began) / 1000).toFixed(1)} s`);
        await breakFor('dd');
        await linux.send('dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null; echo written');
        await client.stopped('breakpoint');
        assert.equal(await linux.value('$current->comm'), '"dd"');
        await client.request('setFunctionBreakpoints', { breakpoints: [] });
        await linux.goOn();
        await linux.waitFor(/written\n/, 60_000);
      });
    }

    it("unwinds as the kernel's own unwinder does", async () => {
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'proc_pid_stack' }] });
      await linux.send('cat /proc/self/stack; echo done');
      await linux.client.stopped('breakpoint');
      const frames = await linux.frames();
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [] });
      const places = await Promise.all(frames.slice(1).filter(isCode).map((frame) => placeOf(linux, frame)));
      await linux.goOn();
      const printed = (await linux.waitFor(/done\n/, 60_000)).match(/\[<0>\] \S+/g)?.map((line) => line.slice(6)) ?? [];
      // The first of them is the function itself, further in than where it was stopped.
      const theirs = printed.slice(1).map((text) => text.replace(/\/0x\w+$/, ''));
      assert.ok(theirs.length > 5, printed.join(', '));
      assert.deepEqual(places.slice(0, theirs.length), theirs);
    });

    it('unwinds through code of a module, and notes when modules come and go', async () => {
      await linux.send('rmmod e1000; echo removed');
      await linux.waitFor(/removed\n/, 60_000);
      await linux.pause();
      assert.equal(await linux.console('lsmod'), 'No modules are loaded.');
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [{ name: '__pci_register_driver' }] });
      await linux.goOn();
      await linux.send('insmod /e1000.ko; echo loaded');
      await linux.client.stopped('breakpoint');
      const names = (await linux.frames()).map(({ name }) => name);
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [] });
      // The function has two names: its own, and the one by which the kernel knows every module's.
      const functions = names.map((name) => name.replace(/\+0x\w+/, '').replace(/^e1000_init_module /, 'init_module '));
      assert.deepEqual(functions.slice(0, 3), ['__pci_register_driver', 'init_module [e1000]', 'do_one_initcall'], names.join(', '));
      assert.ok(names.some((name) => /^— system call \d+ \((f?init_module)\) —$/.test(name)), names.join(', '));
      const events = linux.client.unreadEvents('module').map(({ body }) => (body as Dap.ModuleEvent['body']));
      assert.deepEqual(events.map(({ reason, module }) => [reason, module.name]), [['new', 'e1000.ko'], ['removed', 'e1000.ko'], ['new', 'e1000.ko']]);
      await linux.goOn();
      await linux.waitFor(/loaded\n/, 60_000);
    });

    it('unwinds a page fault to the instruction that has raised it', async () => {
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'exc_page_fault' }] });
      await linux.send('cat /proc/version');
      let frames: Dap.StackFrame[] = [];
      let edge = -1;
      for (let tries = 0; tries < 20; tries++) {
        await linux.client.stopped('breakpoint');
        frames = await linux.frames();
        edge = frames.findIndex(({ name }) => name === '— exception: page fault —');
        assert.ok(edge > 0, frames.map(({ name }) => name).join(', '));
        if (/ — \w+ \(\d+\)$/.test(frames[edge + 1].name)) break;
        await linux.goOn();
      }
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [] });
      const { control } = await linux.session.inspect.cpu();
      const faultAddress = control.find(({ name }) => name === 'cr2')?.value ?? 0n;
      const user = frames[edge + 1];
      assert.match(user.name, /^\S+ — (sh|cat|busybox) \(\d+\)$/);
      // The instruction is one that reaches the address, or lies there itself.
      const address = BigInt(user.instructionPointerReference ?? 0);
      console.log(`      ${user.name} faulted at 0x${faultAddress.toString(16)}`);
      assert.ok(address < (tested.linkedTo >> 1n));
      await linux.goOn();
      // With the prompt behind it, or what is typed next would seem to be answered.
      await linux.waitFor(/Linux version [^]*# $/, 60_000);
    });

    it('stops in a program as it begins, by the symbols of its file', async function () {
      if ('missing' in program) leaveOut(this, program.missing);
      const { client } = linux;
      await linux.pause();
      const set = async (names: readonly string[]): Promise<boolean[]> =>
        (await client.request('setFunctionBreakpoints', { breakpoints: names.map((name) => ({ name })) })).breakpoints.map(({ verified }) => verified);
      assert.deepEqual(await set(['work']), [false], 'the program does not run yet');
      const lines = { source: { path: program.source }, breakpoints: [{ line: program.line('loop') }] };
      assert.equal((await client.request('setBreakpoints', lines)).breakpoints[0].verified, false);
      await linux.goOn();
      await linux.send('counter');
      await client.stopped('breakpoint');
      const [first] = await linux.frames();
      assert.deepEqual([first.name, first.line, first.source?.path], ['run', program.line('loop'), program.source]);
      assert.deepEqual(toldSources(linux), [['new', program.source]]);
      assert.deepEqual((await client.request('loadedSources', {})).sources.map(({ path }) => path), [program.source]);
      assert.ok((await client.request('modules', {})).modules.some(({ name, symbolStatus }) => name === 'counter' && symbolStatus === 'symbols and lines loaded'));
      await client.request('setBreakpoints', { ...lines, breakpoints: [] });
      await linux.goOn();
      await client.stopped('breakpoint');
      const frames = await linux.frames();
      assert.deepEqual(frames.slice(0, 2).map(({ name }) => name), ['work', 'run']);
      assert.match(await linux.runs(), /^counter \(\d+\)/);
      assert.equal(await linux.value('value', frames[0].id), '1');
      assert.match(await linux.value('state.name', frames[0].id), /"counter"/);
      assert.match(await linux.value('state.rounds + 41', frames[0].id), /^41\b/);
      // The breakpoint is in this process alone.
      const cr3 = (await linux.session.inspect.cpu()).control.find(({ name }) => name === 'cr3')?.value ?? 0n;
      const own = (await client.request('shadowbox.processes')).processes.find(({ name }) => name === 'counter');
      assert.equal(pageOf(Number(cr3), tested.flavour), (own?.cr3 ?? 0) + (isIsolated(told['dmesg']) ? PAGE : 0));
      await set(['ksys_write']);
      await linux.goOn();
      await client.stopped('breakpoint');
      const inCall = await linux.frames();
      const names = inCall.map(({ name }) => name);
      const edge = names.findIndex((name) => name.startsWith('— system call'));
      // The call that makes it is inlined, and may end with its instruction.
      const behind = names.slice(edge + 1).filter((name) => name !== 'call (inlined)');
      assert.deepEqual(behind.slice(0, 2), ['work', 'run'], names.join(', '));
      assert.equal(inCall.find(({ name }) => name === 'run')?.line, program.line('loop'));
      await set([]);
      await linux.goOn();
      await linux.waitFor(/counted\n[^]*# $/, 60_000);
    });

    it('stops in a program that is loaded anywhere as it begins, by separate debugging information of its build id', async function () {
      if ('missing' in program) leaveOut(this, program.missing);
      const { client } = linux;
      await linux.pause();
      await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'run' }] });
      const places = new Set<string>();
      for (let process = 0; process < 3; process++) {
        await linux.goOn();
        await linux.send('pie');
        await client.stopped('breakpoint');
        assert.match(await linux.runs(), /^pie \(\d+\)/);
        const [first] = await linux.frames();
        assert.deepEqual([first.name, first.source?.path], ['run', program.source]);
        places.add(first.instructionPointerReference ?? '');
        const { modules } = await client.request('modules', {});
        assert.deepEqual(modules.filter(({ name }) => /^pie|\.debug$/.test(name)).map(({ name }) => name.endsWith('.debug')), [true], modules.map(({ name }) => name).join(', '));
        if (process < 2) {
          await linux.goOn();
          await linux.waitFor(/counted\n[^]*# $/, 60_000);
          await linux.pause();
        }
      }
      // 32-bit kernels choose among 256 places (mmap_rnd_bits is 8), so that of three processes two have the same one now and then.
      assert.ok(places.size > 1, [...places].join(', '));
      await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'ksys_write' }] });
      await linux.goOn();
      await client.stopped('breakpoint');
      assert.match(await linux.runs(), /^pie \(\d+\)/);
      const frames = await linux.frames();
      const names = frames.map(({ name }) => name);
      // By its call frame information, which is in the program alone: work has no frame pointer on x86-64.
      const edge = names.findIndex((name) => name.startsWith('— system call'));
      assert.deepEqual(names.slice(edge + 1).filter((name) => name !== 'call (inlined)').slice(0, 3), ['work', 'run', '_start'], names.join(', '));
      const work = frames.find(({ name }) => name === 'work');
      assert.equal(work?.source?.path, program.source);
      assert.match(await linux.value('state.rounds', work?.id), /^1\b/);
      assert.equal(frames.find(({ name }) => name === 'run')?.line, program.line('loop'));
      await client.request('setFunctionBreakpoints', { breakpoints: [] });
      await linux.goOn();
      await linux.waitFor(/counted\n[^]*# $/, 60_000);
      await linux.pause();
      assert.deepEqual((await client.request('loadedSources', {})).sources, [], 'no program is there any more');
      assert.deepEqual(toldSources(linux).at(-1), ['removed', program.source]);
      await linux.goOn();
    });

    it('stops in a shared library at its first call, wherever it is mapped', async function () {
      if ('missing' in program) leaveOut(this, program.missing);
      const { client } = linux;
      const source = { path: program.sharedSource };
      const set = async (functions: { name: string }[], lines: { line: number }[]): Promise<void> => {
        await client.request('setFunctionBreakpoints', { breakpoints: functions });
        await client.request('setBreakpoints', { source, breakpoints: lines });
      };
      const places = new Set<string>();
      for (const by of ['function', 'line', 'function']) {
        await linux.pause();
        if (by === 'function') await set([{ name: 'twice' }], []);
        else await set([], [{ line: program.line('twice') }]);
        await linux.goOn();
        await linux.send('dynamic');
        await client.stopped('breakpoint');
        assert.match(await linux.runs(), /^dynamic \(\d+\)/);
        const [first] = await linux.frames();
        assert.deepEqual([first.name, first.source?.path], ['twice', program.sharedSource]);
        if (by === 'line') assert.equal(first.line, program.line('twice'));
        assert.match(await linux.value('value', first.id), /^2\b/, 'what work has made of 1');
        places.add(first.instructionPointerReference ?? '');
        await set([], []);
        await linux.goOn();
        await linux.waitFor(/counted\n[^]*# $/, 60_000);
      }
      assert.ok(places.size > 1, [...places].join(', '));
    });

    it('shows where tasks wait that do not run, into their programs', async function () {
      if ('missing' in program) leaveOut(this, program.missing);
      const [pid] = /\d+$/.exec(await linux.type('sleeper & echo $!')) ?? assert.fail('no number');
      const their = async (file: string): Promise<string> => (await linux.type(`cat ${file}; echo`)).trim();
      const placesIn = (text: string): string[] => (text.match(/\[<0>\] \S+/g) ?? []).map((line) => line.slice(6).replace(/\/0x\w+$/, ''));
      const theirs = new Map<string, string[]>();
      for (const each of [pid, '2']) theirs.set(each, placesIn(await their(`/proc/${each}/stack`)));
      const theirWait = await their(`/proc/${pid}/wchan`);
      await linux.pause();
      for (const [each, wanted] of theirs) {
        const rows = (await linux.console(`stack ${each}`)).split('\n').slice(1);
        const ours = rows.slice(0, rows.findIndex((row) => !row.startsWith('0x'))).map((row) => BigInt(row.split(' ')[0]));
        // By addresses, as one may have several names. The kernel leaves out its scheduler.
        const places = await Promise.all(wanted.map(async (place) => (await linux.number(place.split('+')[0])) + BigInt(place.split('+')[1])));
        const from = ours.indexOf(places[0]);
        assert.ok(wanted.length >= 2 && from > 0, `${rows.join(', ')} against ${wanted.join(', ')}`);
        assert.deepEqual(ours.slice(from, from + places.length), places);
      }
      const stack = (await linux.console(`stack ${pid}`)).split('\n');
      const [, wait = ''] = new RegExp(`^sleeper \\(${pid}\\), state S, waits in (\\w+)$`).exec(stack[0]) ?? assert.fail(stack[0]);
      assert.equal(await linux.number(wait), await linux.number(theirWait));
      const edge = stack.findIndex((row) => /^ +— system call \d+ \(pause\) —$/.test(row));
      const behind = stack.slice(edge + 1).map((row) => row.replace(/^0x\w+ +/, '')).filter((row) => !row.startsWith('call (inlined)'));
      assert.deepEqual(behind.slice(0, 2).map((row) => row.replace(/:\d+\)/, ')')), ['work (counter.c)', 'run (counter.c)'], stack.join('\n'));
      assert.ok(behind[1].endsWith(`:${program.line('loop')})`), behind[1]);
      assert.match(await linux.console('ps'), new RegExp(`^ ${pid} +1 +S +0x\\w+ +${wait} +sleeper$`, 'm'));
      const { targets } = await linux.client.request('completions', { text: 'stack ', column: 7 });
      assert.ok(['1', '2', pid].every((each) => targets.some(({ label }) => label === each)), JSON.stringify(targets));
      await assert.rejects(linux.console('stack 99999'), /There is no process 99999/);
      await assert.rejects(linux.console('stack sleeper'), /Usage: stack PID/);
      await linux.goOn();
      await linux.type(`kill ${pid}; wait`);
    });

    testThreads(() => linux, () => program);

    it('says the same while a process runs, whatever its page tables show of the kernel', async () => {
      // Shells in endless loops, one for each CPU: they go on to the end.
      const loops = Array.from({ length: tested.cpus ?? 1 }, () => '(while :; do :; done) &');
      const numbers = await linux.type(`${loops.map((loop) => `${loop} echo $!`).join('; ')}`);
      const pids = numbers.split('\n').flatMap((line) => (/^\d+$/.test(line) ? [Number(line)] : []));
      assert.equal(pids.length, loops.length, numbers);
      const cpu = await linux.pauseWhere(({ cpl }) => cpl === 3);
      const cr3 = Number(cpu.control.find(({ name }) => name === 'cr3')?.value ?? 0n);
      const own = (await linux.client.request('shadowbox.processes')).processes.filter(({ pid }) => pids.includes(pid));
      assert.deepEqual(own.map(({ name }) => name), pids.map(() => 'sh'));
      const root = own.map((process) => (process.cr3 ?? 0) + (isIsolated(told['dmesg']) ? PAGE : 0)).find((each) => each === pageOf(cr3, tested.flavour));
      assert.ok(root !== undefined, `CR3 0x${cr3.toString(16)} is that of ${JSON.stringify(own)}${isIsolated(told['dmesg']) ? ', isolated' : ''}`);
      // Found by nobody else's help: a debugger that has not looked before.
      const { inspect } = linux.session;
      const hint = await kernelHint(cpu, inspect);
      const found = hint && await LinuxKernel.find(hint, cpu, inspect);
      assert.equal(found?.banner, told['cat /proc/version']);
      assert.equal((await linux.console('linux')).split('\n')[0], told['cat /proc/version']);
      assert.match(await linux.console('lsmod'), /^e1000 /m);
      assert.ok((await linux.console('dmesg')).startsWith(told['dmesg']));
      if (tested.hasTypes) {
        assert.equal(await linux.value('$current->comm'), '"sh"');
        assert.ok(pids.includes(Number(await linux.number('current_task->pid'))));
        assert.equal(await linux.value('init_uts_ns.name.release'), `"${/^Linux version (\S+)/.exec(told['cat /proc/version'])?.[1]}"`);
      }
    });

    it('knows what each CPU runs', async () => {
      const isLoop = ({ name }: Dap.StackFrame): boolean => / — sh \(\d+\)$/.test(name);
      let rows: string[] = [];
      for (let tries = 0; tries < 20; tries++) {
        rows = (await linux.console('current')).split('\n');
        if (rows.every((row) => /(^|: )sh \(/.test(row))) break;
        await linux.goOn();
        await linux.pauseWhere(({ cpl }) => cpl === 3);
      }
      const running = rows.map((row) => /sh \((\d+)\)/.exec(row)?.[1]);
      assert.equal(new Set(running).size, tested.cpus ?? 1, rows.join('\n'));
      const starred = (await linux.console('ps')).split('\n').filter((row) => row.startsWith('*')).map((row) => /\d+/.exec(row)?.[0]);
      assert.deepEqual(starred.sort(), [...running].sort());
      for (const [index, pid] of running.entries()) {
        const frames = await linux.frames(index + 1);
        const user = frames.find(isLoop);
        assert.ok(user?.name.endsWith(` — sh (${pid})`), frames.map(({ name }) => name).join(', '));
        if (tested.hasTypes) assert.match(await linux.value('$current->pid', frames[0].id), new RegExp(`^${pid}\\b`));
        const stack = (await linux.console(`stack ${pid}`)).split('\n');
        assert.equal(stack[0], `sh (${pid}), runs on CPU ${index}`);
        assert.deepEqual(stack.slice(1).map((row) => row.replace(/^(0x\w+)? */, '')), frames.map(({ name }) => name));
      }
    });

    it('unwinds an interrupt to the code of the process that it came in', async () => {
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'update_process_times' }] });
      let names: string[] = [];
      let user: Dap.StackFrame | undefined;
      for (let tries = 0; tries < 20 && !user; tries++) {
        await linux.goOn();
        await linux.client.stopped('breakpoint');
        const frames = await linux.frames();
        names = frames.map(({ name }) => name);
        user = frames.find((_, index) => names[index - 1] === '— interrupt —' && names.slice(0, index - 1).every((name) => !name.startsWith('—')));
        if (user && !/ — sh \(\d+\)$/.test(user.name)) user = undefined;
      }
      await linux.client.request('setFunctionBreakpoints', { breakpoints: [] });
      assert.ok(user, names.join(', '));
      const address = BigInt(user.instructionPointerReference ?? 0);
      assert.equal(user.name.replace(/ — sh \(\d+\)$/, ''), placeByMaps(told['cat /proc/1/maps'], address));
      await linux.goOn();
    });

    more(() => linux);
  });
}

/** Whether processes run on page tables that are isolated from the kernel's, as the kernel says. */
function isIsolated(messages: string): boolean {
  return /page tables isolation: (?:force )?enabled/.test(messages);
}

/** The page that CR3 names: its lower bits are flags, and the number of an address space. */
function pageOf(cr3: number, flavour: KernelCase['flavour']): number {
  // With PAE the root is a table of 32 bytes, in a page of its own where there is isolation.
  return flavour === '686-pae' ? cr3 - (cr3 % 32) : cr3 - (cr3 % PAGE);
}

function isCode({ presentationHint }: Dap.StackFrame): boolean {
  return presentationHint !== 'label';
}

/** 'ksys_write+0x6b': the return address, as the kernel writes it. */
async function placeOf(linux: BootedLinux, { name, instructionPointerReference }: Dap.StackFrame): Promise<string> {
  const [symbol] = name.split('+');
  if (!/^[a-z_]/i.test(symbol)) return name;
  return `${symbol}+0x${(BigInt(instructionPointerReference ?? 0) - await linux.number(symbol)).toString(16)}`;
}

/** '/bin/busybox+0x7b7a0', by the guest's /proc/PID/maps; the bare address for memory of no file. */
function placeByMaps(maps: string, address: bigint): string {
  for (const line of maps.split('\n')) {
    const [, from, to, offset, path] = /^(\w+)-(\w+) \S+ (\w+) \S+ \S+\s*(\S*)/.exec(line) ?? [];
    const [start, end] = [BigInt(`0x${from}`), BigInt(`0x${to}`)];
    if (address >= start && address < end && path.startsWith('/')) return `${path}+0x${(address - start + BigInt(`0x${offset}`)).toString(16)}`;
  }
  return `0x${address.toString(16)}`;
}

async function bytesAt(linux: BootedLinux, address: bigint, count: number): Promise<string> {
  const body = await linux.client.request('readMemory', { memoryReference: `0x${address.toString(16)}`, count });
  return Buffer.from(body.data ?? '', 'base64').toString('hex');
}
