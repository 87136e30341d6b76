/** Tests of running one engine: lines in pieces, endings, time-outs, interruption, and that nothing is left running. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpuSecondsOf, peakKiBOf, runSession } from '../../bench/measure';
import type { Limits, Run } from '../../bench/measure';
import { LineReader, SessionRecord, readLine } from '../../bench/protocol';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const LIMITS = { cwd: '.', timeoutSeconds: 10, last: /^@done$/, onPart: () => undefined };

/** Runs a piece of JavaScript as if it were an engine. */
function runScript(script: string, endsItself = false, limits: Partial<Limits> = {}): Promise<Run> {
  return runSession({ program: process.execPath, args: ['-e', script], endsItself }, { ...LIMITS, signal: new AbortController().signal, ...limits });
}

/** The process whose number an engine printed is gone: signal 0 finds nobody (kill(2): ESRCH). */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

describe('the guest\'s lines', () => {
  it('come in pieces, with CR and with messages of the kernel in between', () => {
    const reader = new LineReader();
    assert.deepEqual(reader.take(bytes('[ 0.1] x\r\n@rea')), ['[ 0.1] x']);
    assert.deepEqual(reader.take(bytes('dy\r\n\n@> a\n')), ['@ready', '', '@> a']);
  });

  it('are read', () => {
    assert.deepEqual(readLine('@= qsort 00c0ffee 7'), { kind: 'result', part: 'qsort', checksum: '00c0ffee', count: 7 });
    assert.deepEqual(readLine('@! fork no memory'), { kind: 'failed', part: 'fork', reason: 'no memory' });
    assert.equal(readLine('[    0.1] Run /init'), undefined);
  });

  it('make the times of the parts', () => {
    const told: string[] = [];
    const record = new SessionRecord((part, seconds) => told.push(`${part} ${seconds}`));
    const lines: readonly [number, string][] = [[4, '@ready'], [5, '@> a'], [7, '@< a'], [8, '@= a 1 2'], [9, '@> b'], [10, '@! b too small'], [11, '@> c']];
    for (const [now, line] of lines) record.take(line, { seconds: now, cpu: () => now * 2 });
    assert.deepEqual(record.found(), {
      bootSeconds: 4, bootCpuSeconds: 8, parts: { a: { seconds: 2, cpuSeconds: 4, checksum: '1', count: 2 } }, failedParts: { b: 'too small' },
    });
    assert.deepEqual(told, ['boot 4', 'a 2']);
    assert.equal(record.place(), 'during c');
  });

  it('keep what is done a second time apart', () => {
    const record = new SessionRecord(() => undefined);
    const lines: readonly [number, string][] = [[1, '@> a'], [5, '@< a'], [5, '@= a 1 0'], [6, '@> a'], [8, '@< a'], [8, '@= a 1 0']];
    for (const [now, line] of lines) record.take(line, { seconds: now, cpu: () => undefined });
    const done = { checksum: '1', count: 0 };
    assert.deepEqual(record.found(), { parts: { a: { seconds: 4, ...done } }, partsAgain: { a: { seconds: 2, ...done } }, failedParts: {} });
  });
});

describe('runSession', function () {
  this.timeout(20_000);

  let folder = '';
  let note = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-bench-'));
    note = path.join(folder, 'note');
  });
  after(() => { rmSync(folder, { recursive: true }); });

  /** JavaScript that leaves its process's number in the note. */
  const leavePid = (): string => `fs.writeFileSync(${JSON.stringify(note)}, String(process.pid));`;
  const notedPid = (): number => Number(readFileSync(note, 'utf8'));

  it('reads the clock at each line and ends a program that would go on', async () => {
    const script = `${leavePid()} console.log("@ready\\n@> a"); setTimeout(() => console.log("@< a\\n@= a 1 0\\n@done"), 300); setInterval(() => {}, 1000)`;
    const run = await runScript(script);
    assert.equal(run.failure, undefined);
    assert.ok(run.bootSeconds !== undefined && run.bootSeconds > 0);
    assert.ok(run.parts['a'].seconds > 0.25, `${run.parts['a'].seconds} s between the marks`);
    assert.ok(isGone(notedPid()));
  });

  it('lets a program that ends itself write its figures', async () => {
    rmSync(note, { force: true });
    const run = await runScript(`console.log("@ready\\n@done"); setTimeout(() => { ${leavePid()} }, 300)`, true);
    assert.equal(run.failure, undefined);
    assert.ok(notedPid() > 0);
  });

  it('says how a program ended that did not get there, where it was, and its last words', async () => {
    const run = await runScript('console.log("@ready\\n@> a\\nKernel panic"); console.error("a story"); process.exitCode = 3');
    assert.deepEqual(run.parts, {});
    assert.match(run.failure ?? '', /ended with status 3, during a.*a story.*Kernel panic/s);
  });

  it('ends a program at its time', async () => {
    const run = await runScript(`${leavePid()} setInterval(() => {}, 1000)`, false, { timeoutSeconds: 1 });
    assert.match(run.failure ?? '', /longer than 1 s, before its \/init/);
    assert.ok(isGone(notedPid()));
  });

  it('says so when there is no such program', async () => {
    const run = await runSession({ program: 'no-such-program', args: [], endsItself: false }, { ...LIMITS, signal: new AbortController().signal });
    assert.match(run.failure ?? '', /no-such-program/);
  });

  it('kills the program and rejects when it is interrupted', async () => {
    const controller = new AbortController();
    const running = runScript(`${leavePid()} console.log("@ready"); setInterval(() => {}, 1000)`, true, {
      signal: controller.signal, onPart: () => controller.abort(new Error('interrupted')),
    });
    await assert.rejects(running, /interrupted/);
    assert.ok(isGone(notedPid()));
  });
});

describe('cpuSecondsOf', () => {
  it('adds utime and stime, whatever the program is called', () => {
    // proc(5): pid (comm) state ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime stime ...
    assert.equal(cpuSecondsOf('12 (a ) b) S 1 12 12 0 -1 4194304 9 9 9 9 250 50 0 0 20 0 1 0'), 3);
  });
});

describe('peakKiBOf', () => {
  it('reads VmHWM', () => {
    assert.equal(peakKiBOf('Name:\tnode\nVmPeak:\t  900 kB\nVmHWM:\t    123456 kB\nVmRSS:\t 7 kB\n'), 123456);
    assert.equal(peakKiBOf('Name:\tnode\n'), undefined);
  });
});
