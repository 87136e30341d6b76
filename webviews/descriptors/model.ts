/**
 * What the panel shows, as rows of one kind for segments, descriptors, gates, vectors and tasks; made from the machine's answer.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';

export type Answer = PanelRequests['shadowbox.descriptors']['answer'];
export type Tables = Answer['tables'];
export type Entry = NonNullable<Tables['gdt']>['entries'][number];
export type Loaded = Tables['loaded'][number];
export type Task = Tables['tasks'][number];
export type Vector = NonNullable<Tables['vectors']>[number];

export type GroupName = 'loaded' | 'gdt' | 'ldt' | 'idt' | 'vectors' | 'tasks';

/** How a row stands: `stale` differs from what the processor holds, `refused` would raise something, `absent` says that it is not there. */
export type Standing = 'plain' | 'stale' | 'refused' | 'absent' | 'blank';

/** A named bit or field. */
export interface Bit {
  readonly name: string;
  readonly value: number;
  readonly meaning: string;
}

/** All that is to be said of the row that is selected. */
export interface Detail {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string, meaning?: string])[];
  readonly bits: readonly Bit[];
  /** What each use would come to: no fault, no reason means that it works. */
  readonly uses: readonly { readonly use: string; readonly fault?: string; readonly why?: string }[];
  readonly story: string;
  /** Linear addresses to go to: of the entry itself, and of the code or segment that it leads to. */
  readonly places: readonly { readonly what: string; readonly linear: string; readonly isCode: boolean }[];
}

export interface Row {
  /** Unique in the panel, and the same from stop to stop. */
  readonly key: string;
  /** Selector, vector or register. */
  readonly name: string;
  /** Type in words. */
  readonly type: string;
  /** Base and limit, or where it leads. */
  readonly place: string;
  readonly limit: string;
  readonly dpl: string;
  /** Who has loaded it, whose code it is, a symbol. */
  readonly note: string;
  readonly standing: Standing;
  /** To tell whether it has changed. */
  readonly raw: string;
  readonly detail: () => Detail;
}

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  /** Where the table lies, and how long it is. */
  readonly place: string;
  readonly rows: readonly Row[];
}
