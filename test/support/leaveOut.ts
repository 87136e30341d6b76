/** Leaves a test out where it cannot run, with the reason in its title, so that `npm test` can list it. */
import type { Context } from 'mocha';

/**
 * Ends the test (or, in a `before` hook, the whole suite) as skipped.
 * @param reason what is missing and how to get it: 'no gcc -m32 (Debian: gcc-multilib)'
 */
export function leaveOut(context: Context, reason: string): never {
  const runnable = context.test;
  if (runnable === undefined) throw new Error('leaveOut is called outside a test');
  const inHook = 'type' in runnable && runnable.type === 'hook';
  const titled = inHook && runnable.parent !== undefined ? runnable.parent : runnable;
  titled.title += ` [left out: ${reason}]`;
  context.skip();
}
