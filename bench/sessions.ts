/** Which boots a benchmark consists of: each is one guest that every engine boots, with the parts that it does then. */
import { FLAVOUR_OF, SHORT_BOOT, ownGuest } from './ownGuest';
import type { Architecture, Flavour, Guest } from './ownGuest';
import { PARTS } from './parts';
import type { Suite } from './parts';
import type { EngineName } from './peers/peer';

export type SuiteChoice = Suite | 'boot' | 'all';
export const SUITES: readonly SuiteChoice[] = ['boot', 'parts', 'shell', 'all'];

/** One boot of a guest. */
export interface Session {
  /** The kernel's flavour, or 'memory'. */
  readonly name: string;
  readonly title: string;
  readonly guest: Guest;
  /** Names of the parts, in order. */
  readonly parts: readonly string[];
  /** Whether all of them are done once more behind that. */
  readonly again: boolean;
  /** Whether the time of the boot is one of the figures. */
  readonly countsBoot: boolean;
  /** The line of the serial output that ends it: a regular expression without CR, ^ and $ being the line's ends. */
  readonly last: string;
  /** Who takes part; everybody when it is not there. */
  readonly only?: readonly EngineName[];
}

export interface Choice {
  readonly architecture: Architecture;
  readonly suite: SuiteChoice;
  /** Names of parts; all of the suite when it is not there. */
  readonly only?: readonly string[];
  /** Whether all parts are done a second time. */
  readonly again?: boolean;
}

/** Kernels whose boot is measured, on each architecture; the first of them runs the parts. */
const FLAVOURS: Readonly<Record<Architecture, readonly Flavour[]>> = { i386: [FLAVOUR_OF.i386, '686-pae'], amd64: [FLAVOUR_OF.amd64] };

/** The session that shows how much of the host's memory a guest of 256 MiB costs us at its shell. */
function memorySession(architecture: Architecture): Session {
  const flavour = FLAVOUR_OF[architecture];
  return {
    name: 'memory',
    title: `memory at a shell of ${flavour}`,
    guest: { ...ownGuest(flavour, []), initrd: `.cache/guests/linux/shell-${architecture}.cpio` },
    parts: [],
    again: false,
    countsBoot: false,
    last: '^init: a shell on ttyS0$',
    only: ['ours'],
  };
}

/** The parts of a choice, in the order in which they run. */
function partsOf({ suite, only }: Choice): readonly string[] {
  if (only !== undefined) return PARTS.filter(({ name }) => only.includes(name)).map(({ name }) => name);
  return PARTS.filter((part) => suite === 'all' || part.suite === suite).map(({ name }) => name);
}

/** The sessions of a choice, in the order in which they run. */
export function sessionsOf(choice: Choice): readonly Session[] {
  const { architecture, suite, only, again = false } = choice;
  const boots = only === undefined && (suite === 'boot' || suite === 'all');
  const flavours = boots ? FLAVOURS[architecture] : FLAVOURS[architecture].slice(0, 1);
  const sessions = flavours.map((flavour, index) => {
    const parts = index === 0 ? partsOf(choice) : [];
    return { name: flavour, title: `Debian 12's kernel 6.1 -${flavour}`, guest: ownGuest(flavour, again ? [...parts, ...parts] : parts, boots ? '' : SHORT_BOOT), parts, again, countsBoot: boots, last: '^@done$' };
  });
  return boots ? [...sessions, memorySession(architecture)] : sessions;
}
