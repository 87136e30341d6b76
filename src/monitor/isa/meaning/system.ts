/**
 * Meanings of simple system instructions, as operating systems execute them. Virtual-8086 tasks, and programs that may not
 * do what they try, are left to the services of the same names.
 *
 * Source: Intel SDM vol. 2.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { IF, RF, VM, statusImage } from '../flags';

const IOPL_SHIFT = 12;

/** CLI where the task may clear IF: its IOPL lets it, and real mode. */
const cli: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const flags = e.let(e.systemFlags());
    giveUpIf(e.gtU(e.privilegeLevel(), e.and(e.shrU(flags, e.i32(IOPL_SHIFT)), e.i32(3))));
    e.setSystemFlags(e.and(flags, e.i32(~IF)));
  });

const pushf: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const flags = e.let(e.systemFlags());
    giveUpIf(e.and(flags, e.i32(VM)));
    const image = e.let(e.and(e.or(flags, statusImage(e)), e.i32(~RF)));
    e.push(e.size === 64 ? e.toI64Unsigned(image) : image, e.size);
  });

/** A selector goes to a register in the operand size, and to memory as 16 bits. */
const moveFromSegment: Meaning = (e) => {
  const selector = e.selector(e.toI32(e.immediate()));
  if (e.isRegister(0)) e.write(0, e.toOperand(selector));
  else e.write(0, selector, 16);
};

const pushSegment = (segment: number): Meaning => (e: Emitter) => {
  const selector: Value = e.selector(e.i32(segment));
  e.pushSelector(selector, e.size);
};

/** Meanings by name. */
export const system: Readonly<Record<string, Meaning>> = {
  cli,
  pushf,
  mov_from_seg: moveFromSegment,
  ...Object.fromEntries(['es', 'cs', 'ss', 'ds', 'fs', 'gs'].map((name, segment) => [`push_${name}`, pushSegment(segment)])),
  swapgs: (e) =>
    e.orService((giveUpIf) => {
      giveUpIf(e.privilegeLevel());
      e.exchangeGsBase();
    }),
};
