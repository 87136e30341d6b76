// The committed images of the sample guests are what their sources make, and they have what loaders and debuggers look for.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaveOut } from '../support/leaveOut';

const SAMPLES = fileURLToPath(new URL('../../samples/', import.meta.url));
const IMAGES = ['hello/hello.img', 'hello/hello.elf', 'paging-lab/paging-lab.elf'];
const TOOL_MISSING = 3; // build.mjs's status for it

const SECTOR = 512;
const MULTIBOOT_MAGIC = 0x1badb002;
const MULTIBOOT_SEARCHED = 8192; // bytes from the file's start (Multiboot 0.6.96, section 3.1)

const SHT_SYMTAB = 2;

interface Section { name: string; type: number; offset: number; size: number; link: number }

function textAt(bytes: Buffer, offset: number): string {
  return bytes.toString('latin1', offset, bytes.indexOf(0, offset));
}

/** The section headers of a 32-bit little-endian ELF file (System V ABI, chapter 4). */
function sectionsOf(elf: Buffer): Section[] {
  assert.equal(elf.toString('latin1', 0, 6), '\x7fELF\x01\x01', 'a 32-bit little-endian ELF file');
  const table = elf.readUInt32LE(32);
  const entrySize = elf.readUInt16LE(46);
  const count = elf.readUInt16LE(48);
  const headers = Array.from({ length: count }, (_, index) => table + index * entrySize);
  const namesHeader = headers[elf.readUInt16LE(50)];
  assert.ok(namesHeader !== undefined, 'the section of section names exists');
  const names = elf.readUInt32LE(namesHeader + 16);
  return headers.map((at) => ({
    name: textAt(elf, names + elf.readUInt32LE(at)),
    type: elf.readUInt32LE(at + 4),
    offset: elf.readUInt32LE(at + 16),
    size: elf.readUInt32LE(at + 20),
    link: elf.readUInt32LE(at + 24),
  }));
}

/** Symbol addresses by name. */
function symbolsOf(elf: Buffer): Map<string, number> {
  const sections = sectionsOf(elf);
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  assert.ok(table !== undefined, 'there is a symbol table');
  const strings = sections[table.link];
  assert.ok(strings !== undefined, 'the symbol table has its strings');
  const symbols = new Map<string, number>();
  for (let at = table.offset; at < table.offset + table.size; at += 16) {
    symbols.set(textAt(elf, strings.offset + elf.readUInt32LE(at)), elf.readUInt32LE(at + 4));
  }
  return symbols;
}

function entryOf(elf: Buffer): number {
  return elf.readUInt32LE(24);
}

/** What every build must have, whichever compiler made it. */
function checkImages(folder: string): void {
  const sector = readFileSync(path.join(folder, 'hello/hello.img'));
  assert.equal(sector.length, SECTOR);
  assert.equal(sector.readUInt16LE(SECTOR - 2), 0xaa55, 'the boot signature');

  const hello = readFileSync(path.join(folder, 'hello/hello.elf'));
  const code = sectionsOf(hello).find((section) => section.name === '.text');
  assert.ok(code !== undefined);
  assert.ok(hello.subarray(code.offset, code.offset + code.size).equals(sector), 'hello.elf describes hello.img');
  assert.equal(entryOf(hello), 0x7c00);
  assert.equal(symbolsOf(hello).get('start'), 0x7c00);

  const lab = readFileSync(path.join(folder, 'paging-lab/paging-lab.elf'));
  const header = Array.from({ length: MULTIBOOT_SEARCHED / 4 }, (_, index) => index * 4)
    .find((at) => lab.readUInt32LE(at) === MULTIBOOT_MAGIC);
  assert.ok(header !== undefined, 'a Multiboot header in the first 8 KiB, on a 4-byte boundary');
  const sum = lab.readUInt32LE(header) + lab.readUInt32LE(header + 4) + lab.readUInt32LE(header + 8);
  assert.equal(sum % 0x1_0000_0000, 0, 'the header\'s three fields add up to zero');
  const symbols = symbolsOf(lab);
  assert.equal(entryOf(lab), symbols.get('_start'));
  assert.ok(entryOf(lab) >= 0x10_0000, 'the kernel is linked at 1 MiB');
  for (const name of ['kernel_main', 'tick_handler', 'copy_on_write', 'map_on_demand', 'window_walk', 'trap', 'enter_kernel']) {
    assert.ok(symbols.has(name), `README.md sends the reader to ${name}`);
  }
  for (const task of ['sweeper', 'ping', 'pong', 'painter']) {
    assert.equal((symbols.get(task) ?? 0) >>> 28, 4, `${task} is linked at the tasks' linear addresses`);
  }

  for (const elf of [hello, lab]) {
    const names = sectionsOf(elf).map((section) => section.name);
    for (const name of ['.debug_info', '.debug_abbrev', '.debug_line']) assert.ok(names.includes(name), `there is ${name}`);
    assert.ok(elf.includes('/shadowbox/samples/'), 'the debug information names sources by the mapped folder');
  }
  assert.ok(!lab.includes(SAMPLES) && !hello.includes(SAMPLES), 'no path of this machine');
}

describe('sample guests', () => {
  it('are committed as loaders and debuggers want them', () => {
    checkImages(SAMPLES);
  });

  it('are rebuilt from their sources', function () {
    this.timeout(60_000);
    const out = mkdtempSync(path.join(tmpdir(), 'shadowbox-samples-test-'));
    try {
      const build = spawnSync(process.execPath, [path.join(SAMPLES, 'build.mjs'), '--out', out], { encoding: 'utf8' });
      if (build.status === TOOL_MISSING) {
        leaveOut(this, `the samples were not rebuilt: ${build.stderr.trim()}`);
      }
      assert.equal(build.status, 0, build.stderr);
      checkImages(out);

      const recorded = readFileSync(path.join(SAMPLES, 'toolchain.json'), 'utf8');
      const used = readFileSync(path.join(out, 'toolchain.json'), 'utf8');
      if (recorded !== used) {
        console.log('      left out: the bytes were not compared, for the tools are not those of samples/toolchain.json; they are'
          + ` ${used.replace(/\s+/g, ' ')}`);
        return;
      }
      for (const image of IMAGES) {
        const same = readFileSync(path.join(out, image)).equals(readFileSync(path.join(SAMPLES, image)));
        assert.ok(same, `samples/${image} is not what its sources make: run node samples/build.mjs and commit the result`);
      }
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
});
