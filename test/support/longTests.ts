/** Leaves tests of many minutes out of an ordinary run. */
import type { Context } from 'mocha';
import { leaveOut } from './leaveOut';

/** Ends the test as skipped unless the environment asks for long tests. */
export function onlyInLongMode(context: Context): void {
  if (process.env['SHADOWBOX_LONG_TESTS'] !== '1') leaveOut(context, 'long: SHADOWBOX_LONG_TESTS=1 runs it');
}
