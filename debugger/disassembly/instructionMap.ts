/**
 * Where instructions start. x86 code can only be read forwards, so the row before an address is found by
 * decoding from a known start (function, source line, a place where the machine stood), or else by letting
 * decodings from many offsets vote. What has been answered once is kept as long as its bytes are the same,
 * therefore neighbouring pages of a disassembly always fit together.
 */
import { lengthAt, type CodeView } from './codeView';

/** One row of a disassembly. */
export interface Row {
  readonly address: bigint;
  /** In bytes; rows touch each other. */
  readonly length: number;
  /** 'data': bytes that are no instruction; 'absent': no memory; 'outside': no address of this mode. */
  readonly kind: 'instruction' | 'data' | 'absent' | 'outside';
  /** Empty for absent and outside rows. */
  readonly bytes: Uint8Array;
}

/** Places where an instruction is known to start, from debug information. */
export interface KnownStarts {
  /** The last known start at or below `address`. */
  atOrBefore(address: bigint): bigint | undefined;
  /** The first known start in [from, to). */
  within(from: bigint, to: bigint): bigint | undefined;
}

/** How far back decodings start that vote: much longer than streams need to fall into step. */
const VOTING_DISTANCE = 64;
/** How far before an address a known start is still worth walking from. */
const WALK_DISTANCE = 8192n;
const REMEMBERED_ROWS = 200_000;

export class InstructionMap {
  private rows = new Map<bigint, Row>();
  private previous = new Map<bigint, bigint>();
  private readonly stood = new Set<bigint>();

  constructor(private readonly known: KnownStarts) {}

  /** The machine stood at this address: an instruction starts here, whatever was thought before. */
  noteStart(address: bigint): void {
    if (this.stood.has(address)) return;
    this.stood.add(address);
    for (let back = 1n; back < 16n; back++) {
      const row = this.rows.get(address - back);
      if (row && row.address + BigInt(row.length) > address) this.rows.delete(row.address);
    }
  }

  /** The row that starts at `address`. */
  async at(address: bigint, code: CodeView): Promise<Row> {
    const kept = this.rows.get(address);
    if (kept && (await isStillTrue(kept, code))) return kept;
    return this.keep(await this.decode(address, code));
  }

  /** The row that ends where `address` begins. */
  async before(address: bigint, code: CodeView): Promise<Row> {
    const link = this.previous.get(address);
    if (link !== undefined) {
      const row = await this.at(link, code);
      if (endOf(row) === address) return row;
    }
    const found = (await this.byWalking(address, code)) ?? (await this.byVoting(address, code));
    const row = found ?? this.keep(await singleByte(address - 1n, code));
    this.previous.set(address, row.address);
    return row;
  }

  private keep(row: Row): Row {
    if (this.rows.size >= REMEMBERED_ROWS) {
      this.rows = new Map();
      this.previous = new Map();
    }
    this.rows.set(row.address, row);
    return row;
  }

  private async decode(address: bigint, code: CodeView): Promise<Row> {
    const bytes = await code.window(address);
    const length = lengthAt(code, bytes, 0);
    if (length === 0) return singleByte(address, code);
    const inside = this.firstStartIn(address + 1n, address + BigInt(length));
    if (inside === undefined) return { address, length, kind: 'instruction', bytes: bytes.slice(0, length) };
    // A known instruction starts in the middle of this one: these are not code, or a jump goes into the middle.
    const shorter = Number(inside - address);
    return { address, length: shorter, kind: 'data', bytes: bytes.slice(0, shorter) };
  }

  private firstStartIn(from: bigint, to: bigint): bigint | undefined {
    let first = this.known.within(from, to);
    for (let address = from; address < to; address++) {
      if (first !== undefined && address >= first) break;
      if (this.stood.has(address)) {
        first = address;
        break;
      }
    }
    return first;
  }

  /** Decodes forwards from the nearest known start, and remembers each row on the way. */
  private async byWalking(address: bigint, code: CodeView): Promise<Row | undefined> {
    const start = this.known.atOrBefore(address - 1n);
    if (start === undefined || address - start > WALK_DISTANCE) return undefined;
    let row = await this.at(start, code);
    while (endOf(row) < address) {
      if (row.kind === 'absent' || row.kind === 'outside') return undefined;
      const next = await this.at(endOf(row), code);
      if (!this.previous.has(next.address)) this.previous.set(next.address, row.address);
      row = next;
    }
    return endOf(row) === address ? row : undefined;
  }

  private async byVoting(address: bigint, code: CodeView): Promise<Row | undefined> {
    const first = address > BigInt(VOTING_DISTANCE) ? address - BigInt(VOTING_DISTANCE) : 0n;
    const span = Number(address - first);
    if (span <= 0) return undefined;
    const bytes = await code.span(first, span);
    // Memory that begins in the middle of the span: only what is readable up to `address` can vote.
    const readableFrom = span - bytes.length;
    /** For each offset, the last instruction start before `address` in the stream from there; -1 when it misses. */
    const last = new Int32Array(span).fill(-1);
    const votes = new Map<number, number>();
    for (let offset = span - 1; offset >= readableFrom; offset--) {
      const length = await this.rowLength(first + BigInt(offset), bytes, offset - readableFrom, code);
      const next = offset + length;
      if (length === 0 || next > span) continue;
      last[offset] = next === span ? offset : last[next];
      if (last[offset] >= 0) votes.set(last[offset], (votes.get(last[offset]) ?? 0) + 1);
    }
    let winner: number | undefined;
    for (const [offset, count] of votes) {
      const best = winner === undefined ? 0 : votes.get(winner) ?? 0;
      if (count > best || (count === best && winner !== undefined && offset < winner)) winner = offset;
    }
    if (winner === undefined) return undefined;
    const row = await this.at(first + BigInt(winner), code);
    return endOf(row) === address ? row : undefined;
  }

  /** A row that is kept decides about its length; otherwise the bytes do. 0 when it is no instruction. */
  private async rowLength(address: bigint, bytes: Uint8Array, offset: number, code: CodeView): Promise<number> {
    const kept = this.rows.get(address);
    if (kept && (await isStillTrue(kept, code))) return kept.kind === 'instruction' ? kept.length : 0;
    const length = lengthAt(code, bytes, offset);
    return this.firstStartIn(address + 1n, address + BigInt(length)) === undefined ? length : 0;
  }
}

export function endOf(row: Row): bigint {
  return row.address + BigInt(row.length);
}

async function singleByte(address: bigint, code: CodeView): Promise<Row> {
  if (code.isOutside(address)) return { address, length: 1, kind: 'outside', bytes: new Uint8Array(0) };
  const bytes = (await code.window(address)).slice(0, 1);
  return { address, length: 1, kind: bytes.length === 0 ? 'absent' : 'data', bytes };
}

async function isStillTrue(row: Row, code: CodeView): Promise<boolean> {
  if (row.kind === 'outside') return code.isOutside(row.address);
  const now = await code.window(row.address);
  if (row.kind === 'absent') return now.length === 0;
  return row.bytes.every((byte, index) => byte === now[index]);
}
