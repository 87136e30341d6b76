/**
 * Guests without symbols under the real adapter: there is something to look at wherever they stop, as in a Linux
 * kernel that nobody has the sources of.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { SymbolTable } from '../../../debugger/symbols/symbol-table';
import type { DapClient } from '../client';
import { frames, HELLO, launchStopped, PAGING_LAB, step, useAdapter } from './adapter';

/** In the header of a 32-bit ELF file: where its section headers are, their number, and the one with their names. */
const SECTION_FIELDS = [[0x20, 4], [0x30, 2], [0x32, 2]] as const;

describe('code without source over the wire', function () {
  let folder: string;
  let bareLab: object;
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  // A Multiboot image may have symbols of its own; one without sections has none.
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-bare-'));
    const image = readFileSync(PAGING_LAB.multiboot);
    for (const [offset, size] of SECTION_FIELDS) image.fill(0, offset, offset + size);
    const file = path.join(folder, 'bare.elf');
    writeFileSync(file, image);
    bareLab = { ...PAGING_LAB, multiboot: file, symbols: [] };
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The line of the disassembly in which a frame is shown. */
  async function listedLine({ source, line }: Dap.StackFrame): Promise<string> {
    assert.ok(source?.sourceReference, `${source?.name ?? 'the frame'} has a reference`);
    const { content } = await client.request('source', { source, sourceReference: source.sourceReference });
    return content.split('\n')[line - 1];
  }

  it('shows the disassembly of the innermost frame, and steps through it', async () => {
    // SDM volume 3, 9.1.4: the first instruction lies 16 bytes below 4 GiB.
    const entry = await launchStopped(client, { ...HELLO, symbols: [] });
    assert.equal(entry.presentationHint, 'normal');
    assert.match(await listedLine(entry), /^0xfffffff0 f000:fff0 .*\bjmp\b/);
    // A far jump to the BIOS below 1 MiB, which is another listing; the steps after it stay in one.
    const bios = await step(client, 'next');
    assert.match(await listedLine(bios), new RegExp(`^${bios.instructionPointerReference?.replace('0x', '0x0*') ?? ''} `));
    const next = await step(client, 'next');
    assert.equal(next.source?.sourceReference, bios.source?.sourceReference);
    assert.ok(next.line > bios.line);
    assert.match(await listedLine(next), new RegExp(`^${next.instructionPointerReference?.replace('0x', '0x0*') ?? ''} `));
  });

  it('makes another listing when the guest has written over the code', async () => {
    const entry = await launchStopped(client, bareLab);
    const before = await listedLine(entry);
    await client.request('writeMemory', { memoryReference: entry.instructionPointerReference ?? '', data: Buffer.from([0x90]).toString('base64') });
    const [after] = await frames(client);
    assert.match(await listedLine(after), /\bnop$/);
    assert.equal(await listedLine(entry), before, 'the old one stays as it was');
  });

  it('folds no frame of a stack in which nothing has a source', async () => {
    const [copy] = SymbolTable.parse(readFileSync(PAGING_LAB.multiboot)).functionsNamed('copy_on_write');
    const address = `0x${copy.prologueEnd.toString(16)}`;
    await launchStopped(client, bareLab);
    await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: address }] });
    await client.request('continue', {});
    await client.stopped('breakpoint');
    const stack = (await frames(client)).filter(({ presentationHint }) => presentationHint !== 'label');
    assert.ok(stack.length > 2, `${stack.length} frames by frame pointer`);
    assert.deepEqual([...new Set(stack.map(({ presentationHint }) => presentationHint))], ['normal']);
  });
});
