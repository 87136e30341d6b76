/** Sources that are not those that were compiled: by the MD5 in DWARF 5, and by checksums that a client sends. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DapClient } from './client';
import { withMachine } from './harness';
import { markerLine } from './markers';
import { needProgram, type BuiltProgram } from './program';

const digest = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex');

describe('the text of sources', function () {
  this.timeout(20_000);
  let program: BuiltProgram;
  let folder = '';
  let source = '';
  let elf = '';
  let compiled = '';
  let client: DapClient | undefined;

  before(function () { program = needProgram(this); });
  // gcc writes no MD5 into its line tables, as clang does; the assembler does if it is told: as a number, its low byte first.
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-sources-'));
    source = path.join(folder, 'program.c');
    elf = path.join(folder, 'program.elf');
    for (const name of ['program.c', 'start.s']) copyFileSync(path.join(program.folder, name), path.join(folder, name));
    compiled = readFileSync(source, 'utf8');
    const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
    run('gcc', '-m32', '-gdwarf-5', '-O0', '-ffreestanding', '-fno-pic', '-fno-pie', '-fcf-protection=none', '-fno-stack-protector', '-S', 'program.c');
    const assembly = readFileSync(path.join(folder, 'program.s'), 'utf8');
    const number = Buffer.from(digest('md5', compiled), 'hex').reverse().toString('hex');
    const withDigest = assembly.replace(/^(\s*\.file \d .*"program\.c")$/gm, `$1 md5 0x${number}`);
    assert.notEqual(withDigest, assembly);
    writeFileSync(path.join(folder, 'program.s'), withDigest);
    run('as', '--32', 'program.s', '-o', 'program.o');
    run('as', '--32', 'start.s', '-o', 'start.o');
    run('ld', '-m', 'elf_i386', '-Ttext', '0x100000', '-o', 'program.elf', 'start.o', 'program.o', '--no-warn-rwx-segments');
  });
  afterEach(async () => {
    await client?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Launches with a breakpoint; gives the breakpoint's message. */
  async function launch(more: object = {}): Promise<{ readonly client: DapClient; readonly verified: boolean; readonly message: string | undefined }> {
    const started = withMachine(program.guest(0)).client;
    client = started;
    let answer: { verified: boolean; message?: string } = { verified: false };
    await started.launch({ symbols: elf }, async () => {
      const { breakpoints } = await started.request('setBreakpoints', { source: { path: source, ...more }, breakpoints: [{ line: markerLine(source, 'add-body') }] });
      answer = breakpoints[0];
    });
    return { client: started, verified: answer.verified, message: answer.message };
  }

  it('is known by its MD5, and nothing is said of one that is the same', async () => {
    const { client: started, verified, message } = await launch({ checksums: [{ algorithm: 'SHA256', checksum: digest('sha256', compiled) }] });
    assert.deepEqual([verified, message], [true, undefined]);
    const { sources } = await started.request('loadedSources', {});
    assert.deepEqual(sources.find(({ name }) => name === 'program.c')?.checksums, [{ algorithm: 'MD5', checksum: digest('md5', compiled) }]);
    await started.stopped('entry');
    await started.request('continue', { threadId: 1 });
    assert.equal((await started.stopped('breakpoint')).frame.source?.checksums?.length, 1);
    assert.deepEqual(started.unreadEvents('output').filter(({ body }) => JSON.stringify(body).includes('MD5')), []);
  });

  it('is told from the one that was compiled: once, and at breakpoints', async () => {
    writeFileSync(source, `${compiled}\n/* edited since */\n`);
    const { client: started, verified, message } = await launch();
    assert.equal(verified, true);
    assert.match(message ?? '', /program\.c is not the file that was compiled: its lines may be others \(MD5 [0-9a-f]{32}, compiled was [0-9a-f]{32}\)/);
    assert.match(message ?? '', new RegExp(`compiled was ${digest('md5', compiled)}`));
    const { output, category } = await started.event('output', (body) => body.output.includes('is not the file that was compiled'));
    assert.equal(category, 'important');
    assert.match(output, /Build the guest again, or let 'sourceMap' lead/);
    await started.stopped('entry');
    await started.request('continue', { threadId: 1 });
    await started.stopped('breakpoint');
    assert.deepEqual(started.unreadEvents('output').filter(({ body }) => JSON.stringify(body).includes('not the file')), []);
  });

  it('is told from the text that a client shows', async () => {
    const { message } = await launch({ checksums: [{ algorithm: 'SHA256', checksum: digest('sha256', 'another') }] });
    assert.match(message ?? '', new RegExp(`The editor shows another text of program\\.c .*: its SHA256 is not ${digest('sha256', compiled)}`));
  });
});
