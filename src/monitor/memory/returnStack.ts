/**
 * The places that translated code waits at for a return: a region that calls a function which it does not contain does so on the host's stack, and
 * goes on when the guest returns to behind the call. So the host predicts returns of the guest as its own, which it never does with jumps that all come
 * from one place. Here, on a stack beside the host's, are the offsets in CS (i64) that returns are waited for at; a near return looks whether it leads to the last one.
 *
 * Nothing says that calls and returns are pairs: a return that leads elsewhere goes there as any jump does, and leaves the stack as it is, or gives up
 * what stands above where it leads. When generated code returns to TypeScript, all frames return, and the stack is empty.
 */
import { MONITOR_WORDS, RETURN_ENTRY_BYTES, RETURN_STACK } from './layout';

/**
 * The upper half of an offset that no return leads to, whose lower half is 0: no canonical address, and none of 32 bits. At the stack's bottom, and
 * instead of places that are not good any more.
 */
const NO_OFFSET_HIGH = 0x80000000;

function leadNowhere(view: DataView, entry: number): void {
  view.setUint32(entry, 0, true);
  view.setUint32(entry + 4, NO_OFFSET_HIGH, true);
}

/** Nothing waits for a return: generated code begins. */
export function clearReturns(view: DataView): void {
  view.setUint32(MONITOR_WORDS.returnTop, RETURN_STACK, true);
  leadNowhere(view, RETURN_STACK);
}

/** No return leads to the places that are waited for now: what waits there is not good any more, or may not be. */
export function disappointReturns(view: DataView): void {
  const top = view.getUint32(MONITOR_WORDS.returnTop, true);
  for (let entry = RETURN_STACK + RETURN_ENTRY_BYTES; entry <= top; entry += RETURN_ENTRY_BYTES) leadNowhere(view, entry);
}
