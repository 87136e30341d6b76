/**
 * What came into a machine from outside, and what a debugger changed in it, each with its moment. A machine that has gone back in
 * time, or replays a recording, finds in here what is still to come.
 */
import type { MachineInput } from '../devices/device';
import type { Position } from './position';
import type { LoggedInput, MemorySpace } from './session';

/** A change by the debugger, which is made again when its moment is run through again. */
export type Edit =
  | { readonly kind: 'register'; readonly name: string; readonly value: bigint; readonly cpu?: number }
  | { readonly kind: 'memory'; readonly space: MemorySpace; readonly address: bigint; readonly bytes: Uint8Array };

export interface LoggedEdit {
  readonly at: Position;
  readonly edit: Edit;
}

export class InputLog {
  private inputs: LoggedInput[] = [];
  private edits: LoggedEdit[] = [];
  /** How many of each have happened. */
  private taken = 0;
  private edited = 0;

  /** Begins anew, with what a recording says to come. */
  begin(inputs: readonly LoggedInput[], edits: readonly LoggedEdit[]): void {
    this.replace(inputs, edits);
    this.taken = this.edited = 0;
  }

  /** Another future: it begins with as many inputs and edits of the past as have happened. */
  replace(inputs: readonly LoggedInput[], edits: readonly LoggedEdit[]): void {
    this.inputs = [...inputs];
    this.edits = [...edits];
  }

  /** All that has happened, and what is still to come. */
  get whole(): { readonly inputs: readonly LoggedInput[]; readonly edits: readonly LoggedEdit[] } {
    return { inputs: this.inputs.slice(), edits: this.edits.slice() };
  }

  /** Inputs, and edits, that have happened. */
  get counts(): { readonly inputs: number; readonly edits: number } {
    return { inputs: this.taken, edits: this.edited };
  }

  /** Goes to a moment before which so many had happened. */
  seek(inputs: number, edits: number): void {
    this.taken = inputs;
    this.edited = edits;
  }

  /** Whether anything is still to come. */
  get hasFuture(): boolean {
    return this.taken < this.inputs.length || this.edited < this.edits.length;
  }

  get nextInput(): LoggedInput | undefined {
    return this.inputs[this.taken];
  }

  get nextEdit(): LoggedEdit | undefined {
    return this.edits[this.edited];
  }

  /** The next input, or edit, has happened. */
  noteInput(): void {
    this.taken++;
  }
  noteEdit(): void {
    this.edited++;
  }

  /** Something new has happened now. What was to come is to be forgotten before. */
  addInput(moment: Omit<LoggedInput, 'input'>, input: MachineInput): void {
    this.inputs.push({ ...moment, input });
    this.taken++;
  }
  addEdit(at: Position, edit: Edit): void {
    this.edits.push({ at, edit });
    this.edited++;
  }

  /** What was still to come will not come. */
  forgetFuture(): void {
    this.inputs.length = this.taken;
    this.edits.length = this.edited;
  }

  /** All that has happened so far. */
  get past(): readonly LoggedInput[] {
    return this.inputs.slice(0, this.taken);
  }
}
