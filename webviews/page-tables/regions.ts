/**
 * The parts that a linear address space is divided into, by the processor (its two halves) and by the system in it.
 */
import { canonical, placeOf, upperHalf } from './format';
import { shownSpace, tableKey, type State } from './state';
import { S } from './strings';

export interface Region {
  readonly name: string;
  /** Places in the space (format.ts); `to` is the first behind it. */
  readonly from: bigint;
  readonly to: bigint;
}

type Layout = readonly (readonly [name: string, from: bigint, to: bigint])[];

/**
 * Linux, Documentation/arch/x86/x86_64/mm.rst. The first list moves when the kernel randomises its memory (KASLR): it holds where the first
 * mapping of all memory is where it would be without. The second never moves.
 */
const MOVABLE_4: Layout = [
  [S.region.direct, 0xffff888000000000n, 0xffffc88000000000n], [S.region.vmalloc, 0xffffc90000000000n, 0xffffe90000000000n],
  [S.region.vmemmap, 0xffffea0000000000n, 0xffffeb0000000000n],
];
const MOVABLE_5: Layout = [
  [S.region.direct, 0xff11000000000000n, 0xff91000000000000n], [S.region.vmalloc, 0xffa0000000000000n, 0xffd2000000000000n],
  [S.region.vmemmap, 0xffd4000000000000n, 0xffd6000000000000n],
];
const FIXED: Layout = [
  [S.region.cpuEntry, 0xfffffe0000000000n, 0xfffffe8000000000n], [S.region.text, 0xffffffff80000000n, 0xffffffffa0000000n],
  [S.region.modules, 0xffffffffa0000000n, 0xffffffffff000000n],
];
/** The usual division of 32-bit kernels (CONFIG_VMSPLIT_3G). */
const SPLIT_32 = 0xc0000000n;

/** Whether the guest's root table has an entry in use at this address. */
function isInUse(state: State, linear: bigint): boolean {
  const space = shownSpace(state);
  const root = space && state.tables.get(tableKey(space.key, undefined, 0n))?.pair;
  if (space === undefined || root === undefined) return false;
  const place = placeOf(space.mode, linear);
  return root.guest.some((run) => run.linear <= place && place < run.linear + run.bytes);
}

/** The parts of the space that is drawn, from low to high. */
export function regionsOf(state: State): readonly Region[] {
  const space = shownSpace(state);
  if (space === undefined || space.mode === 'none') return [];
  const { mode } = space;
  const isLinux = state.system !== undefined;
  const half = upperHalf(mode);
  if (half === undefined) {
    return isLinux ? [{ name: S.region.user, from: 0n, to: SPLIT_32 }, { name: S.region.kernel, from: SPLIT_32, to: 1n << 32n }] : [];
  }
  if (!isLinux) return [{ name: S.region.lower, from: 0n, to: half }, { name: S.region.upper, from: half, to: half * 2n }];
  const movable = mode === '5-level' ? MOVABLE_5 : MOVABLE_4;
  const kernel = [...isInUse(state, movable[0][1]) ? movable : [], ...FIXED];
  return [
    { name: S.region.user, from: 0n, to: half },
    ...kernel.map(([name, from, to]) => ({ name, from: placeOf(mode, from), to: placeOf(mode, to - 1n) + 1n })),
  ];
}

/** The region that a place is in. */
export function regionAt(regions: readonly Region[], place: bigint): Region | undefined {
  return regions.find(({ from, to }) => place >= from && place < to);
}

/** The first and last address of a region, for words. */
export function endsOf(mode: Parameters<typeof canonical>[0], { from, to }: Region): readonly [bigint, bigint] {
  return [canonical(mode, from), canonical(mode, to - 1n)];
}
