/**
 * `shadowbox run --gdb` and the GDB that is installed, in batch mode: what a person types, and what comes of it. Guests: paging-lab and
 * hello, a 64-bit kernel, four CPUs, and Debian's kernel without symbols.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildLongModeGuest } from '../../debugger/real/longModeGuest';
import { Command, GUESTS, SAMPLES, type Ended } from '../../guests/harness';
import { assembleGuest, type AssembledGuest } from '../../guests/multiprocessor/image';
import { leaveOut } from '../../support/leaveOut';

const PAGING_LAB = path.join(SAMPLES, 'paging-lab', 'paging-lab.elf');
const HELLO = path.join(SAMPLES, 'hello', 'hello.img');

/** A machine that waits for GDB, and GDBs that come one after the other. */
class Debugged {
  readonly command: Command;

  constructor(...words: readonly string[]) {
    this.command = new Command(['run', ...words, '--gdb', '0', '--timeout', '100']);
  }

  async port(): Promise<number> {
    for (;;) {
      const [, port] = /target remote 127\.0\.0\.1:(\d+)/.exec(this.command.err) ?? [];
      if (port !== undefined) return Number(port);
      if (this.command.child.exitCode !== null) throw new Error(this.command.err);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }

  /** Types all of this into a GDB; gives what it says. `{port}` is the port. */
  async gdb(lines: readonly string[], ...words: readonly string[]): Promise<string> {
    const port = String(await this.port());
    const commands = ['set pagination off', 'set confirm off', 'set width 0', ...lines.map((line) => line.replace('{port}', port))];
    const given = ['-nx', '-batch', ...words, ...commands.flatMap((command) => ['-ex', command])];
    // One pipe for both, so that all comes in its order: what we print is on GDB's stderr.
    const child = spawn('sh', ['-c', 'exec gdb "$@" 2>&1', 'gdb', ...given], { env: { ...process.env, LC_ALL: 'C' } });
    let out = '';
    child.stdout.on('data', (data: Buffer) => { out += data.toString(); });
    await new Promise((resolve) => { child.on('close', resolve); });
    return out;
  }

  /** Ends it, if it has not ended. */
  async end(): Promise<Ended> {
    this.command.child.kill('SIGTERM');
    return this.command.ended;
  }
}

const ATTACH = 'target remote :{port}';
/** GDB is sent SIGINT after so many seconds, as Ctrl-C does. */
const interruptAfter = (seconds: number): string => `shell (sleep ${seconds}; kill -INT $PPID) &`;
const ECHO = (word: string): string => `echo \\n== ${word}\\n`;

/** What GDB has said behind `echo == word`. */
function part(out: string, word: string): string {
  const [, text = ''] = out.split(`\n== ${word}\n`);
  return text.split('\n== ')[0] ?? '';
}

describe('GDB', function () {
  this.timeout(120_000);
  this.slow(20_000);

  let machine: Debugged | undefined;
  before(function () {
    if (spawnSync('gdb', ['--version']).status !== 0) leaveOut(this, 'no gdb (Debian: gdb)');
  });
  afterEach(async () => {
    await machine?.end();
    machine = undefined;
  });
  const start = (...words: readonly string[]): Debugged => (machine = new Debugged(...words));

  it('a script that runs forwards and backwards', async () => {
    const debugged = start('--multiboot', PAGING_LAB, '--serial', 'none');
    const out = await debugged.gdb([
      ATTACH, ECHO('start'), 'p/x $pc', 'x/i $pc', 'p/x $eax',
      'break kernel_main', ECHO('break'), 'c', 'bt', 'p/x magic', 'monitor retired',
      ECHO('step'), 'stepi', 'p $pc', 'reverse-stepi', 'p $pc',
      'watch clock_page.clock.ticks', ECHO('first'), 'c', ECHO('second'), 'c', 'p clock_page.clock.ticks', 'bt 1',
      ECHO('undone'), 'reverse-continue', 'p clock_page.clock.ticks', ECHO('undone again'), 'reverse-continue', 'p clock_page.clock.ticks',
      ECHO('redone'), 'c', 'p clock_page.clock.ticks', 'reverse-continue', ECHO('to the break'), 'reverse-continue', 'monitor retired',
      ECHO('beginning'), 'reverse-continue', 'p/x $pc', 'monitor retired', 'kill',
    ], PAGING_LAB);
    assert.match(part(out, 'start'), /= 0x10000c\n=> 0x10000c <_start>:\s+mov.*\n.* = 0x2badb002/);
    assert.match(part(out, 'break'), /Breakpoint 1, kernel_main \(magic=\d+, .*main\.c:\d+[^]*#1 .*_start \(\) at boot\.s[^]*= 0x2badb002\n5\n/);
    const [after, before] = [...part(out, 'step').matchAll(/0x\w+ <kernel_main(\+\d+)?>/g)].map(([, offset]) => offset);
    assert.deepEqual([after, before], ['+1', undefined]);
    assert.match(part(out, 'first'), /Hardware watchpoint 2: [^]*Old value = 0\nNew value = 1\n/);
    assert.match(part(out, 'second'), /Old value = 1\nNew value = 2\n[^]*= 2\n#0 .*tick_handler/);
    assert.match(part(out, 'undone'), /Old value = 2\nNew value = 1\n[^]*= 1\n/);
    assert.match(part(out, 'undone again'), /Old value = 1\nNew value = 0\n[^]*= 0\n/);
    assert.match(part(out, 'redone'), /Old value = 0\nNew value = 1\n[^]*= 1\n/);
    assert.match(part(out, 'to the break'), /Breakpoint 1, kernel_main[^]*\n5\n/);
    assert.match(part(out, 'beginning'), /No more reverse-execution history[^]*= 0x10000c\n0\n/);
    assert.equal((await debugged.command.ended).status, 0);
  });

  it('steps over an interrupt, and back over it; hardware breakpoints, and a member that is watched', async () => {
    const here = ['monitor retired', 'monitor hash', 'p/x $pc'];
    const out = await start('--multiboot', PAGING_LAB, '--serial', 'none').gdb([
      ATTACH, ECHO('help'), 'monitor help', ECHO('hardware'), 'hbreak wait_turn', 'thbreak ping', 'c', 'c', 'info breakpoints', 'delete',
      ECHO('member'), 'break user.c:62 if round == 3', 'c', 'delete', 'watch -l notebook->round', 'c', 'reverse-continue', 'delete',
      'break tick_handler if (frame->cs & 3) == 3', 'c', 'set $was = frame->eip', 'delete', 'tbreak *$was', 'reverse-continue',
      ECHO('there'), ...here, ...Array.from({ length: 6 }, () => ['stepi', ...here]).flat(), ECHO('back'), ...here, ...Array.from({ length: 6 }, () => ['reverse-stepi', ...here]).flat(), 'kill',
    ], PAGING_LAB);
    for (const command of ['where', 'walk ADDR', 'catch VECTOR', 'goto N', 'hash', 'key TEXT']) assert.ok(part(out, 'help').includes(command), command);
    assert.match(part(out, 'hardware'), /Breakpoint 1, wait_turn[^]*Temporary breakpoint 2, ping[^]*hw breakpoint +keep y[^\n]*wait_turn[^\n]*\n[^\n]*already hit 1 time\n$/);
    assert.match(part(out, 'member'), /Old value = 3\nNew value = 4\n[^]*Old value = 4\nNew value = 3\n/);
    const moments = (text: string): readonly string[] => [...text.matchAll(/^(\d+)\n([0-9a-f]{16})\n\$\d+ = (0x[0-9a-f]+)$/gm)].map(([, retired, hash, pc]) => `${retired} ${hash} ${pc}`);
    const [there, back] = [moments(part(out, 'there')), moments(part(out, 'back'))];
    assert.equal(there.length, 7, out);
    assert.deepEqual(back, [...there].reverse());
    const counts = there.map((moment) => Number(moment.split(' ')[0]));
    assert.ok(counts.some((count, i) => i > 0 && count - (counts[i - 1] ?? 0) > 20), `one of the steps has gone over the interrupt: ${counts.join()}`);
    assert.ok(there.every((moment) => / 0x4000/.test(moment)), 'all of them are in the task');
  });

  it('registers and memory are read and written', async () => {
    const out = await start('--multiboot', PAGING_LAB, '--serial', 'none', '--cpu-model', 'x86-64-v3').gdb([
      ATTACH, 'break kernel_main', 'c', ECHO('registers'), 'set $ecx = 0x12345678', 'p/x $ecx', 'p $cr0', 'set $xmm1.v4_int32[2] = 7', 'p $xmm1.v4_int32',
      'set $ymm2.v8_int32[7] = 9', 'p $ymm2.v8_int32', 'set $st0 = 2.5', 'p $st0', 'p $cs_base', 'p $eflags', 'set $cs = 8',
      ECHO('memory'), 'set {int}0x300000 = 0x01020304', 'x/4xb 0x300000', 'find /b 0x2fff00, +0x1000, 4, 3, 2, 1', 'x/xw 0xd0000000', 'compare-sections .text',
      ECHO('threads'), 'info threads',
      ECHO('monitor'), 'monitor where', 'monitor nonsense', 'monitor walk 0x100000', 'kill',
    ], PAGING_LAB);
    const registers = part(out, 'registers');
    assert.match(registers, /= 0x12345678\n.* = \[ PE .*\]\n.* = \{0, 0, 7, 0\}\n.* = \{0, 0, 0, 0, 0, 0, 0, 9\}\n.* = 2\.5\n.* = 0\n.* = \[ /);
    assert.match(registers, /Could not write register "cs"; remote failure reply 'E\.CS cannot be loaded alone/);
    assert.match(part(out, 'memory'), /0x300000:\s+0x04\s+0x03\s+0x02\s+0x01\n0x300000[^]*Cannot access memory at address 0xd0000000\nSection \.text.*: matched/);
    assert.match(part(out, 'threads'), /\* 1 +Thread 1 "CPU 0" \(protected-32, CPL 0\)/);
    assert.match(part(out, 'monitor'), /CPU 0 of 1: [^]*There is no command 'nonsense'[^]*paging none/);
  });

  it('real mode: the program counter is linear, and code is 16-bit when GDB is told so', async () => {
    const out = await start('--floppy', HELLO).gdb([
      'set architecture i8086', ATTACH, ECHO('reset'), 'x/i $pc', 'p/x $cs', 'p/x $ip',
      'break *0x7c00', 'c', ECHO('boot'), 'x/2i $pc', 'stepi', 'stepi', 'stepi', 'x/i $pc', 'reverse-stepi', 'x/i $pc',
      ECHO('segment'), 'tbreak *0xf0000', 'monitor where', 'kill',
    ]);
    assert.match(part(out, 'reset'), /=> 0xfffffff0:\s+ljmp +\$0xf000,\$0x\w+\n.* = 0xf000\n.* = 0xfff0\n/);
    assert.match(part(out, 'boot'), /Breakpoint 1, 0x00007c00|=> 0x7c00:\s+ljmp +\$0x0,\$0x7c05\n {3}0x7c05:\s+cli/);
    assert.match(part(out, 'boot'), /=> 0x7c08:\s+mov +%ax,%ds\n[^]*=> 0x7c06:\s+xor +%ax,%ax/);
    assert.match(part(out, 'segment'), /0000:7c06, linear 0x7c06, real, CPL 0, 16-bit code/);
  });

  it('a 64-bit kernel, from before it enters long mode', async function () {
    const built = buildLongModeGuest();
    if ('missing' in built) leaveOut(this, `no ${built.missing}`);
    try {
      const out = await start('--multiboot', built.elf, '--serial', 'none').gdb([
        ATTACH, ECHO('entry'), 'p/x $pc', 'p $r9', 'break factorial', 'c', ECHO('long'), 'bt 2', 'p/x $rsp > 0xffffffff80000000', 'p $efer', 'set $r12 = 0x1122334455667788', 'p/x $r12',
        ECHO('deeper'), 'c', 'bt 3', ECHO('back'), 'reverse-continue', 'bt 3', 'delete', ECHO('finish'), 'finish', 'reverse-next', 'kill',
      ], built.elf);
      assert.match(part(out, 'entry'), /= 0x100020\n.* = <unavailable>/);
      assert.match(part(out, 'long'), /#0 +factorial [^]*#1 .*work [^]*= 0x1\n[^]* = \[ .*LME LMA.*\]\n.* = 0x1122334455667788\n/);
      assert.match(part(out, 'deeper'), /#1 .*factorial/);
      assert.match(part(out, 'back'), /#1 .*work/);
      assert.match(part(out, 'finish'), /Value returned is .* = 120\n/);
    } finally {
      built.remove();
    }
  });

  it('functions are called, where the entry point is not mapped any more, too', async function () {
    const built = buildLongModeGuest();
    if ('missing' in built) leaveOut(this, `no ${built.missing}`);
    try {
      const out = await start('--multiboot', built.elf, '--serial', 'none').gdb([
        ATTACH, 'break factorial', 'c', 'delete', 'p $pc', 'p $sp', ECHO('stands'), 'bt 2', ECHO('mapped'), 'p factorial(5)',
        'set {long}&pml4 = 0', 'x/i _start', ECHO('not mapped'), 'p factorial(6)', 'call factorial(3)', 'p $pc', 'p $sp', 'bt 2',
        // Other versions of GDB have the function return to the entry point, as this does.
        ECHO('by address'), 'break *factorial', 'c', 'delete', 'break *&_start', 'set {long}$sp = (long)&_start', 'c', 'p $pc == &_start', 'kill',
      ], built.elf);
      assert.match(part(out, 'by address'), /Breakpoint \d+, _start[^]*= 1\n/);
      assert.match(part(out, 'mapped'), /= 120\n[^]*Cannot access memory/);
      assert.match(part(out, 'not mapped'), /= 720\n[^]*= 6\n/);
      const places = [...out.matchAll(/^\$\d+ = \(void.*$/gm)].map(([line]) => line.replace(/^\$\d+/, ''));
      assert.deepEqual(places.slice(2, 4), places.slice(0, 2), 'the machine stands where it stood');
      // Before its first instruction the function's argument is not where the debug information says: whatever is there stays there.
      const [stack] = /#0 +factorial \(n=-?\d+\)/.exec(part(out, 'stands')) ?? [];
      assert.ok(stack !== undefined && part(out, 'not mapped').includes(stack), out);
      assert.match(part(out, 'not mapped'), /#0 +factorial [^]*#1 .*work/);
    } finally {
      built.remove();
    }
  });

  it('functions of 32-bit code are called', async () => {
    const out = await start('--multiboot', PAGING_LAB, '--serial', 'none').gdb([
      ATTACH, 'break space_create', 'c', 'p frames_free()', 'p frame_owners($frame = frame_allocate())', 'p frames_free()', 'p frame_owners($frame)', 'bt 1', 'kill',
    ], PAGING_LAB);
    const values = [...out.matchAll(/^\$\d+ = (\d+)$/gm)].map(([, value]) => Number(value));
    assert.deepEqual(values, [values[0], 1, (values[0] ?? 0) - 1, 1]);
    assert.match(out, /#0 +space_create/);
  });

  it('an i386 description while 64-bit code runs says so', async function () {
    const built = buildLongModeGuest();
    if ('missing' in built) leaveOut(this, `no ${built.missing}`);
    const folder = await mkdtemp(path.join(tmpdir(), 'shadowbox-gdb-'));
    try {
      const configuration = path.join(folder, 'machine.json');
      await writeFile(configuration, JSON.stringify({ multiboot: built.elf, gdbArchitecture: 'i386', serial: 'none' }));
      const debugged = start(configuration);
      const out = await debugged.gdb([ATTACH, 'break *0x801012ce', interruptAfter(2), 'c', 'disconnect']);
      assert.match(out, /The guest runs 64-bit code now, and this connection has 32-bit registers/);
    } finally {
      built.remove();
      await rm(folder, { recursive: true });
    }
  });

  describe('with four CPUs', () => {
    let image: AssembledGuest;
    let folder = '';
    let configuration = '';
    before(async function () {
      image = assembleGuest(this);
      folder = await mkdtemp(path.join(tmpdir(), 'shadowbox-gdb-'));
      configuration = path.join(folder, 'machine.json');
      await writeFile(configuration, JSON.stringify({ multiboot: image.file, memory: '8M', cpus: 4, quantum: 1000 }));
    });
    after(async () => {
      image.dispose();
      await rm(folder, { recursive: true });
    });

    it('each is a thread, and is stepped alone while the others go on', async () => {
      const out = await start(configuration).gdb([
        ATTACH, ECHO('start'), 'info threads', 'monitor goto 60000', 'maintenance flush register-cache', ECHO('running'), 'info threads',
        'thread 2', ECHO('step'), 'p $pc', 'stepi', 'p $pc', 'info threads', 'reverse-stepi', ECHO('back'), 'info threads', 'thread 4', ECHO('set'), 'set $eax = 4711', 'p $eax', 'thread 1', 'p $eax == 4711', 'kill',
      ]);
      const rows = (text: string): readonly string[] => text.split('\n').filter((row) => /Thread \d "CPU/.test(row)).map((row) => row.replace(/^[* ]/, ''));
      assert.equal(rows(part(out, 'start')).length, 4);
      assert.match(rows(part(out, 'start'))[3] ?? '', /Thread 4 "CPU 3" \(real, CPL 0\) +0xfffffff0/);
      const [from, to] = [...part(out, 'step').matchAll(/\(\)\) (0x\w+)/g)].map(([, address]) => Number(address));
      assert.ok(from !== undefined && to !== undefined && to > from && to - from < 16, part(out, 'step'));
      assert.match(part(out, 'step'), /^\* 2 +Thread 2/m);
      assert.deepEqual(rows(part(out, 'back')), rows(part(out, 'running')));
      assert.match(part(out, 'set'), /= 4711\n[^]*= 0\n/);
    });

    it('the guest\'s end is told, can be gone back from, and can be run again', async () => {
      const debugged = start(configuration);
      const out = await debugged.gdb([
        'target extended-remote :{port}', ECHO('end'), 'c', 'reverse-stepi', 'x/i $pc', ECHO('exit'), 'c', 'c', ECHO('again'), 'starti', 'p/x $pc',
        ECHO('left'), 'detach', 'attach 1', 'thread apply all -q p $cs', 'monitor quit',
      ]);
      assert.match(part(out, 'end'), /The guest has ended the run with status 67[^]*=> 0x\w+:\s+out +%eax,\$0xf4/);
      assert.match(part(out, 'exit'), /exited with code 0103/);
      assert.match(part(out, 'again'), /= 0x100020\n/);
      assert.match(part(out, 'left'), /Inferior 1 .* detached\][^]*(\$\d+ = \d+\n){4}/);
      assert.equal((await debugged.command.ended).status, 0);
    });
  });

  it('Debian\'s kernel: Ctrl-C, detach, attach again, a second GDB, kill', async function () {
    const kernel = path.join(GUESTS, 'debian-i386', 'linux');
    if (!existsSync(kernel)) leaveOut(this, 'no Debian kernel in .cache/guests/debian-i386 (npm run setup fetches it)');
    const debugged = start('--kernel', kernel, '--cmdline', 'console=ttyS0', '--memory', '256M', '--serial', 'none');
    const first = await debugged.gdb([
      ATTACH, interruptAfter(2), 'c', ECHO('interrupted'), 'x/3i $pc', 'monitor retired', ECHO('there'), 'p $pc', 'stepi', 'stepi', 'stepi', 'p $pc', 'reverse-stepi', 'reverse-stepi', 'reverse-stepi', 'p $pc',
      'monitor retired', 'detach',
    ]);
    assert.match(first, /Program received signal SIGINT/);
    const addresses = [...part(first, 'there').matchAll(/\(\)\) (0x\w+)/g)].map(([, address]) => address);
    assert.ok(addresses[0] !== undefined && addresses[0] === addresses[2] && addresses[0] !== addresses[1], part(first, 'there'));
    const retired = Number(/^(\d+)$/m.exec(part(first, 'interrupted'))?.[1]);
    assert.ok(retired > 1_000_000);
    assert.equal(Number(/^(\d+)$/m.exec(part(first, 'there'))?.[1]), retired);
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    const second = await debugged.gdb([ATTACH, ECHO('later'), 'monitor retired', 'shell gdb -nx -batch -ex "target remote :{port}" 2>&1', 'x/i $pc', 'kill']);
    assert.ok(Number(/^(\d+)$/m.exec(part(second, 'later'))?.[1]) > retired, 'it went on after the detach');
    assert.match(second, /Inferior 1 .* killed/);
    const { status, err } = await debugged.command.ended;
    assert.equal(status, 0);
    assert.match(err, /a second GDB has been refused/);
  });

  it('a port that is taken is refused in words', async () => {
    const debugged = start('--multiboot', PAGING_LAB);
    const port = String(await debugged.port());
    const { status, err } = await new Command(['run', '--multiboot', PAGING_LAB, '--gdb', port]).ended;
    assert.equal(status, 2);
    assert.match(err, new RegExp(`--gdb: port ${port}: another program has it; choose another port, or 0`));
    // Whoever connects and leaves at once, or sends nonsense, does no harm.
    await new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.end('$nonsense'));
      socket.on('close', resolve).resume();
    });
    assert.match(await debugged.gdb([ATTACH, 'p/x $pc', 'kill']), /= 0x10000c/);
  });
});
