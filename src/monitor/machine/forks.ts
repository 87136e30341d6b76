/**
 * Futures that were left when the past was changed. Of each its whole input is kept, so that it can be gone to again: back to a
 * snapshot that it has in common with the present time line, and on from there by its own input.
 */
import type { Bookmark } from './bookmarks';
import { MachineError } from './blame';
import type { LoggedEdit } from './inputLog';
import { compare, type Position } from './position';
import type { LoggedInput } from './session';

/** A time line as far as it was ever run: what came in, what was changed, where it ended. */
export interface Branch {
  readonly inputs: readonly LoggedInput[];
  readonly edits: readonly LoggedEdit[];
  readonly end: Position;
  readonly bookmarks: readonly Bookmark[];
}

/** A branch that was left, and the moment at which it was. */
export interface Fork {
  readonly id: number;
  readonly at: Position;
  readonly branch: Branch;
}

/** With more, the oldest is forgotten. */
const MOST_FORKS = 32;

export class Forks {
  private forks: readonly Fork[] = [];
  private lastId = 0;

  get list(): readonly Fork[] {
    return this.forks;
  }

  /** Keeps a branch that is left at a moment. */
  keep(branch: Branch, at: Position): Fork {
    const fork = { id: ++this.lastId, at, branch };
    this.forks = [...this.forks, fork].slice(-MOST_FORKS);
    return fork;
  }

  /** Throws MachineError that says which there are. */
  find(id: number): Fork {
    const found = this.forks.find((fork) => fork.id === id);
    if (found) return found;
    const known = this.forks.map((fork) => `fork ${fork.id}`);
    const others = known.length === 0 ? 'the past has not been changed' : `there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`;
    throw new MachineError(`There is no fork ${id}: ${others}.`, 'user');
  }

  remove(id: number): void {
    this.forks = this.forks.filter((fork) => fork.id !== id);
  }

  clear(): void {
    this.forks = [];
  }
}

/** How many inputs and edits two branches begin with in common: what both have lived through is the same object in both. */
function shared<T>(one: readonly T[], other: readonly T[]): number {
  let count = 0;
  while (count < one.length && count < other.length && one[count] === other[count]) count++;
  return count;
}

/** A test for moments of `present`: whether `other` has gone through them, too, and through nothing more by then. */
export function commonPast(present: Branch, other: Branch): (moment: Position) => boolean {
  const inputs = shared(present.inputs, other.inputs);
  const edits = shared(present.edits, other.edits);
  const input = other.inputs[inputs];
  const edit = other.edits[edits];
  return (moment) => {
    if (moment.inputs > inputs || moment.edits > edits || compare(moment, other.end) > 0) return false;
    if (edit && compare(moment, edit.at) > 0) return false;
    return input === undefined || (moment.time <= input.time && moment.retired <= input.retired && moment.events <= input.events);
  };
}
