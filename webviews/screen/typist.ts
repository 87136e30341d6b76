/**
 * Types a text on the guest's keyboard, at the rate of a held key, so that a guest with a small buffer (the BIOS: 15 keys) keeps up.
 */
import type { KeyMove } from './keyboard';
import { typed } from './usLayout';
import { plural, t } from '../ui/words';

const KEY_PAUSE_MS = 33;
/** A text is said to be typed every so many characters. */
const PROGRESS_STEP = 10;

export class Typist {
  private timer: number | undefined;

  constructor(
    private readonly press: (moves: readonly KeyMove[]) => void,
    private readonly progress: (done: number, all: number) => void,
    private readonly finished: (words: string) => void,
  ) {}

  /** Begins to type; a text under way is given up. */
  type(text: string): void {
    window.clearTimeout(this.timer);
    const { strokes, leftOut } = typed(text);
    const rest = leftOut.length === 0 ? '' : t(' Left out, for a US keyboard does not have them: {0}', leftOut.join(' '));
    const next = (at: number) => {
      if (at >= strokes.length) {
        this.timer = undefined;
        this.finished(plural(strokes.length, 'Typed {0} character.|Typed {0} characters.') + rest);
        return;
      }
      if (at % PROGRESS_STEP === 0) this.progress(at, strokes.length);
      this.press(strokes[at]);
      this.timer = window.setTimeout(() => { next(at + 1); }, KEY_PAUSE_MS);
    };
    next(0);
  }

  stop(): void {
    if (this.timer === undefined) return;
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.finished(t('Stopped typing.'));
  }
}
