/** Guests that scripts/fetch-test-guests.mjs makes out of Debian packages: where they are, and how a test asks for them. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { Context } from 'mocha';
import { leaveOut } from '../../support/leaveOut';
import { GUESTS } from '../harness';
import { root } from '../../../scripts/lib/paths.mjs';

export const LINUX = path.join(GUESTS, 'linux');
export const MEMTEST = path.join(GUESTS, 'memtest86+');

/** Time to download 200 MB and unpack them, in milliseconds. */
export const FETCHING_MS = 15 * 60_000;

/**
 * Makes the guests of these words if they are not there, or leaves out what asks for them.
 * @param words `kernels`, `stress`, `memtest`, `disk-amd64`: see the script
 */
export function needGuests(context: Context, ...words: readonly string[]): void {
  const script = path.join(root, 'scripts', 'fetch-test-guests.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8', timeout: FETCHING_MS });
  if (status === 0) return;
  console.log(stderr);
  leaveOut(context, `no ${words.join(', ')} (node scripts/fetch-test-guests.mjs says why)`);
}
