/** What the two processes of `npm run bad-guests` tell each other. */
import type { Outcome } from './campaign';
import type { Mode } from './guest';

/** The child's work: plain data. */
export interface Order {
  readonly checkout: string;
  readonly seed: number;
  readonly modes: readonly Mode[];
  readonly seconds: number;
  readonly most: number;
  /** Guests of the first seed alone. */
  readonly only: boolean;
  /** A saved case, as text. */
  readonly saved?: string;
}

export type FromChild =
  | { readonly kind: 'guest'; readonly mode: Mode; readonly seed: number }
  | { readonly kind: 'slice' }
  | { readonly kind: 'found'; readonly name: string; readonly text: string; readonly lines: readonly string[] }
  | { readonly kind: 'done'; readonly outcome: Outcome };
