/** Tests of the report: medians, speeds, goals, and how they are written down. */
import assert from 'node:assert/strict';
import { markdown, summary, table } from '../../bench/format';
import type { Run } from '../../bench/measure';
import { ownGuest } from '../../bench/ownGuest';
import type { Architecture } from '../../bench/ownGuest';
import type { EngineName, Figures } from '../../bench/peers/peer';
import { readStats, shadowboxCommand } from '../../bench/peers/shadowbox';
import { better, referenceOf } from '../../bench/reference';
import { commandText, isAgreed, median, memoryFigures, missedGoals, rowsOf, rowsOfSecondTime, speedAgainst } from '../../bench/report';
import type { EngineReport, MeasuredEngine, Report } from '../../bench/report';
import { sessionsOf } from '../../bench/sessions';

const TITLES: Readonly<Record<EngineName, string>> = { ours: 'ours', interpreter: 'our interpreter', tcg: 'QEMU TCG', v86: 'v86' };

/** A run that booted in so many seconds, and then did the integer loop and system calls in a tenth of that. */
function run(bootSeconds: number, more: Partial<Run> = {}): Run {
  return {
    bootSeconds,
    parts: { integer: { seconds: bootSeconds / 10, checksum: '0000abcd', count: 0 }, syscalls: { seconds: bootSeconds / 10, checksum: '00000001', count: 500_000 } },
    failedParts: {}, ...more,
  };
}

function engine(name: EngineName, runs: readonly Run[], figures: readonly Figures[] = []): MeasuredEngine {
  return { name, title: TITLES[name], state: 'measured', version: '1', settings: ['plain'], sessions: [{ session: '686', command: `${name} --go`, runs, figures }] };
}

/** A report of one session, with two parts. */
function report(engines: readonly EngineReport[], architecture: Architecture = 'i386', again = false): Report {
  const parts = ['integer', 'syscalls'];
  return {
    date: '2026-01-02T03:04:05.000Z', command: 'npm run bench', architecture, suite: 'all',
    environment: { cpu: 'A CPU', cores: 2, memoryMiB: 1024, system: 'A system', node: '20.0.0', load: 0.1 },
    sessions: [{ name: '686', title: 'a kernel', guest: ownGuest('686', parts), parts, again, countsBoot: true, last: '^@done$' }],
    engines,
  };
}

const OURS = engine('ours', [run(6), run(4), run(5)]);
const TCG = engine('tcg', [run(10), run(11), run(9)]);
const V86 = engine('v86', [run(8), run(9), run(7)]);

describe('benchmark report', () => {
  it('takes medians', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([10, 9, 1, 2]), 5.5);
    assert.throws(() => median([]), RangeError);
  });

  it('has a row for the boot and for each part, with medians and extremes', () => {
    const rows = rowsOf(report([OURS, TCG]));
    assert.deepEqual(rows.map(({ name }) => name), ['boot-686', 'integer', 'syscalls']);
    assert.deepEqual(rows[0].cells, { ours: { seconds: 5, lowest: 4, highest: 6, count: 0 }, tcg: { seconds: 10, lowest: 9, highest: 11, count: 0 } });
    assert.deepEqual(rows[2].cells.ours, { seconds: 0.5, lowest: 0.4, highest: 0.6, count: 500_000, checksum: '00000001' });
  });

  it('compares us with the others, and with what is to be reached', () => {
    const [boot, integer] = rowsOf(report([OURS, TCG, V86]));
    assert.deepEqual([speedAgainst(boot, 'tcg'), speedAgainst(boot, 'v86')], [2, 1.6]);
    // Issue 4: the boot 2.5 times as fast as v86 and as fast as TCG; an integer loop 2 times and as fast.
    assert.deepEqual(missedGoals(boot), ['v86']);
    assert.deepEqual(missedGoals(integer), ['v86']);
    assert.match(summary(report([OURS, TCG, V86])), /3 of 6 goals reached/);
  });

  it('has a table of its own for what was done a second time', () => {
    const twice = (name: EngineName, first: number, second: number): MeasuredEngine => {
      const { parts, ...rest } = run(10 * first);
      return engine(name, [{ ...rest, parts, partsAgain: { integer: { ...parts['integer'], seconds: second }, syscalls: { ...parts['syscalls'], seconds: second } } }]);
    };
    const found = report([twice('ours', 2, 1), twice('tcg', 1.5, 1.5)], 'i386', true);
    assert.deepEqual(rowsOfSecondTime(found).map(({ name, cells }) => [name, cells.ours?.seconds, cells.tcg?.seconds]), [['integer', 1, 1.5], ['syscalls', 1, 1.5]]);
    const [first, second] = summary(found).split('## The parts a second time');
    assert.match(first, /integer loop .*\| +0\.75 \| .*short of tcg/);
    assert.match(second, /integer loop .*\| +1\.50 \|/);
    assert.doesNotMatch(second, /short of|boot of/);
    assert.doesNotMatch(summary(report([OURS, TCG])), /second time/);
  });

  it('says who did not come to the second time', () => {
    const found = report([engine('ours', [run(5)]), TCG], 'i386', true);
    assert.match(summary(found).split('## The parts a second time')[1], /ours not reached/);
  });

  it('has other goals on amd64: 0.8 of TCG', () => {
    const slow = engine('tcg', [run(4.1)]), slower = engine('tcg', [run(3.9)]);
    assert.deepEqual(missedGoals(rowsOf(report([OURS, slow], 'amd64'))[0]), []);
    assert.deepEqual(missedGoals(rowsOf(report([OURS, slower], 'amd64'))[0]), ['tcg']);
  });

  it('says who is left out, and judges nothing that was not measured', () => {
    const text = summary(report([{ name: 'ours', title: 'ours', state: 'left out', reason: 'the build failed' }, TCG, V86]));
    assert.match(text, /ours: left out: the build failed/);
    assert.doesNotMatch(text, /goals reached|short of/);
  });

  it('never takes the median of some of the runs', () => {
    const broken = engine('ours', [run(5), { parts: {}, failedParts: {}, failure: 'it ended with status 3, before its /init' }]);
    const [boot] = rowsOf(report([broken, TCG]));
    assert.equal(boot.cells.ours, undefined);
    assert.match(summary(report([broken, TCG])), /ours, 686: it ended with status 3/);
  });

  it('says which part failed', () => {
    const { parts: { integer } } = run(5);
    const text = summary(report([engine('ours', [run(5, { parts: { integer }, failedParts: { syscalls: 'no memory' } })]), TCG]));
    assert.match(text, /500 k syscalls on ours: no memory/);
    assert.match(text, /ours failed/);
  });

  it('shows who computed something else', () => {
    const other = engine('v86', [run(5, { parts: { integer: { seconds: 1, checksum: '00000bad', count: 0 } } })]);
    const found = report([OURS, TCG, other]);
    assert.equal(isAgreed(rowsOf(found)[1]), false);
    assert.match(summary(found), /integer loop: checksums differ: ours 0000abcd, tcg 0000abcd, v86 00000bad/);
  });

  it('does not count an engine that computes now this, now that', () => {
    const doubtful = engine('ours', [run(5), run(5, { parts: { integer: { seconds: 1, checksum: '00000bad', count: 0 } } })]);
    assert.match(rowsOf(report([doubtful]))[1].failures.ours ?? '', /0000abcd and 00000bad/);
  });

  it('shows times, spread, speed and rates', () => {
    const text = summary(report([engine('ours', OURS.sessions[0].runs, [{ retiredInstructions: 1e9, mips: 200, counters: {} }]), TCG, V86]));
    assert.match(text, /\| boot of -686 to \/init +\| +5\.000 \| +4\.000–6\.000 \| +10\.0 \| +9\.000–11\.0 \| .*\| +2\.00 \| +1\.0 \| +1\.60 \| +2\.5 \| +short of v86 \|/);
    assert.match(text, /system calls a second: ours 1000 thousand, QEMU TCG 500 thousand/);
    assert.match(text, /ours, 686: 1000 million instructions, 200 million a second/);
  });

  it('warns when the machine was not ours alone', () => {
    assert.match(summary(report([OURS, engine('v86', [run(5, { othersCores: 1.2 })])])), /not ours alone.*1\.2 during v86/);
    assert.doesNotMatch(summary(report([OURS, engine('v86', [run(5, { othersCores: 0.05 })])])), /ours alone/);
  });

  it('compares our memory with what the guest has touched', () => {
    const memory = { session: 'memory', command: 'x', runs: [{ parts: {}, failedParts: {}, peakKiB: 400_000 }], figures: [{ retiredInstructions: 1, mips: 1, counters: { frames: 10_000 } }] };
    const found = report([{ ...OURS, sessions: [...OURS.sessions, memory] }]);
    assert.deepEqual(memoryFigures(found), { peak: 409_600_000, touched: 40_960_000 });
    assert.match(summary(found), /410 MB at its peak, 41 MB of them .* 369 MB beyond that \(to reach: 150 MB; not reached\)/);
    assert.equal(memoryFigures(report([OURS])), undefined);
  });

  it('writes machine, versions and commands into the page', () => {
    const page = markdown(report([OURS, TCG, V86]));
    for (const part of ['2026-01-02', 'medians of 3 runs', 'A CPU, 2 cores', 'Node 20.0.0', 'tcg --go', 'parts=integer,syscalls']) {
      assert.ok(page.includes(part), part);
    }
  });

  it('leaves figures of the peers for later', () => {
    assert.deepEqual(referenceOf(report([OURS, V86])), {
      v86: { 'boot-686': { seconds: 7 }, 'integer': { seconds: 0.7, checksum: '0000abcd' }, 'syscalls': { seconds: 0.7, checksum: '00000001' } },
    });
    assert.deepEqual(better({ seconds: 1, cpuSeconds: 4, checksum: 'a' }, { seconds: 2, cpuSeconds: 3, checksum: 'a' }), { seconds: 1, cpuSeconds: 3, checksum: 'a' });
    assert.deepEqual(better({ seconds: 1, checksum: 'a' }, { seconds: 2, checksum: 'b' }), { seconds: 2, checksum: 'b' });
  });

  it('compares by processor time, too, where that is known', () => {
    const timed = (name: EngineName, bootCpuSeconds: number): MeasuredEngine => engine(name, [run(5, { bootCpuSeconds, othersCores: 1 })]);
    const found = report([timed('ours', 4), timed('v86', 6)]);
    assert.equal(speedAgainst(rowsOf(found)[0], 'v86', 'cpuSeconds'), 1.5);
    assert.match(summary(found), /boot of -686 to \/init \| +4\.000 \| +6\.000 \| +1\.50 \|/);
    assert.doesNotMatch(markdown(report([OURS, TCG])), /processor time/);
  });

  it('lines up tables', () => {
    assert.equal(table([['a', 'bbbb'], ['cc', '1']]), '| a   | bbbb |\n|:----|-----:|\n| cc  |    1 |');
  });
});

describe('sessions of a benchmark', () => {
  const names = (suite: 'boot' | 'parts' | 'shell' | 'all', architecture: Architecture = 'i386'): readonly string[] => sessionsOf({ suite, architecture }).map(({ name }) => name);

  it('boot every kernel of the architecture, and look at our memory', () => {
    assert.deepEqual(names('boot'), ['686', '686-pae', 'memory']);
    assert.deepEqual(names('all', 'amd64'), ['amd64', 'memory']);
    assert.deepEqual(sessionsOf({ suite: 'boot', architecture: 'i386' })[0].parts, []);
  });

  it('run parts in one boot, which is a short one unless it is measured', () => {
    const [session, ...others] = sessionsOf({ suite: 'parts', architecture: 'i386' });
    assert.deepEqual(others, []);
    assert.ok(session.parts.includes('integer') && !session.parts.includes('gzip') && !session.countsBoot);
    assert.match(session.guest.cmdline, /cryptomgr\.notests.* parts=integer,/);
    assert.doesNotMatch(sessionsOf({ suite: 'all', architecture: 'i386' })[0].guest.cmdline, /notests/);
  });

  it('run only what is asked for', () => {
    assert.deepEqual(sessionsOf({ suite: 'all', architecture: 'amd64', only: ['gzip', 'integer'] }).map(({ parts }) => parts), [['integer', 'gzip']]);
  });

  it('run all parts a second time behind the first when that is asked for', () => {
    const [session] = sessionsOf({ suite: 'parts', architecture: 'i386', only: ['sort', 'fork'], again: true });
    assert.deepEqual([session.parts, session.again], [['fork', 'sort'], true]);
    assert.match(session.guest.cmdline, / parts=fork,sort,fork,sort$/);
  });
});

describe('our own command', () => {
  const command = shadowboxCommand('interpreter', { guest: ownGuest('686', ['integer']), until: '^@done$', timeoutSeconds: 60 });

  it('is shown as one would type it', () => {
    assert.match(commandText(command), /^node dist\/cli\.js run --kernel \S+vmlinuz-686 .*--cmdline 'console=ttyS0,115200n8 parts=integer' .*--engine interpreter .*--until '\^@done\$'/);
  });

  it('has its statistics read', () => {
    const stats = { reason: 'matched', status: 0, wallSeconds: 2, retired: 500e6, timeCycles: 1, counters: { walks: 7 } };
    assert.deepEqual(readStats(JSON.stringify(stats)), { retiredInstructions: 500e6, mips: 250, counters: { walks: 7 } });
    assert.equal(readStats('{"status":0}'), undefined);
  });
});
