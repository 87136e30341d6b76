/** Tests of the report: medians, ratios, and how they are written down. */
import assert from 'node:assert/strict';
import { markdown, summary, table } from '../../bench/format';
import type { Run } from '../../bench/measure';
import { shadowboxCommand, readStats } from '../../bench/peers/shadowbox';
import { commandText, median, ratios } from '../../bench/report';
import type { EngineReport, MeasuredEngine, Report } from '../../bench/report';
import { bootDebianI386 } from '../../bench/workloads/boot-debian-i386';

function measured(name: MeasuredEngine['name'], title: string, seconds: readonly number[], more: Partial<Run> = {}): MeasuredEngine {
  const runs = seconds.map((init) => ({ seconds: { kernel: init / 4, init }, ...more }));
  return { name, title, state: 'measured', version: '1', settings: ['plain'], command: `${name} --go`, runs, figures: [] };
}

function report(engines: readonly EngineReport[]): Report {
  return {
    date: '2026-01-02T03:04:05.000Z',
    environment: { cpu: 'A CPU', cores: 2, memoryMiB: 1024, system: 'A system', node: '20.0.0', load: 0.1 },
    workload: bootDebianI386,
    markers: bootDebianI386.markers,
    engines,
  };
}

const OURS = measured('shadowbox', 'ours', [6, 4, 5]);
const TCG = measured('qemu', 'QEMU TCG', [10, 11, 9]);
const V86 = measured('v86', 'v86', [20, 30, 25]);

describe('benchmark report', () => {
  it('takes medians', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([10, 9, 1, 2]), 5.5);
    assert.throws(() => median([]), RangeError);
  });

  it('compares the others with us', () => {
    assert.deepEqual(ratios(report([OURS, TCG, V86])), {
      base: 'ours', times: { 'ours': 1, 'QEMU TCG': 2, 'v86': 5 }, ourSpeed: { 'QEMU TCG': 2, 'v86': 5 },
    });
  });

  it('compares the peers with each other when we have not been measured', () => {
    const failed: EngineReport = { name: 'shadowbox', title: 'ours', state: 'left out', reason: 'the build failed' };
    const found = report([failed, TCG, V86]);
    assert.deepEqual(ratios(found), { base: 'QEMU TCG', times: { 'QEMU TCG': 1, 'v86': 2.5 }, ourSpeed: {} });
    assert.match(summary(found), /QEMU TCG : v86 = 1\.00 : 2\.50/);
    assert.match(summary(found), /ours: left out: the build failed/);
  });

  it('gives no ratio from one engine', () => {
    assert.equal(ratios(report([V86])), undefined);
    assert.match(summary(report([V86])), /No ratio/);
  });

  it('never counts an engine that has failed', () => {
    const failed: EngineReport = { ...OURS, state: 'failed', reason: 'it ended with status 3' };
    assert.deepEqual(Object.keys(ratios(report([failed, TCG, V86]))?.times ?? {}), ['QEMU TCG', 'v86']);
    assert.match(summary(report([failed])), /ours: failed: it ended with status 3/);
  });

  it('shows medians, spread and speed', () => {
    const text = summary(report([{ ...OURS, figures: [{ retiredInstructions: 1e9, mips: 200, counters: {} }] }, TCG, V86]));
    assert.match(text, /\| ours +\| +1\.25 \| +5\.00 \| +4\.00–6\.00 \| +0\.50 \| +200 \|/);
    assert.match(text, /ours : QEMU TCG : v86 = 1\.00 : 2\.00 : 5\.00/);
    assert.match(text, /Our speed: 2\.00 × QEMU TCG, 5\.00 × v86/);
    assert.doesNotMatch(text, /processor/, 'nobody has told any processor time');
  });

  it('warns when the machine was not ours alone', () => {
    assert.match(summary(report([OURS, measured('v86', 'v86', [20], { cpuSeconds: 25, othersCores: 1.2 })])), /not ours alone.*1\.2 during v86/);
    assert.doesNotMatch(summary(report([OURS, measured('v86', 'v86', [20], { cpuSeconds: 25, othersCores: 0.05 })])), /ours alone/);
  });

  it('writes machine, versions and commands into the page', () => {
    const page = markdown(report([OURS, TCG, V86]));
    for (const part of ['2026-01-02', 'median of 3 runs', 'A CPU, 2 cores', 'Node 20.0.0', 'qemu --go', bootDebianI386.guest.cmdline]) {
      assert.ok(page.includes(part), part);
    }
  });

  it('lines up tables', () => {
    assert.equal(table([['a', 'bbbb'], ['cc', '1']]), '| a   | bbbb |\n|:----|-----:|\n| cc  |    1 |');
  });
});

describe('our own command', () => {
  const command = shadowboxCommand({ guest: bootDebianI386.guest, until: 'Run /init', timeoutSeconds: 60 });

  it('is shown as one would type it', () => {
    assert.match(commandText(command), /^node dist\/cli\.js run --kernel \S+linux .*--cmdline 'console=ttyS0,115200n8 nomodeset' .*--until 'Run \/init'/);
  });

  it('has its statistics read', () => {
    const stats = { reason: 'matched', status: 0, wallSeconds: 2, retired: 500e6, timeCycles: 1, counters: { walks: 7 } };
    assert.deepEqual(readStats(JSON.stringify(stats)), { retiredInstructions: 500e6, mips: 250, counters: { walks: 7 } });
    assert.equal(readStats('{"status":0}'), undefined);
  });
});
