/** Which values lie in bytes that a data breakpoint watches: the client marks these variables. */
import type { Place } from './addresses';
import type { Target } from './target';

/** Bytes at a linear address. */
export interface Span {
  readonly address: bigint;
  readonly bytes: number;
}

/** Watched bytes. */
export interface WatchedPlace {
  readonly place: Place;
  readonly bytes: number;
}

const PAGE = 4096n;
/** Physical addresses of more are not looked for: a value as large is seen by its parts. */
const MOST_PAGES = 256;

/** Whether each of some spans has a byte in common with what is watched, as a CPU maps memory now. */
export async function areWatched(spans: readonly (Span | undefined)[], watched: readonly WatchedPlace[], target: Target): Promise<readonly boolean[]> {
  if (watched.length === 0) return spans.map(() => false);
  const root = (await target.cpu()).control.find(({ name }) => name === 'cr3')?.value ?? 0n;
  const linear = watched.filter(({ place: { space } }) => space.kind === 'linear' || (space.kind === 'linearUnder' && pageOf(BigInt(space.cr3)) === pageOf(root)));
  const physical = watched.filter(({ place: { space } }) => space.kind === 'physical');
  const pages = new Map<bigint, Promise<bigint | undefined>>();
  const frameOf = (page: bigint): Promise<bigint | undefined> => {
    const known = pages.get(page) ?? physicalOf(page, target.index === undefined ? undefined : root, target);
    pages.set(page, known);
    return known;
  };
  return Promise.all(spans.map(async (span) => {
    if (span === undefined || span.bytes === 0) return false;
    if (linear.some((each) => overlap(span, each))) return true;
    if (physical.length === 0) return false;
    for (const piece of inPages(span)) {
      const page = pageOf(piece.address);
      const frame = await frameOf(page);
      const there = frame === undefined ? undefined : { address: frame + piece.address - page, bytes: piece.bytes };
      if (there && physical.some((each) => overlap(there, each))) return true;
    }
    return false;
  }));
}

/** Of a linear address; undefined where it has none. `root`: under this CR3 instead of the present one. */
async function physicalOf(linear: bigint, root: bigint | undefined, { inspect }: Target): Promise<bigint | undefined> {
  const { physical } = await inspect.walk(root === undefined ? undefined : Number(root), linear);
  return physical === undefined ? undefined : BigInt(physical);
}

const pageOf = (address: bigint): bigint => address - (address % PAGE);

function overlap({ address, bytes }: Span, { place, bytes: watched }: WatchedPlace): boolean {
  return address < place.address + BigInt(watched) && place.address < address + BigInt(bytes);
}

/** A span cut at the ends of pages. */
function inPages({ address, bytes }: Span): readonly Span[] {
  const end = address + BigInt(bytes);
  const pieces: Span[] = [];
  for (let at = address; at < end && pieces.length < MOST_PAGES;) {
    const next = pageOf(at) + PAGE < end ? pageOf(at) + PAGE : end;
    pieces.push({ address: at, bytes: Number(next - at) });
    at = next;
  }
  return pieces;
}
