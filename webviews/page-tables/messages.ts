/**
 * What can happen to the panel: the host's events and answers, and what a person does.
 */
import type { Inquiry } from './state';

export type Movement = 'up' | 'down' | 'pageUp' | 'pageDown' | 'home' | 'end' | 'left' | 'right';
export type Zoom = 'in' | 'out' | 'all';

/** Where else in the editor a walked address is shown: its bytes, its code, its frame in Physical Memory. */
export type Elsewhere = 'memory' | 'code' | 'frame';

export type Message =
  // From the extension.
  | { readonly type: 'event'; readonly event: string; readonly body: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly error: string }
  /** These inquiries have been sent, with ids from the state's `nextId` on. */
  | { readonly type: 'sent'; readonly inquiries: readonly Inquiry[] }
  /** Nothing has been heard of the machine for a while, though it runs. */
  | { readonly type: 'quiet' }
  // From the person.
  | { readonly type: 'pickSpace'; readonly key: string }
  /** The list of spaces opens or closes, is filtered, or its mark moves; Enter chooses what is marked. */
  | { readonly type: 'picker'; readonly open: boolean }
  | { readonly type: 'pickerFilter'; readonly text: string }
  | { readonly type: 'pickerMove'; readonly to: number | 'first' | 'last' }
  | { readonly type: 'pickActive' }
  | { readonly type: 'follow'; readonly on: boolean }
  | { readonly type: 'typeAddress'; readonly text: string }
  | { readonly type: 'walk'; readonly text: string }
  | { readonly type: 'walkSelected' }
  | { readonly type: 'walkStep'; readonly step: number }
  | { readonly type: 'closeWalk' }
  /** Folds the walk, or the legend, up or open again. */
  | { readonly type: 'fold'; readonly what: 'walk' | 'legend' }
  | { readonly type: 'toggle'; readonly key: string }
  | { readonly type: 'select'; readonly key: string }
  | { readonly type: 'move'; readonly to: Movement }
  /** Opens every table beside the selected row. */
  | { readonly type: 'openAll' }
  | { readonly type: 'hover'; readonly key: string | undefined }
  | { readonly type: 'scrolled'; readonly top: number; readonly height: number; readonly width: number }
  | { readonly type: 'goTo'; readonly linear: bigint }
  | { readonly type: 'stripStep'; readonly forward: boolean }
  | { readonly type: 'zoom'; readonly to: Zoom }
  /** Zooms so that a range of places fills the strip. */
  | { readonly type: 'zoomTo'; readonly from: bigint; readonly to: bigint }
  /** The walked address is to be looked at elsewhere in the editor. */
  | { readonly type: 'openWalked'; readonly as: Elsewhere }
  /** The editor could not do that. */
  | { readonly type: 'notOpened'; readonly error: string };
