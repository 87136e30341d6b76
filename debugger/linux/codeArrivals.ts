/**
 * Where the kernel comes to when code has come into a process and has not run yet: that is where breakpoints in programs and libraries
 * are set.
 */
import type { GateExpression } from '../../src/monitor/machine/session';
import type { RenewalPlace } from '../breakpoints';
import type { LinuxKernel } from './linuxKernel';
import type { UserLayout } from './userMemory';

/** VM_EXEC of an area's flags (include/linux/mm.h). */
const MAY_EXECUTE = 4n;
/** The register of a function's first argument: the psABI's, and that of `-mregparm=3`. */
const FIRST_ARGUMENT = { 4: 'eax', 8: 'rdi' } as const;

/** @param layout undefined where it is not known: then what a process maps is not seen */
export function codeArrivals(kernel: Pick<LinuxKernel, 'address' | 'pointerBytes'>, layout: UserLayout | undefined): RenewalPlace[] {
  // A program has been read, and is about to begin.
  const begun = kernel.address('finalize_exec');
  // An area has come, or other rights to one: its `struct vm_area_struct` is the argument.
  const mapped = kernel.address('perf_event_mmap');
  return [
    ...(begun === undefined ? [] : [{ linear: begun }]),
    ...(mapped === undefined || !layout ? [] : [{ linear: mapped, gate: { condition: isFileOfCode(kernel.pointerBytes, layout.area) } }]),
  ];
}

function isFileOfCode(word: 4 | 8, { file, flags }: UserLayout['area']): GateExpression {
  const field = (offset: number): GateExpression => ({
    kind: 'memory', space: 'linear', bytes: word,
    address: { kind: 'binary', op: '+', left: { kind: 'register', name: FIRST_ARGUMENT[word] }, right: { kind: 'constant', value: BigInt(offset) } },
  });
  return { kind: 'and', left: field(file), right: { kind: 'binary', op: '&', left: field(flags), right: { kind: 'constant', value: MAY_EXECUTE } } };
}
