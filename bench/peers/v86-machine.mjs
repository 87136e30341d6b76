// Runs one v86 machine: its first serial port goes to standard output, until somebody ends the process.
// Plain JavaScript, so that no TypeScript loader's start counts as v86's time.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { V86 } from 'v86';

/** How long the beginning of a line waits for its end, in milliseconds. A write for every byte would cost v86 time. */
const PARTIAL_LINE_MS = 20;
const LINE_FEED = 0x0a;

const text = { type: 'string' };
const { values } = parseArgs({ options: { bios: text, 'vga-bios': text, memory: text, kernel: text, initrd: text, cmdline: text } });

async function image(file) {
  const { buffer, byteOffset, byteLength } = await readFile(file);
  return { buffer: buffer.slice(byteOffset, byteOffset + byteLength) };
}

const machine = new V86({
  wasm_path: path.join(path.dirname(createRequire(import.meta.url).resolve('v86')), 'v86.wasm'),
  bios: await image(values.bios),
  vga_bios: await image(values['vga-bios']),
  bzimage: await image(values.kernel),
  initrd: await image(values.initrd),
  cmdline: values.cmdline,
  memory_size: Number(values.memory) * 1024 * 1024,
  // v86 builds a card for the types it knows, and without `net_device` an NE2000.
  net_device: { type: 'none' },
  disable_speaker: true,
  autostart: true,
});

let pending = [];
let timer;

function flush() {
  clearTimeout(timer);
  timer = undefined;
  process.stdout.write(Uint8Array.from(pending));
  pending = [];
}

machine.add_listener('serial0-output-byte', (byte) => {
  pending.push(byte);
  if (byte === LINE_FEED) flush();
  else timer ??= setTimeout(flush, PARTIAL_LINE_MS);
});
