/**
 * The one error type that crosses from the monitor context to a person: it carries whose doing the failure is,
 * which decides how it is shown (a user's slip is a sentence, our own bug is a stack trace).
 */

/** Whose doing a failure is: the person's at the keyboard, the guest program's, or ours. */
export type Blame = 'user' | 'guest' | 'internal';

/** A request that could not be done. The message says what is wrong and what to do. */
export class MachineError extends Error {
  constructor(
    message: string,
    readonly blame: Blame,
    /** Configuration field that it is about, where there is one: 'kernel', 'memory'. */
    readonly field?: string,
  ) {
    super(message);
    this.name = 'MachineError';
  }
}
