/** Moments of a time line that a person has given a name, oldest first. */
import { MachineError } from './blame';
import { compare, type Position } from './position';
import type { BookmarkChange } from './session';

/** A moment with a name. */
export interface Bookmark {
  readonly name: string;
  readonly position: Position;
}

/** Characters of a name: it has to fit beside the others. */
const LONGEST_NAME = 80;
const MOST_BOOKMARKS = 1000;

export class Bookmarks {
  private marks: readonly Bookmark[] = [];

  get list(): readonly Bookmark[] {
    return this.marks;
  }

  /** Takes these in place of all there were. */
  begin(marks: readonly Bookmark[]): void {
    this.marks = sorted(marks);
  }

  /** Adds, renames or removes one. Throws MachineError (blame: user) in words. */
  change(change: BookmarkChange, present: Position): void {
    const others = this.marks.filter(({ name }) => name !== change.name);
    if (change.kind === 'add') {
      this.checkNew(change.name);
      if (this.marks.length >= MOST_BOOKMARKS) throw new MachineError(`There are ${MOST_BOOKMARKS} bookmarks already: remove some.`, 'user');
      this.marks = sorted([...this.marks, { name: change.name, position: present }]);
      return;
    }
    const { position } = this.find(change.name);
    if (change.kind === 'remove') {
      this.marks = others;
      return;
    }
    if (change.to !== change.name) this.checkNew(change.to);
    this.marks = sorted([...others, { name: change.to, position }]);
  }

  /** The bookmark of that name. Throws MachineError that says which there are. */
  find(wanted: string): Bookmark {
    const found = this.marks.find(({ name }) => name === wanted);
    if (found) return found;
    const names = this.marks.map(({ name }) => `'${name}'`).join(', ');
    throw new MachineError(`There is no bookmark '${wanted}'${names === '' ? '' : `: there are ${names}`}.`, 'user');
  }

  /** Those that lie behind a moment go with what came after it. */
  forgetAfter(moment: Position): void {
    this.marks = this.marks.filter(({ position }) => compare(position, moment) <= 0);
  }

  private checkNew(name: string): void {
    if (name.trim() === '' || name.length > LONGEST_NAME) throw new MachineError(`A bookmark's name has 1 to ${LONGEST_NAME} characters.`, 'user');
    if (this.marks.some((mark) => mark.name === name)) throw new MachineError(`There is a bookmark '${name}' already: give this one another name.`, 'user');
  }
}

function sorted(marks: readonly Bookmark[]): readonly Bookmark[] {
  return [...marks].sort((one, other) => compare(one.position, other.position));
}
