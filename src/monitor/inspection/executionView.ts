/**
 * How guest code is run, as people ask for it: the execution mode and what it was decided by, switches and exits by cause,
 * and what the engine holds.
 */
import type { Executor } from '../engine/executor';
import type { ModeReason } from '../engine/executionMode';
import type { ShadowCounters } from '../memory/shadowCounters';
import type { ExecutionModeName, ExecutionState } from './queries';

const STORIES: Readonly<Record<ModeReason, string>> = {
  unprivileged: 'User code (CPL 3, IOPL below 3, IF set) in flat or 64-bit segments: translated without guards.',
  supervisor: 'Supervisor code (CPL below 3): its instructions may change what the monitor has to know of, and are translated with guards.',
  'io-privilege': 'User code with IOPL 3: it may change IF and reach ports, and is translated with guards.',
  'interrupts-off': 'User code with IF clear: translated with guards.',
  segments: 'User code in segments that are not flat: each access is checked against its segment.',
  'real-mode': 'Real mode: each access is checked against its segment.',
  'virtual-8086': 'A virtual-8086 task: each access is checked against its segment.',
  'upper-halves': 'The upper halves of registers are not zero, which translated code of less than 64 bits could not keep: interpreted.',
  'no-translator': 'The engine is the interpreter.',
  'trap-flag': 'TF is set: instruction by instruction.',
};

/** Modes, in the spelling that counters begin with. */
const MODES: readonly ExecutionModeName[] = ['direct', 'guarded', 'interpreted', 'stepped'];

export function executionView(executor: Executor, shadow: ShadowCounters): ExecutionState {
  const { mode, reason } = executor.locator.decision();
  const { log } = executor.locator;
  const instructions = log.instructionsUntil(executor.retired());
  const { switches } = log;
  return {
    mode,
    reason,
    story: STORIES[reason],
    instructions,
    switches: MODES.flatMap((to) => Object.entries(to === 'stepped' ? {} : switches[to]).flatMap(([cause, count]) => (count > 0 ? [{ to, cause, count }] : []))),
    exits: { ...executor.counters },
    held: executor.code.held,
    translator: { ...executor.translator.counters, ...executor.code.regionCounters },
    code: { ...executor.code.counters },
    shadow: { ...shadow },
  };
}
