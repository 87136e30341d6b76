/**
 * The panel's questions, and its list of regions: filtered, sorted, with what share of the profile is each one's.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';
import type { Inquiries } from '../ui/inquiries';
import { ask, baseOf, bodyOf } from '../ui/typedQuestions';

export type Region = PanelRequests['shadowbox.regions']['answer']['regions'][number];
export type RegionText = NonNullable<PanelRequests['shadowbox.region']['answer']['region']>;
export type Execution = PanelRequests['shadowbox.execution']['answer'];
export type Profile = PanelRequests['shadowbox.profile']['answer'];
export type Node = Profile['nodes'][number];

export const REGIONS = ask('shadowbox.regions', {});
export const EXECUTION = ask('shadowbox.execution', {});
export const PROFILE = ask('shadowbox.profile', {});
export const regionAt = (entry: number) => ask('shadowbox.region', { entry });

export const SORTS = ['share', 'lately', 'newest', 'instructions', 'address', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** A line of the list. */
export interface Row {
  readonly region: Region;
  /** Part of the profile's instructions that were retired in its function itself, 0 to 1. */
  readonly share: number;
  /** Whether it was not there at the last stop. */
  readonly isNew: boolean;
}

/** Height of a row in CSS pixels: main.css has it, too. */
export const LINE = 22;

export interface List {
  readonly rows: readonly Row[];
  readonly tops: readonly number[];
  readonly all: number;
}

/** A symbol without the distance from it. */
export const functionOf = (name: string): string => name.replace(/\+0x[0-9a-f]+/, '');

/** What each function has retired itself, without its callees, as a part of all. */
export function sharesOf(profile: Profile | undefined): ReadonlyMap<string, number> {
  const own = new Map<string, number>();
  const { nodes = [] } = profile ?? {};
  nodes.forEach(({ name, depth, retired }, i) => {
    let callees = 0;
    for (let at = i + 1; at < nodes.length && nodes[at].depth > depth; at++) if (nodes[at].depth === depth + 1) callees += nodes[at].retired;
    own.set(name, (own.get(name) ?? 0) + Math.max(0, retired - callees));
  });
  const all = Math.max(1, profile?.retired ?? 1);
  return new Map([...own].map(([name, retired]) => [name, retired / all]));
}

export const addressOf = ({ linear, physical }: Region): bigint => (linear === undefined ? BigInt(physical) : BigInt(linear));

const later = (a: Region, b: Region): number => b.module - a.module || b.entry - a.entry;

const COMPARE: Readonly<Record<Sort, (a: Row, b: Row) => number>> = {
  share: (a, b) => b.share - a.share || lately(a.region, b.region),
  lately: (a, b) => lately(a.region, b.region),
  newest: (a, b) => later(a.region, b.region),
  instructions: (a, b) => b.region.instructions - a.region.instructions || later(a.region, b.region),
  address: (a, b) => (addressOf(a.region) < addressOf(b.region) ? -1 : 1),
  // Those without a symbol last: what collates behind all letters is the language's affair.
  name: (a, b) => Number(a.region.name === undefined) - Number(b.region.name === undefined)
    || (a.region.name ?? '').localeCompare(b.region.name ?? '') || (addressOf(a.region) < addressOf(b.region) ? -1 : 1),
};

/** Those that a TLB leads to first. */
function lately(a: Region, b: Region): number {
  return Number(a.cold === true) - Number(b.cold === true) || later(a, b);
}

function matches(region: Region, filter: string): boolean {
  const text = `${region.name ?? ''} ${region.linear ?? ''} 0x${region.physical.toString(16)} ${region.bits}-bit ${region.model} ${region.state}`.toLowerCase();
  return filter.trim().toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

interface Made {
  readonly key: readonly unknown[];
  readonly list: List;
}
let last: Made | undefined;

/** The rows as they are shown now; undefined while there is no answer. The same answers give the same list. */
export function listOf({ filter, sort }: { readonly filter: string; readonly sort: Sort }, inquiries: Inquiries): List | undefined {
  const answer = bodyOf(inquiries, REGIONS);
  if (answer === undefined) return undefined;
  const before = baseOf(inquiries, REGIONS);
  const profile = bodyOf(inquiries, PROFILE);
  const key = [answer, before, profile, filter, sort];
  if (last?.key.every((part, i) => part === key[i])) return last.list;
  const known = before === undefined || before === answer ? undefined : new Set(before.regions.map(({ entry, module }) => `${entry} ${module}`));
  const shares = sharesOf(profile);
  const rows = answer.regions.filter((region) => matches(region, filter)).map((region): Row => ({
    region, isNew: known !== undefined && !known.has(`${region.entry} ${region.module}`),
    share: region.name === undefined ? 0 : (shares.get(functionOf(region.name)) ?? 0),
  })).sort(COMPARE[sort]);
  const list = { rows, tops: Array.from({ length: rows.length + 1 }, (_, i) => i * LINE), all: answer.regions.length + answer.left };
  last = { key, list };
  return list;
}
