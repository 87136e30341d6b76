/**
 * Text in place of a source, for code that has none: the instructions around a stop, as a document that the client asks
 * for by its reference. VS Code chooses no frame, and shows no registers, where the innermost one has no source at all.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { linearPlace } from '../addresses';
import { userError } from '../ports';
import type { Target } from '../target';
import type { Disassembler } from './disassembler';
import { listingText, type ListingText } from './listingText';

/** Rows before and after the instruction for which a listing is made. */
const ROWS_BEFORE = 16;
const ROWS_AFTER = 112;
/** A client asks for a listing when it shows it; of those long past it knows the text already. */
const MOST_LISTINGS = 256;

interface Listing extends ListingText {
  readonly reference: number;
  readonly name: string;
  /** What was decoded, and how: the listing holds as long as these are the same. */
  readonly start: bigint;
  readonly bytes: Uint8Array;
  readonly codeBits: number;
}

/** A line of a listing in the protocol's form. */
export interface ListedLine {
  readonly source: DebugProtocol.Source;
  readonly line: number;
}

export class Listings {
  private known: Listing[] = [];
  private nextReference = 1;

  constructor(private readonly target: Target, private readonly disassembler: Disassembler) {}

  /**
   * The line of the instruction at a linear address, in a listing that shows it as it is in memory now. Steps stay in
   * the listing that they began in. Undefined when nothing can be decoded there.
   */
  async lineAt(address: bigint): Promise<ListedLine | undefined> {
    const listing = await this.listingWith(address) ?? await this.make(address);
    const line = listing?.lines.get(address);
    if (!listing || line === undefined) return undefined;
    return { source: { name: listing.name, sourceReference: listing.reference, origin: 'disassembly' }, line };
  }

  /** The text of a listing. Error when there is none, or no longer. */
  text(reference: number): string {
    const listing = this.known.find((candidate) => candidate.reference === reference);
    if (!listing) throw userError(`There is no listing ${reference}, or no longer.`);
    return listing.text;
  }

  private async listingWith(address: bigint): Promise<Listing | undefined> {
    const { codeBits } = await this.target.cpu();
    for (const listing of this.known) {
      if (listing.codeBits !== codeBits || !listing.lines.has(address)) continue;
      const now = await this.target.read(linearPlace(listing.start), listing.bytes.length);
      if (now.length === listing.bytes.length && now.every((byte, index) => byte === listing.bytes[index])) return listing;
    }
    return undefined;
  }

  private async make(address: bigint): Promise<Listing | undefined> {
    const around = { place: linearPlace(address), instructionOffset: -ROWS_BEFORE, count: ROWS_BEFORE + 1 + ROWS_AFTER, symbols: true };
    const rows = inOnePiece(await this.disassembler.disassemble(around), address);
    const here = rows.find((row) => BigInt(row.address) === address);
    if (!here) return undefined;
    const start = BigInt(rows[0].address);
    const last = rows[rows.length - 1];
    const end = BigInt(last.address) + BigInt((last.instructionBytes ?? '').split(' ').length);
    const listing: Listing = {
      reference: this.nextReference++,
      name: `${here.symbol ?? here.address} (disassembly)`,
      ...listingText(rows),
      start,
      bytes: await this.target.read(linearPlace(start), Number(end - start)),
      codeBits: (await this.target.cpu()).codeBits,
    };
    this.known = [listing, ...this.known].slice(0, MOST_LISTINGS);
    return listing;
  }
}

/** The rows before and after an address as far as there is memory. */
function inOnePiece(rows: readonly DebugProtocol.DisassembledInstruction[], address: bigint): readonly DebugProtocol.DisassembledInstruction[] {
  const here = rows.findIndex((row) => BigInt(row.address) === address);
  const isGap = (row: DebugProtocol.DisassembledInstruction): boolean => row.instructionBytes === undefined;
  const gapBefore = rows.slice(0, here + 1).map(isGap).lastIndexOf(true);
  const gapAfter = rows.findIndex((row, index) => index > here && isGap(row));
  return rows.slice(gapBefore + 1, gapAfter < 0 ? undefined : gapAfter);
}
