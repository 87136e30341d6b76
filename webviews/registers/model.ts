/**
 * What the panel shows, as rows of cells: the same for every kind of register, so that keyboard, editing, filter and marks know no kinds.
 */
import type { PanelRequests, PointerNote } from '../../debugger/panelProtocol';

/** The processor's state as it comes over the wire: wide numbers are '0x…' text. */
export type CpuAnswer = PanelRequests['shadowbox.cpu']['answer'];
export type RegisterAnswer = CpuAnswer['general'][number];
export type SegmentAnswer = CpuAnswer['segments'][number];

export type GroupName = 'general' | 'flags' | 'segments' | 'control' | 'debug' | 'x87' | 'vector' | 'msrs';

/** One thing in a row that can be gone to, and mostly set. */
export interface Cell {
  /** Unique in the panel; what `setRegister` knows it by, for those that can be set. */
  readonly name: string;
  /** `value`: the register as a whole; `bit`: a named bit or field; `lane`, `part`: of a register; `text`: only says something. */
  readonly kind: 'value' | 'bit' | 'lane' | 'part' | 'text';
  /** What stands above or before it: 'AL', 'ZF'. */
  readonly label?: string;
  readonly text: string;
  /** What a screen reader says, and the tooltip has. */
  readonly words: string;
  /** A bit that is set; a part that counts. */
  readonly on?: boolean;
  readonly changed?: boolean;
  /** As it was at the last stop. */
  readonly before?: string;
  /** What to begin with when it is edited; missing when it cannot be. */
  readonly edit?: string;
  /** Enter sets a single bit to this, without typing. */
  readonly toggleTo?: string;
  /** Why it cannot be set. */
  readonly fixed?: string;
}

export interface Row {
  /** Unique in the panel. */
  readonly key: string;
  readonly name: string;
  readonly cells: readonly Cell[];
  /** In the row's second line, when it is open; a register without any cannot be opened. */
  readonly more: readonly Cell[];
  /** In words, at the end of the row. */
  readonly note?: string;
  /** An address that the row can be followed to. */
  readonly pointer?: PointerNote;
  /** The register's lanes are shown in this way, which can be changed. */
  readonly lanes?: LaneView;
  readonly marked?: boolean;
  /** What the filter looks through besides names. */
  readonly search?: string;
}

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  readonly rows: readonly Row[];
  readonly changes: number;
}

export const LANE_VIEWS = ['u8', 'u16', 'u32', 'u64', 'f32', 'f64'] as const;
export type LaneView = (typeof LANE_VIEWS)[number];

/** What rows are made from. */
export interface Source {
  readonly cpu: CpuAnswer;
  /** The same at the stop to compare with. */
  readonly before: CpuAnswer | undefined;
  readonly pointers: ReadonlyMap<string, PointerNote>;
  readonly laneView: (register: string) => LaneView;
}
