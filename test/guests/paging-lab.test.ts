/** The kernel *paging-lab* by the command line: what it finds out about the processor, and every way for it to end. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SAMPLES, shadowbox } from './harness';
import type { Ended } from './harness';

const KERNEL = path.join(SAMPLES, 'paging-lab', 'paging-lab.elf');

/** Runs the lab with these words on its command line. */
function lab(cmdline: string, ...words: string[]): Promise<Ended> {
  return shadowbox('run', '--multiboot', KERNEL, '--cmdline', cmdline, '--memory', '32M', ...words);
}

describe('paging-lab', function () {
  this.timeout(60_000);
  this.slow(15_000);
  let folder = '';

  before(() => { folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-lab-')); });
  after(() => rmSync(folder, { recursive: true }));

  it('finds nothing wrong with paging in 300 ticks, and exits with (0 << 1) | 1', async () => {
    const file = path.join(folder, 'stats.json');
    const { status, out, err } = await lab('exit', '--stats', file);
    assert.deepEqual([status, err.replace(/^paging-lab: .*\n/gm, '')], [1, '']);
    assert.doesNotMatch(out, /check failed|fatal/);
    const lines = out.split('\r\n').map((line) => line.replace(/^paging-lab: /, ''));
    const marks = ['booted by Multiboot', 'paging on: cr0 80010011 cr3 00400000', 'enter sweeper', 'demand map: sweeper', 'first tick', 'copy on write: ping', 'scan painter', 'tick 100', 'tick 200', 'tick 300', 'done after 300 ticks'];
    const found = marks.map((mark) => lines.findIndex((line) => line.startsWith(mark)));
    assert.ok(found.every((at, i) => at > (found[i - 1] ?? -1)), `in this order: ${marks.map((mark, i) => `${mark} (${found[i]})`).join(', ')}`);
    assert.ok(lines.includes('booted by Multiboot, 31744 KiB above 1 MiB'));
    // The debug port says the same, without carriage returns.
    assert.equal(err, out.replaceAll('\r', ''));
    const stats = JSON.parse(readFileSync(file, 'utf8')) as { reason: string; timeCycles: number; counters: Record<string, number> };
    assert.equal(stats.reason, 'exit');
    // Ticks of 11931 PIT clocks, at 1193182 Hz and 10^9 cycles a second. Programming the PIT may raise its output, which is a tick, too.
    const periods = stats.timeCycles / ((11931 * 1e9) / 1193182);
    assert.ok(periods > 299 && periods < 302, `${stats.timeCycles} cycles`);
    assert.equal(stats.counters['engine.interrupts'], 300);
    const { 'translator.modules': modules = 0, 'translator.modulesElsewhere': elsewhere = 0 } = stats.counters;
    assert.ok(elsewhere > 0, `the other thread has translated ${elsewhere} of ${modules} modules`);
  });

  it('is halted for ever after a page fault that nobody resolves: status 3 with the story', async () => {
    const { status, out, err } = await lab('crash');
    assert.equal(status, 3);
    assert.match(out, /fatal: #PF page fault, error 00000000, in .*\r\n.*read of 00000000, page not present, from CPL 0\r\n(.*\r\n)+paging-lab: halted\r\n$/);
    assert.match(err, /\nshadowbox: the guest is dead: halted for ever at 0008:[0-9a-f]{8} after \d+ instructions: HLT with interrupts disabled/);
  });

  it('dies of a triple fault: status 3 with the chain of faults', async () => {
    const { status, out, err } = await lab('triple-fault');
    assert.equal(status, 3);
    assert.match(out, /raising a triple fault\r\n$/);
    // INT3 without a gate is #GP with the vector and the IDT bit; #GP without one another #GP, now with EXT; then #DF (SDM volume 3, 6.13 and 6.15).
    const story = err.slice(err.indexOf('shadowbox: '));
    assert.match(story, /^shadowbox: the guest is dead: triple fault at 0008:[0-9a-f]{8} after \d+ instructions\n(.+\n)+$/);
    assert.deepEqual([...story.matchAll(/^ {2}(#\w+|INT \w+) at 0008:[0-9a-f]{8}(?:, error code ([0-9a-f]{4})h)?/gm)].map((match) => `${match[1]} ${match[2] ?? ''}`.trim()), ['#GP 001a', '#GP 006b', '#DF 0000', '#GP 0043']);
  });

  it('would run for ever without a word: 124 at the time-out', async () => {
    const { status, err } = await lab('', '--timeout', '1');
    assert.equal(status, 124);
    assert.match(err, /shadowbox: the time is over\n$/);
  });

  it('ends when --until matches: 0', async () => {
    const { status, out } = await lab('', '--until', '^paging-lab: enter painter', '--timeout', '50');
    assert.equal(status, 0);
    assert.match(out, /enter painter/);
  });

  it('ends after exactly as many instructions, in the same state each time', async () => {
    const [first, second] = await Promise.all([1, 2].map(() => lab('', '--max-instructions', '3000001', '--hash')));
    const hash = (ended: Ended | undefined): string => /\nhash: ([0-9a-f]{16})\n$/.exec(ended?.err ?? '')?.[1] ?? '';
    assert.deepEqual([first?.status, second?.status], [0, 0]);
    assert.match(hash(first), /^[0-9a-f]{16}$/);
    assert.equal(hash(first), hash(second));
  });
});
