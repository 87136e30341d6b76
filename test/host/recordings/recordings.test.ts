/** Runs that are recorded in one process and opened in another: equal hashes at equal counts; and files that cannot be opened, in words. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ContainerReader, ContainerWriter } from '../../../src/host/node/recordings/container';
import { resolveConfiguration } from '../../../src/host/node/recordings/open';
import { readSnapshots } from '../../../src/host/node/recordings/snapshots';
import { LoadError } from '../../../src/monitor/firmware/platform';
import { problemText } from '../../../src/monitor/machine/configuration';
import type { Answer, Deed, Job } from './child';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

async function inProcess(job: Job): Promise<Answer> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', path.join(ROOT, 'test/host/recordings/child.ts'), JSON.stringify(job)], { cwd: ROOT });
  return JSON.parse(stdout) as Answer;
}

/**
 * A boot sector that writes itself to the next sector for ever, and counts in it:
 * mov ax, 0301; mov cx, 0002; xor dx, dx; mov bx, 7c00; int 13; inc word [7c40]; jmp
 */
function writingFloppy(): Uint8Array {
  const image = new Uint8Array(1474560);
  image.set([0xb8, 0x01, 0x03, 0xb9, 0x02, 0x00, 0x31, 0xd2, 0xbb, 0x00, 0x7c, 0xcd, 0x13, 0xff, 0x06, 0x40, 0x7c, 0xeb, 0xed]);
  image.set([0x55, 0xaa], 510);
  return image;
}

/** A boot sector that counts in the second sector of the floppy and of another drive, the first hard disk, for ever: each time it reads, increments and writes a word. */
function countingFloppy(other = 0x80): Uint8Array {
  const image = new Uint8Array(1474560);
  const call = (ax: number, drive: number): number[] => [0xb8, 0x01, ax, 0xb9, 0x02, 0x00, 0xba, drive, 0x00, 0xbb, 0x00, 0x7e, 0xcd, 0x13];
  const count = (drive: number): number[] => [...call(2, drive), 0xff, 0x06, 0x00, 0x7e, ...call(3, drive)];
  image.set([...count(0), ...count(other), 0xeb, 0xbe]);
  image.set([0x55, 0xaa], 510);
  return image;
}

describe('recordings in one file', function () {
  // Processes that load the sources take their time on a busy computer.
  this.timeout(300_000);
  this.slow(30_000);
  let folder = '';
  const at = (name: string): string => path.join(folder, name);
  let recorded: Answer;
  const deeds: readonly Deed[] = [
    { do: 'run', count: 300_000 },
    { do: 'input', input: { kind: 'key', code: 0x1e, down: true } },
    { do: 'input', input: { kind: 'mouse', dx: 3, dy: -2, buttons: 1 } },
    { do: 'input', input: { kind: 'serial', port: 'com1', bytes: [104, 105] } },
    { do: 'run', count: 100_000 },
    { do: 'input', input: { kind: 'frame', port: 'net0', bytes: Array.from({ length: 64 }, (_, i) => (i < 6 ? 255 : i)) } },
    { do: 'input', input: { kind: 'link', port: 'net0', up: false } },
    { do: 'input', input: { kind: 'balloon', memory: 2 << 20 } },
    { do: 'bookmark', name: 'before the poke' },
    { do: 'poke', address: 0x7000, byte: 77 },
    { do: 'run', count: 100_000 },
    { do: 'input', input: { kind: 'power-button' } },
    { do: 'run', count: 100_000 },
    { do: 'input', input: { kind: 'reset-button' } },
    { do: 'run', count: 400_000 },
  ];
  const lastOf = (answer: Answer): Answer['states'][number] | undefined => answer.states.at(-1);

  /** What is said of a configuration that cannot be. */
  const refused = async (configuration: Job['configuration'], words: RegExp): Promise<void> => {
    const said = await resolveConfiguration(configuration, { front: 'commandLine' }, '0.1.0').then(
      (resolved) => ('problems' in resolved ? resolved.problems.map(problemText).join('\n') : 'it was opened'),
      (error: unknown) => (error instanceof LoadError ? error.message : String(error)),
    );
    assert.match(said, words);
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-recordings-'));
    writeFileSync(at('boot.img'), writingFloppy());
    writeFileSync(at('disc.iso'), new Uint8Array(2048 * 40).fill(7));
    const disc: Deed = { do: 'input', input: { kind: 'media', drive: 'cdrom', image: at('disc.iso') } };
    recorded = await inProcess({
      configuration: { floppy: at('boot.img'), cdrom: 'empty', network: 'user', balloon: true, memory: '4M', timeTravel: true },
      deeds: [...deeds.slice(0, 10), disc, ...deeds.slice(10), { do: 'save', file: at('run.shadowbox'), embed: false }, { do: 'save', file: at('whole.shadowbox'), embed: true }],
    });
  });
  after(() => { rmSync(folder, { recursive: true, force: true }); });

  /** Where the run stood, and what it was there. */
  const states = (): Map<number, string> => new Map(recorded.states.map(({ retired, hash }) => [retired, hash]));

  it('come to equal hashes at equal counts in another process, forwards and backwards', async () => {
    assert.equal(recorded.refusal, undefined);
    const counts = [...states().keys()];
    assert.equal(counts.length, 5);
    const answer = await inProcess({
      configuration: { recording: at('run.shadowbox'), timeTravel: true },
      deeds: [
        { do: 'travel', to: 'recorded' }, ...[...counts].reverse().map((to): Deed => ({ do: 'travel', to })), { do: 'travel', to: 'furthest' }, { do: 'stepBack' },
        { do: 'travel', to: { bookmark: 'before the poke' } },
      ],
    });
    assert.deepEqual([answer.refusal, answer.notices], [undefined, []]);
    assert.deepEqual(answer.states[0], lastOf(recorded));
    // At a count something may have come in after the run had stopped there: the way ends at the first moment of that count.
    const first = new Map([...recorded.states].reverse().map(({ retired, hash }) => [retired, hash]));
    for (const { retired, hash } of answer.states.slice(1, 1 + counts.length)) {
      const known = recorded.states.filter((state) => state.retired === retired).map((state) => state.hash);
      assert.ok(known.includes(hash), `at ${retired}`);
      if (retired !== lastOf(recorded)?.retired) assert.equal(hash, first.get(retired), `at ${retired}`);
    }
    const back = answer.states.at(-2);
    assert.equal(back?.retired, (lastOf(recorded)?.retired ?? 0) - 1);
    assert.deepEqual(answer.bookmarks, ['before the poke']);
    const marked = recorded.states[7];
    assert.deepEqual(answer.states.at(-1), marked, 'the bookmark is between two inputs at one count');
  });

  it('with their images in them are all that is needed, and can be changed like any run', async () => {
    assert.deepEqual(recorded.saved?.needed, []);
    assert.deepEqual(recorded.saved?.embedded, [at('boot.img'), at('disc.iso')]);
    const elsewhere = at('elsewhere');
    mkdirSync(elsewhere);
    copyFileSync(at('whole.shadowbox'), path.join(elsewhere, 'bug.shadowbox'));
    for (const image of ['boot.img', 'disc.iso']) renameSync(at(image), at(`${image}.gone`));
    try {
      const answer = await inProcess({
        configuration: { recording: path.join(elsewhere, 'bug.shadowbox'), timeTravel: true },
        deeds: [
          { do: 'travel', to: 'recorded' }, { do: 'travel', to: 350_000 }, { do: 'input', input: { kind: 'key', code: 0x10, down: true } }, { do: 'run', count: 1000 },
          { do: 'travel', to: { fork: 1 } }, { do: 'save', file: at('again.shadowbox'), embed: true },
        ],
      });
      assert.equal(answer.refusal, undefined);
      assert.deepEqual(answer.states[0], lastOf(recorded));
      assert.deepEqual(answer.states.at(-1), lastOf(recorded), 'the recorded future is a fork that can be gone back to');
      await refused({ recording: at('run.shadowbox') }, /its machine was started from boot\.img \(1474560 bytes, SHA-256 .*\), which is not at .*boot\.img.*; put it beside the recording, or name it with "floppy"/);
      await refused({ recording: at('run.shadowbox'), floppy: at('boot.img.gone') }, /disc\.iso .*put it beside the recording$/);
    } finally {
      for (const image of ['boot.img', 'disc.iso']) renameSync(at(`${image}.gone`), at(image));
    }
  });

  it('are refused in words: another image, cut off, damaged, another format, another machine', async () => {
    const whole = readFileSync(at('run.shadowbox'));
    const broken = (name: string, bytes: Uint8Array): string => {
      writeFileSync(at(name), bytes);
      return at(name);
    };
    const flipped = Uint8Array.from(whole);
    flipped[80] = (flipped[80] ?? 0) ^ 1;
    const header = Uint8Array.from(whole);
    header[30] = (header[30] ?? 0) ^ 1;
    const newer = Uint8Array.from(whole);
    newer[20] = 9;
    const other = writingFloppy();
    other[100] = 1;
    await Promise.all([
      refused({ recording: broken('short', whole.subarray(0, whole.length - 10)) }, /short: it ends too early: copy it again/),
      refused({ recording: broken('shorter', whole.subarray(0, 200)) }, /shorter: it ends too early/),
      refused({ recording: broken('flipped', flipped) }, /flipped: it is damaged in section 'HEAD'/),
      refused({ recording: broken('header', header) }, /header: it (is damaged|ends too early)/),
      refused({ recording: broken('newer', newer) }, /newer: it has format 9, and this version of Shadowbox reads format 1/),
    ]);
    await Promise.all([
      refused({ recording: broken('none', Uint8Array.of(1, 2, 3)) }, /none: it is no recording of a run/),
      refused({ recording: at('nowhere') }, /nowhere: /),
      refused({ recording: at('run.shadowbox'), floppy: broken('other.img', other) }, /started from boot\.img .* and .*other\.img is another file/),
      refused({ recording: at('run.shadowbox'), memory: '8M' }, /memory: it is part of the recording; take it out/),
    ]);
  });

  it('start from the nearest snapshot in the file, in another process, and go on as the machine that was recorded', async () => {
    const guest = { multiboot: path.join(ROOT, 'samples/paging-lab/paging-lab.elf'), cmdline: 'exit', memory: '32M' };
    const run = (count: number): Deed => ({ do: 'run', count });
    const original = await inProcess({
      configuration: { ...guest, timeTravel: true },
      deeds: [
        run(2_000_000), { do: 'input', input: { kind: 'serial', port: 'com1', bytes: [104, 105] } }, run(2_000_000), run(2_000_000), run(2_000_000),
        { do: 'save', file: at('bare.shadowbox'), embed: false }, { do: 'save', file: at('long.shadowbox'), embed: false, snapshots: true }, run(500_000),
      ],
    });
    assert.equal(original.refusal, undefined);
    const sizes = [at('long.shadowbox'), at('bare.shadowbox')].map((file) => statSync(file).size);
    console.log(`      ${String(original.saved?.snapshots)} snapshots: ${sizes.join(' instead of ')} bytes`);
    const [first, , second, third, stood] = original.states;
    const further = original.states.at(-1);
    const open = (file: string, timeTravel: boolean, deeds: readonly Deed[]): Promise<Answer> => inProcess({ configuration: { recording: at(file), timeTravel }, deeds });
    const travel = (to: number | 'recorded' = 'recorded'): Deed => ({ do: 'travel', to });
    const places = [travel(), travel(second?.retired), travel(first?.retired), travel(third?.retired), travel(), run(500_000)];
    const answer = await open('long.shadowbox', true, places);
    assert.deepEqual([answer.refusal, answer.notices], [undefined, []]);
    assert.deepEqual(answer.states, [stood, second, first, third, stood, further]);
    const plain = await open('bare.shadowbox', false, [travel(), run(500_000)]);
    assert.deepEqual(plain.states, [stood, further]);
    const [executed, all] = [answer.executed ?? [], plain.executed ?? []];
    console.log(`      executed to where it stood, and on four more ways: ${executed.slice(0, 5).join(', ')}; without snapshots: ${String(all[0])}`);
    assert.ok((executed[0] ?? Infinity) < 1000, 'where it stood there is a snapshot');
    assert.ok((executed[4] ?? Infinity) < 7_000_000, 'from the start it would be 28,000,000');
    assert.equal(all[0], stood?.retired);

    // A byte of a snapshot's state, the first's and the last's.
    const whole = readFileSync(at('long.shadowbox'));
    const damaged = (index: number): string => {
      const bytes = Uint8Array.from(whole);
      const place = whole.indexOf(`S00${index}`, 0, 'latin1') + 60;
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      writeFileSync(at(`damaged${index}`), bytes);
      return at(`damaged${index}`);
    };
    const resolved = await resolveConfiguration({ recording: damaged(0) }, { front: 'commandLine' }, '0.1.0');
    assert.ok(!('problems' in resolved));
    assert.match(resolved.notices.map(({ message }) => message).join(), /its snapshot 1 is damaged, and is not used: it is run through from the start/);
    assert.deepEqual((await resolved.load()).snapshots, []);
    const last = (original.saved?.snapshots ?? 0) - 1;
    // Time travel is not needed to use them.
    const rest = await inProcess({ configuration: { recording: damaged(last), timeTravel: false }, deeds: [travel(), run(500_000)] });
    assert.equal(rest.refusal, undefined);
    assert.match(rest.notices.join(), /its snapshot \d is damaged, and is not used: what lies behind instruction \d+ is run through/);
    assert.deepEqual(rest.states, [stood, further]);
    assert.ok((rest.executed?.[0] ?? Infinity) < 4_000_000);
  });

  it('say so when they have snapshots of another format', async () => {
    const writer = await ContainerWriter.create(at('other.shadowbox'));
    await writer.section('HEAD', []);
    await writer.finish();
    const reader = await ContainerReader.open(at('other.shadowbox'));
    assert.match((await readSnapshots(reader, 9)).problem ?? '', /its snapshots have format 9, and this version of Shadowbox reads format 2: it is run through from the start/);
    await reader.close();
  });

  it('begin with what images held that their guest has written to since, or that are below a new overlay', async () => {
    writeFileSync(at('counting.img'), countingFloppy());
    writeFileSync(at('base.img'), new Uint8Array(2 ** 20).fill(0x55));
    const original = await inProcess({
      configuration: { floppy: { path: at('counting.img'), writable: true }, disks: [{ path: at('base.img'), overlay: at('new.qcow2') }], memory: '4M', timeTravel: true },
      deeds: [{ do: 'run', count: 300_000 }, { do: 'input', input: { kind: 'key', code: 0x1e, down: true } }, { do: 'run', count: 300_000 }, { do: 'save', file: at('written.shadowbox'), embed: false, snapshots: true }],
    });
    assert.equal(original.refusal, undefined);
    const written = readFileSync(at('counting.img'));
    const rounds = written.readUInt16LE(512);
    assert.ok(rounds > 10, `the guest has counted to ${rounds}`);
    assert.ok(readFileSync(at('base.img')).every((byte) => byte === 0x55));
    rmSync(at('new.qcow2'));
    const [first, , last] = original.states;
    const answer = await inProcess({
      configuration: { recording: at('written.shadowbox'), timeTravel: true },
      deeds: [{ do: 'travel', to: 'recorded' }, { do: 'travel', to: first?.retired ?? 0 }, { do: 'run', count: 300_000 }],
    });
    assert.equal(answer.refusal, undefined);
    assert.deepEqual(answer.states.map(({ hash }) => hash), [last?.hash, first?.hash, last?.hash]);
    assert.deepEqual(readFileSync(at('counting.img')), written, 'a replay writes to no image');
    written[512] = (written[512] ?? 0) ^ 1;
    writeFileSync(at('counting.img'), written);
    await refused({ recording: at('written.shadowbox') }, /counting\.img has been written to since it was saved, or is another file; put it beside the recording, or name it with "floppy"/);
  });

  it('have both floppy drives, with what the image in the second held, and one that was put into it', async () => {
    writeFileSync(at('both.img'), countingFloppy(1));
    for (const name of ['b.img', 'later.img']) writeFileSync(at(name), new Uint8Array(1474560));
    const run: Deed = { do: 'run', count: 200_000 };
    const original = await inProcess({
      configuration: { floppy: at('both.img'), floppyB: { path: at('b.img'), writable: true }, memory: '4M', timeTravel: true },
      deeds: [run, { do: 'input', input: { kind: 'media', drive: 'floppy1', image: at('later.img') } }, run, { do: 'save', file: at('both.shadowbox'), embed: false, snapshots: true }],
    });
    assert.equal(original.refusal, undefined);
    const written = readFileSync(at('b.img'));
    assert.ok(written.readUInt16LE(512) > 10, 'the guest has counted in drive B');
    renameSync(at('b.img'), at('moved.img'));
    const [first, , , last] = original.states;
    const answer = await inProcess({
      configuration: { recording: at('both.shadowbox'), floppyB: at('moved.img'), timeTravel: true },
      deeds: [{ do: 'travel', to: 'recorded' }, { do: 'travel', to: first?.retired ?? 0 }],
    });
    assert.equal(answer.refusal, undefined);
    assert.deepEqual(answer.states.map(({ hash }) => hash), [last?.hash, first?.hash]);
    assert.deepEqual(readFileSync(at('moved.img')), written, 'a replay writes to no image');
  });

  it('have floppies that were changed on the way, with what was written to each, from their snapshots as from the start', async () => {
    for (const name of ['first.img', 'second.img', 'third.img']) writeFileSync(at(name), writingFloppy());
    const put = (image: string | null, writable?: boolean): Deed => ({ do: 'input', input: { kind: 'media', drive: 'floppy0', image, ...(writable === undefined ? {} : { writable }) } });
    const run: Deed = { do: 'run', count: 200_000 };
    const original = await inProcess({
      configuration: { floppy: at('first.img'), memory: '4M', timeTravel: true },
      deeds: [
        run, put(at('second.img')), run, put(null), run, put(at('third.img')), run, put(at('first.img')), run, put(at('second.img')), run,
        { do: 'save', file: at('floppies.shadowbox'), embed: true, snapshots: true }, run,
      ],
    });
    assert.equal(original.refusal, undefined);
    assert.deepEqual(original.saved?.embedded.map((file) => path.basename(file)), ['first.img', 'second.img', 'third.img']);
    const hashes = new Map(original.states.map(({ retired, hash }) => [retired, hash]));
    for (const name of ['first.img', 'second.img', 'third.img']) rmSync(at(name));
    const counts = [...hashes.keys()].slice(0, -1).reverse();
    const answer = await inProcess({
      configuration: { recording: at('floppies.shadowbox'), timeTravel: true },
      deeds: [{ do: 'travel', to: 'recorded' }, ...counts.map((to): Deed => ({ do: 'travel', to })), { do: 'travel', to: 'recorded' }, run],
    });
    assert.deepEqual([answer.refusal, answer.notices], [undefined, []]);
    assert.equal(answer.states.at(-1)?.hash, original.states.at(-1)?.hash, 'and goes on as the machine did that was recorded');
    // At a count the disk may have been changed after the run had stopped there: either was so.
    const known = (retired: number): readonly string[] => original.states.filter((state) => state.retired === retired).map(({ hash }) => hash);
    for (const { retired, hash } of answer.states) assert.ok(known(retired).includes(hash), `at ${retired}`);
    writeFileSync(at('first.img'), writingFloppy());
    writeFileSync(at('second.img'), writingFloppy());
    const { refusal } = await inProcess({
      configuration: { floppy: at('first.img'), memory: '4M', timeTravel: true }, deeds: [run, put(at('second.img'), true), run, { do: 'save', file: at('no.shadowbox'), embed: false }],
    });
    assert.match(refusal ?? '', /second\.img' was put in while the machine ran, and what the guest writes goes to its image: such a run cannot be recorded/);
  });

  it('are not made of a machine of whose images it is not known what they held', async () => {
    const { refusal } = await inProcess({
      configuration: { floppy: { path: at('boot.img'), writable: true }, memory: '4M', timeTravel: false }, deeds: [{ do: 'save', file: at('no.shadowbox'), embed: false }],
    });
    assert.match(refusal ?? '', /what that held at the start is not known, since the machine runs without "timeTravel"/);
  });

  it('are made and replayed by the command', async () => {
    const command = async (...words: string[]): Promise<string> => {
      const { stderr } = await promisify(execFile)(process.execPath, ['scripts/shadowbox.mjs', ...words, '--serial', 'none', '--hash'], { cwd: ROOT });
      return stderr;
    };
    const hashOf = (text: string): string => /^hash: (\w+)$/m.exec(text)?.[1] ?? assert.fail(text);
    const made = await command('run', '--floppy', at('boot.img'), '--memory', '4M', '--max-instructions', '500000', '--record', at('cli.shadowbox'), '--embed');
    assert.match(made, /saved .*cli\.shadowbox \(\d+ bytes\)/);
    const again = await command('replay', at('cli.shadowbox'));
    assert.equal(hashOf(again), hashOf(made));
    assert.doesNotMatch(again, /another one/);
  });
});
