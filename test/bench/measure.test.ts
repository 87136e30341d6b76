/** Tests of running one engine: markers in pieces, endings, time-outs, interruption, and that nothing is left running. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpuSecondsOf, runToMarkers } from '../../bench/measure';
import type { Limits, Run } from '../../bench/measure';
import { MarkerWatcher } from '../../bench/markers';
import type { Marker } from '../../bench/workloads/workload';

const FIRST: Marker = { name: 'first', title: 'First', pattern: '^first line$' };
const LAST: Marker = { name: 'last', title: 'Last', pattern: 'last [0-9]+' };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Runs a piece of JavaScript as if it were an engine. */
function runScript(script: string, endsItself = false, limits: Partial<Limits> = {}): Promise<Run> {
  return runToMarkers({ program: process.execPath, args: ['-e', script], endsItself }, [FIRST, LAST], {
    cwd: '.', timeoutSeconds: 10, signal: new AbortController().signal, onMarker: () => undefined, ...limits,
  });
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

describe('MarkerWatcher', () => {
  it('finds a marker that comes in pieces, once', () => {
    const watcher = new MarkerWatcher([FIRST, LAST]);
    assert.deepEqual(watcher.take(bytes('boot\r\nfirst li')), []);
    assert.deepEqual(watcher.take(bytes('ne\r\nmore')), [FIRST]);
    assert.deepEqual(watcher.take(bytes('\r\nfirst line\r\nlast 1\r\n')), [LAST]);
  });

  it('finds markers in one piece that is longer than what it keeps', () => {
    const watcher = new MarkerWatcher([FIRST, LAST]);
    assert.deepEqual(watcher.take(bytes(`first line\n${'x'.repeat(100_000)}\nlast 2\n`)), [FIRST, LAST]);
  });
});

describe('runToMarkers', function () {
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

  it('reads the clock at each marker and ends a program that would go on', async () => {
    const passed: string[] = [];
    const script = `${leavePid()} console.log("first line"); setTimeout(() => console.log("last 1"), 300); setInterval(() => {}, 1000)`;
    const run = await runScript(script, false, { onMarker: ({ name }) => passed.push(name) });
    assert.equal(run.failure, undefined);
    assert.deepEqual(passed, ['first', 'last']);
    assert.ok(run.seconds['last'] - run.seconds['first'] > 0.25, `${run.seconds['last'] - run.seconds['first']} s between them`);
    assert.ok(isGone(notedPid()));
  });

  it('lets a program that ends itself write its figures', async () => {
    rmSync(note, { force: true });
    const run = await runScript(`console.log("first line\\nlast 1"); setTimeout(() => { ${leavePid()} }, 300)`, true);
    assert.equal(run.failure, undefined);
    assert.ok(notedPid() > 0);
  });

  it('says how a program ended that did not get there, and its last words', async () => {
    const run = await runScript('console.log("first line\\nKernel panic"); console.error("a story"); process.exitCode = 3');
    assert.ok('first' in run.seconds && !('last' in run.seconds));
    assert.match(run.failure ?? '', /ended with status 3, before 'Last'.*a story.*Kernel panic/s);
  });

  it('ends a program at its time', async () => {
    const run = await runScript(`${leavePid()} setInterval(() => {}, 1000)`, false, { timeoutSeconds: 1 });
    assert.match(run.failure ?? '', /longer than 1 s/);
    assert.ok(isGone(notedPid()));
  });

  it('says so when there is no such program', async () => {
    const run = await runToMarkers({ program: 'no-such-program', args: [], endsItself: false }, [LAST], {
      cwd: '.', timeoutSeconds: 10, signal: new AbortController().signal, onMarker: () => undefined,
    });
    assert.match(run.failure ?? '', /no-such-program/);
  });

  it('kills the program and rejects when it is interrupted', async () => {
    const controller = new AbortController();
    const running = runScript(`${leavePid()} console.log("first line"); setInterval(() => {}, 1000)`, true, {
      signal: controller.signal, onMarker: () => controller.abort(new Error('interrupted')),
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
