/** Why an expression is no gate of the monitor's. */

/** The expression has to be evaluated by the adapter. */
export class NotCompilable extends Error {}

/** Nor can the adapter evaluate it, whatever the values are: the message is a sentence. */
export class Meaningless extends NotCompilable {}

/** Throws NotCompilable. */
export function refuse(why: string): never {
  throw new NotCompilable(why);
}

/** Throws Meaningless. */
export function meaningless(why: string): never {
  throw new Meaningless(why);
}
