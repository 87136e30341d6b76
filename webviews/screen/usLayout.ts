/**
 * Text as it is typed on a US keyboard: the moves of its keys.
 */
import { keysOf } from '../../src/keyboard/usLayout';
import { combination, type KeyMove } from './keyboard';

export interface TypedText {
  /** The moves of each character that has keys. */
  readonly strokes: readonly (readonly KeyMove[])[];
  /** Characters that a US keyboard does not have, each once. */
  readonly leftOut: readonly string[];
}

/** The key strokes behind a text. Line ends of any kind are Enter. */
export function typed(text: string): TypedText {
  const characters = [...text.replaceAll(/\r\n?/g, '\n')];
  const strokes = characters.flatMap((character) => {
    const keys = keysOf(character);
    return keys === undefined ? [] : [combination(keys)];
  });
  return { strokes, leftOut: [...new Set(characters.filter((character) => keysOf(character) === undefined))] };
}
