/** A machine that boots a floppy image in memory with one of the BIOSes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { boot, type Guest } from '../harness';

export async function monitorImages(firmware: string, floppy: Uint8Array): Promise<Guest> {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-floppy-'));
  try {
    const file = path.join(folder, 'floppy.img');
    writeFileSync(file, floppy);
    return await boot({ firmware, floppy: file, memory: '32M' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
