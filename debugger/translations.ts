/**
 * The panels' requests about translated code: regions with their symbols, a region's guest instructions as text beside its
 * WebAssembly, and samples gathered into a tree of callers.
 */
import type { ProfileStack, RegionBlockView, RegionSummaryView } from '../src/monitor/inspection/queries';
import { hexOf, toWire } from './codec';
import { decodeInstruction } from './disassembly/decoder';
import type { NamedRegion, PanelCommand, PanelRequests, ProfileNode, RegionBlock } from './panelProtocol';
import { userError } from './ports';
import type { RequestArguments } from './requestArguments';
import type { Target } from './target';

type Handler<Command extends PanelCommand> = (args: RequestArguments) => Promise<PanelRequests[Command]['answer']>;
type Commands = 'shadowbox.regions' | 'shadowbox.region' | 'shadowbox.profile';

/** 'name' or 'name+0x12' of the symbol that an address is in. */
export type NameOf = (linear: bigint) => string | undefined;

const LARGEST_ENTRY = 2 ** 31;
/** Places of a profile that are told. */
const MOST_NODES = 2000;

function named(summary: RegionSummaryView, nameOf: NameOf): NamedRegion {
  const name = summary.linear === undefined ? undefined : nameOf(summary.linear);
  return { ...toWire(summary), ...(name === undefined ? {} : { name }) };
}

/** A block's instructions as text, at linear addresses where the region's is known. */
function blockText({ distance, physical, bytes, instructions, isLoop }: RegionBlockView, { linear, bits }: RegionSummaryView, nameOf: NameOf): RegionBlock {
  const start = linear === undefined ? BigInt(physical) : BigInt.asUintN(64, linear + BigInt(distance));
  const name = linear === undefined ? undefined : nameOf(start);
  const lines = instructions.map(({ id, offset, kind, patched }) => {
    const at = start + BigInt(offset);
    const decoded = decodeInstruction(bits, bytes.subarray(offset), at);
    const code = bytes.subarray(offset, offset + (decoded?.length ?? 1));
    return { id, kind, patched, address: hexOf(at), bytes: [...code].map((byte) => byte.toString(16).padStart(2, '0')).join(' '), text: decoded?.text ?? 'cannot be decoded' };
  });
  return { address: hexOf(start), isLoop, lines, ...(name === undefined ? {} : { name }) };
}

interface Place {
  readonly name: string;
  readonly linear: bigint;
  readonly user: boolean;
  samples: number;
  retired: number;
  readonly children: Map<string, Place>;
}

/** The function that an address is in, or its neighbourhood where no symbol says more. */
function functionAt(linear: bigint, user: boolean, nameOf: NameOf): string {
  const name = nameOf(linear)?.replace(/\+0x[0-9a-f]+/, '');
  return name ?? `${user ? 'user ' : ''}code at 0x${(linear >> 12n).toString(16)}xxx`;
}

/** Samples as a tree from the outermost callers in, a parent before its children, the heaviest first. */
export function profileTree(stacks: readonly ProfileStack[], nameOf: NameOf): { nodes: readonly ProfileNode[]; hidden: number } {
  const roots = new Map<string, Place>();
  for (const { addresses, user, samples, retired } of stacks) {
    let level = roots;
    [...addresses].reverse().forEach((address, i) => {
      // A caller goes on behind its call, which may be the last instruction of its function.
      const isCaller = i < addresses.length - 1;
      const name = functionAt(isCaller ? address - 1n : address, user, nameOf);
      let place = level.get(name);
      if (!place) level.set(name, (place = { name, linear: address, user, samples: 0, retired: 0, children: new Map() }));
      place.samples += samples;
      place.retired += retired;
      level = place.children;
    });
  }
  const nodes: ProfileNode[] = [];
  let hidden = 0;
  const visit = (level: ReadonlyMap<string, Place>, depth: number): void => {
    for (const { name, linear, user, samples, retired, children } of [...level.values()].sort((a, b) => b.retired - a.retired || b.samples - a.samples)) {
      if (nodes.length >= MOST_NODES) hidden++;
      else nodes.push({ name, depth, samples, retired, linear: hexOf(linear), user });
      visit(children, depth + 1);
    }
  };
  visit(roots, 0);
  return { nodes, hidden };
}

/** A handler for each request about translated code. */
export function translationHandlers({ inspect }: { readonly inspect: Pick<Target['inspect'], 'regions' | 'region' | 'profile'> }, nameOf: NameOf): { readonly [Command in Commands]: Handler<Command> } {
  return {
    'shadowbox.regions': async () => {
      const { regions, left } = await inspect.regions();
      return { regions: regions.map((region) => named(region, nameOf)), left };
    },
    'shadowbox.region': async (args) => {
      const details = await inspect.region(args.integer('entry', 0, LARGEST_ENTRY));
      if (!details) return {};
      const { summary, blocks, ...rest } = details;
      return { region: { ...toWire(rest), summary: named(summary, nameOf), blocks: blocks.map((block) => blockText(block, summary, nameOf)) } };
    },
    'shadowbox.profile': async (args) => {
      const action = args.optionalString('action');
      if (action !== undefined && action !== 'start' && action !== 'stop') throw userError(`shadowbox.profile: there is no action '${action}'; there are 'start' and 'stop'.`);
      const { stacks, ...rest } = await inspect.profile(action);
      return { ...rest, ...profileTree(stacks, nameOf) };
    },
  };
}
