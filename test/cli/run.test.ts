/** `shadowbox run` as a process: exit statuses, pipes, signals. The machines are fakes (test/host/fakeMachine). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(path.join(checkout, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href;
const script = path.join(checkout, 'test', 'cli', 'fakeCommand.ts');

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

describe('shadowbox run', function () {
  this.timeout(20_000);
  this.slow(3000);
  let folder = '';

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'shadowbox-run-'));
    await writeFile(path.join(folder, 'kernel'), 'a kernel');
    await writeFile(path.join(folder, 'empty'), '');
  });

  after(() => rm(folder, { recursive: true }));

  function start(...words: string[]): { child: ChildProcessWithoutNullStreams; ended: Promise<Ended> } {
    const child = spawn(process.execPath, ['--import', tsx, script, ...words], { cwd: folder });
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => { out += data.toString(); });
    child.stderr.on('data', (data: Buffer) => { err += data.toString(); });
    const ended = new Promise<Ended>((resolve) => { child.on('close', (status) => resolve({ status, out, err })); });
    return { child, ended };
  }

  /** Runs the fake guest that behaves like that; standard input stays open. */
  function guest(behaviour: string, ...words: string[]): Promise<Ended> {
    return start('run', '--kernel', 'kernel', '--cmdline', behaviour, ...words).ended;
  }

  it('gives the guest\'s serial output on stdout and 0 after power-off', async () => {
    assert.deepEqual(await guest('hello'), { status: 0, out: 'hello\n', err: '' });
  });

  it('gives the guest\'s own status', async () => {
    assert.equal((await guest('exit=85')).status, 85);
  });

  it('gives 3 for a dead guest, with its story', async () => {
    const { status, err } = await guest('dead');
    assert.equal(status, 3);
    assert.match(err, /^shadowbox: the guest is dead: triple fault at 0008:00007c00 after \d+ instructions\n {2}#PF at 0008:00001234: nothing is mapped at 0\n$/);
    const halted = await guest('halt');
    assert.equal(halted.status, 3);
    assert.match(halted.err, /halted for ever .*HLT with IF clear/);
  });

  it('gives 124 at the time-out', async () => {
    const { status, err } = await guest('count', '--timeout', '0.2');
    assert.deepEqual([status, err], [124, 'shadowbox: the time is over\n']);
  });

  it('gives 0 when --until matches, though the guest would go on', async () => {
    const { status, out } = await guest('tick', '--until', '^\\.{5}', '--timeout', '10');
    assert.equal(status, 0);
    assert.match(out, /^\.{5,}$/);
  });

  it('watches the serial output for --until wherever it goes', async () => {
    const { status, out } = await guest('tick', '--serial', 'none', '--until', '\\.\\.', '--timeout', '10');
    assert.deepEqual([status, out], [0, '']);
  });

  it('stops at exactly as many instructions, and says the hash and the figures', async () => {
    const { status, out, err } = await guest('count', '--max-instructions', '12345', '--hash', '--stats', 'stats.json');
    assert.deepEqual([status, out, err], [0, '', 'hash: fake-12345\n']);
    const stats = JSON.parse(await readFile(path.join(folder, 'stats.json'), 'utf8')) as Record<string, unknown>;
    assert.ok(typeof stats['wallSeconds'] === 'number' && stats['wallSeconds'] > 0);
    assert.deepEqual({ ...stats, wallSeconds: 0 }, { reason: 'count', status: 0, wallSeconds: 0, retired: 12345, timeCycles: 12345, counters: { slices: 1 } });
  });

  it('gives 124 when the instructions are used up before --until matched', async () => {
    const { status, err } = await guest('count', '--max-instructions', '12345', '--until', 'x');
    assert.deepEqual([status, err], [124, 'shadowbox: the guest has run 12345 instructions before --until matched\n']);
  });

  it('gives 1 when we fail ourselves, with what happened', async () => {
    const { status, err } = await guest('throw');
    assert.equal(status, 1);
    assert.match(err, /a bug of ours: the monitor has a bug\n(.|\n)*fakeMachine/);
  });

  it('leads stdin to the guest', async () => {
    const { child, ended } = start('run', '--kernel', 'kernel', '--cmdline', 'echo');
    child.stdin.write('abcq');
    assert.deepEqual(await ended, { status: 0, out: 'ready\nabcq', err: '' });
  });

  it('goes on when stdin ends', async () => {
    const { child, ended } = start('run', '--kernel', 'kernel', '--cmdline', 'tick', '--until', '\\.{20}', '--timeout', '10');
    child.stdin.end();
    assert.equal((await ended).status, 0);
  });

  it('ends in good order at an interrupt', async () => {
    const { child, ended } = start('run', '--kernel', 'kernel', '--cmdline', 'tick', '--hash', '--stats', 'interrupted.json');
    child.stdout.once('data', () => child.kill('SIGINT'));
    const { status, err } = await ended;
    assert.equal(status, 130);
    assert.match(err, /^hash: fake-\d+\n$/);
    assert.equal((JSON.parse(await readFile(path.join(folder, 'interrupted.json'), 'utf8')) as { reason: string }).reason, 'interrupted');
  });

  it('ends when nobody reads its output any more', async () => {
    const { child, ended } = start('run', '--kernel', 'kernel', '--cmdline', 'tick');
    child.stdout.once('data', () => child.stdout.destroy());
    assert.equal((await ended).status, 130);
  });

  it('writes serial output to a file', async () => {
    const { status, out } = await guest('hello', '--serial', 'log.txt');
    assert.deepEqual([status, out, await readFile(path.join(folder, 'log.txt'), 'utf8')], [0, '', 'hello\n']);
  });

  it('takes a configuration file, whose paths are relative to it, and options that win over it', async () => {
    const file = path.join(folder, 'vm.json');
    await writeFile(file, JSON.stringify({ kernel: 'kernel', cmdline: 'exit=2', serial: 'terminal' }));
    const child = spawn(process.execPath, ['--import', tsx, script, 'run', file, '--cmdline', 'exit=41'], { cwd: checkout });
    const status = await new Promise((resolve) => { child.on('close', resolve); });
    assert.equal(status, 41);
  });

  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ['a misspelt option', ['--memroy', '1M'], 'there is no option --memroy; did you mean --memory?'],
    ['nothing to boot', [], '--kernel: there is nothing to boot; add one of "kernel", "multiboot", "floppy", "disks", "cdrom"'],
    ['a size that is none', ['--kernel', 'kernel', '--memory', '12Q'], '--memory: \'12Q\' is not a size; write e.g. "128M"'],
    ['a missing kernel', ['--kernel', 'nowhere'], '--kernel: FOLDER/nowhere: there is no such file; check the path'],
    ['an empty disk', ['--disk', 'empty'], '--disk: FOLDER/empty: the file is empty; check how it was made'],
    ['a folder as kernel', ['--kernel', '.'], '--kernel: FOLDER: it is a folder; name a file in it'],
    ['a kernel that is none', ['--kernel', 'kernel', '--cmdline', 'refuse'], '--kernel: this is no kernel; write another one'],
    ['a missing configuration', ['no.json'], 'no.json: there is no such file; check the path'],
    ['a serial file in a missing folder', ['--kernel', 'kernel', '--serial', 'no/log'], '--serial: FOLDER/no/log: there is no such file; check the path'],
  ];
  for (const [name, words, text] of wrong) {
    it(`gives 2 for ${name}`, async () => {
      const { status, out, err } = await start('run', ...words).ended;
      assert.deepEqual([status, out, err], [2, '', `shadowbox: ${text.replace('FOLDER', folder)}\nshadowbox: see shadowbox run --help\n`]);
    });
  }

  it('gives 2 for a configuration that is no JSON', async () => {
    const { status, err } = await start('run', 'kernel').ended;
    assert.equal(status, 2);
    assert.match(err, /^shadowbox: kernel: this is no configuration \(.*\); write a JSON object/);
  });

  it('says which CD image cannot be read', async () => {
    const { status, err } = await guest('hello', '--cdrom', 'no-such.iso');
    assert.equal(status, 2);
    assert.match(err, /^shadowbox: --cdrom: .*no-such\.iso/);
  });
});

describe('shadowbox', function () {
  this.timeout(60_000);
  this.slow(3000);

  async function command(...words: string[]): Promise<Ended> {
    const child = spawn(process.execPath, ['--import', tsx, script, ...words]);
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => { out += data.toString(); });
    child.stderr.on('data', (data: Buffer) => { err += data.toString(); });
    return new Promise((resolve) => { child.on('close', (status) => resolve({ status, out, err })); });
  }

  it('explains itself', async () => {
    const main = await command('--help');
    assert.equal(main.status, 0);
    assert.match(main.out, /shadowbox run/);
    const run = await command('run', '--help');
    assert.equal(run.status, 0);
    for (const option of ['kernel', 'initrd', 'cmdline', 'multiboot', 'modules', 'disk', 'floppy', 'cdrom', 'firmware', 'memory', 'cpus', 'cpu-model', 'serial', 'engine', 'until', 'timeout', 'max-instructions', 'hash', 'stats', 'record', 'embed', 'snapshots', 'from-start', 'to']) {
      assert.match(run.out, new RegExp(`^ {2}--${option}\\b`, 'm'));
    }
    assert.ok(run.out.split('\n').every((line) => line.length <= 120));
  });

  it('is what scripts/shadowbox.mjs runs', async () => {
    const child = spawn(process.execPath, [path.join(checkout, 'scripts', 'shadowbox.mjs'), 'run', '--help'], { cwd: tmpdir() });
    let out = '';
    child.stdout.on('data', (data: Buffer) => { out += data.toString(); });
    const status = await new Promise((resolve) => { child.on('close', resolve); });
    assert.deepEqual([status, out.split('\n')[0]], [0, 'Usage: shadowbox run [CONFIG.json] [OPTION]...']);
  });

  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(path.join(checkout, 'package.json'), 'utf8')) as { version: string };
    assert.deepEqual(await command('--version'), { status: 0, out: `${version}\n`, err: '' });
  });

  it('gives 2 for a command that there is not', async () => {
    assert.deepEqual(await command('rnu'), { status: 2, out: '', err: 'shadowbox: there is no command \'rnu\'; did you mean run?\nshadowbox: see shadowbox --help\n' });
    assert.equal((await command()).status, 2);
  });
});
