/**
 * What address spaces are called: by the Linux process whose page tables they are, and by what tells spaces under one CR3
 * apart.
 */
import type { ProcessInfo } from '../../debugger/panelProtocol';
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { hex } from '../ui/numbers';
import { formatOf } from './format';
import type { State } from './state';
import { S } from './strings';

/**
 * With page-table isolation a process has two roots, one page apart, in 8 KiB that begin at a multiple of 8 KiB: its own and the
 * kernel's first, then the one that it runs on in user mode (Linux, arch/x86/entry/calling.h: PTI_USER_PGTABLE_BIT is bit 12).
 */
const USER_ROOT_BIT = 0x1000;

export interface SpaceName {
  /** 'bash (312)', or undefined where nobody is known to own it. */
  readonly owner: string | undefined;
  /** Which of a process's two spaces it is, where it has two. */
  readonly half: 'kernel' | 'user' | undefined;
  /** CR3 in digits. */
  readonly cr3: string;
  /** The paging mode, and the rules for entries where another space differs in them alone. */
  readonly mode: string;
}

/** The process whose tables these are: threads share them, and the first of them has given them their name. */
function ownerOf(cr3: number, processes: readonly ProcessInfo[]): ProcessInfo | undefined {
  return processes.find((process) => process.cr3 === cr3);
}

export function spaceName(space: AddressSpaceInfo, { spaces = [], processes = [] }: Pick<State, 'spaces' | 'processes'>): SpaceName {
  const own = ownerOf(space.cr3, processes);
  const lower = own === undefined && (space.cr3 & USER_ROOT_BIT) !== 0 ? ownerOf(space.cr3 - USER_ROOT_BIT, processes) : undefined;
  const owner = own ?? lower;
  const hasUserHalf = own !== undefined && (space.cr3 & USER_ROOT_BIT) === 0 && ownerOf(space.cr3 + USER_ROOT_BIT, processes) === undefined
    && spaces.some(({ cr3 }) => cr3 === space.cr3 + USER_ROOT_BIT);
  return {
    owner: owner && S.process(owner.name, owner.pid),
    half: lower !== undefined ? 'user' : hasUserHalf ? 'kernel' : undefined,
    cr3: hex(space.cr3, formatOf(space.mode).physicalDigits),
    mode: modeName(space, spaces),
  };
}

/** The mode of a space, with the rules for its entries where another space differs from it in them alone. */
function modeName(space: AddressSpaceInfo, spaces: readonly AddressSpaceInfo[]): string {
  if (space.mode === 'none') return S.pagingOff;
  const twins = spaces.filter(({ key, cr3, mode }) => key !== space.key && cr3 === space.cr3 && mode === space.mode);
  const rules = [
    twins.some(({ largePages }) => largePages !== space.largePages) && (space.largePages ? S.withLargePages : S.withoutLargePages),
    twins.some(({ noExecute }) => noExecute !== space.noExecute) && (space.noExecute ? S.withNoExecute : S.withoutNoExecute),
  ];
  return [space.mode, ...rules.filter((rule) => rule !== false)].join(', ');
}

/** All of it on one line. */
export function spaceWords({ owner, half, cr3, mode }: SpaceName, current: boolean): string {
  return S.spaceOption([owner, half && S.half[half]].filter((part) => part !== undefined).join(', '), cr3, mode, current);
}
