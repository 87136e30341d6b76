/**
 * The kernel's own symbol table as it lies in memory (scripts/kallsyms.c and kernel/kallsyms.c of Linux 4 to 6): names are
 * compressed by a table of 256 tokens, addresses are offsets from a base. Nothing says where it is, but its parts prove
 * one another, so it can be found by looking for them.
 *
 * In memory, each part aligned to the size of a pointer:
 *
 *     to 6.3:    offsets, relative_base, num_syms, names, markers, [seqs_of_names,] token_table, token_index
 *     from 6.4:  num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs_of_names
 *
 * Without CONFIG_KALLSYMS_BASE_RELATIVE (to 6.5) `addresses` are in the place of offsets and base. Markers are as long as
 * pointers before 4.20, and 32 bits since.
 */

/** A part of the kernel's image: bytes that lie at neighbouring addresses. */
export interface ImagePart {
  readonly bytes: Uint8Array;
  readonly pointerBytes: 4 | 8;
}

export interface KallsymsTable {
  readonly addresses: BigUint64Array;
  /** As `nm` writes them: 'T', 't', 'D'; upper case for global symbols. */
  readonly kinds: string;
  readonly names: readonly string[];
}

interface Tokens {
  readonly start: number;
  readonly texts: readonly string[];
  /** Where the index behind them ends. */
  readonly end: number;
}

interface Names {
  /** Where the number of symbols is. */
  readonly countAt: number;
  readonly count: number;
  readonly start: number;
}

const TOKENS = 256;
const LONGEST_TOKEN = 64;
const DIGIT_0 = 0x30;
const IN_MARKER = 256;
const FEWEST_SYMBOLS = 2000;
const MOST_SYMBOLS = 2_000_000;
/** A name's length is at least 1 byte and 1 token; on the average none has more than 64. */
const LEAST_STEP = IN_MARKER * 2, LARGEST_STEP = IN_MARKER * 64;
const FEWEST_MARKERS = 8;
/** Bytes before the tokens that names, markers and sequence numbers take at most. */
const REACH = 32 * 1024 * 1024;

/**
 * Looks for the token table from `from` on.
 * @returns where the table starts, and its tokens; undefined when there is none
 */
export function findTokens({ bytes }: ImagePart, from = 0): Tokens | undefined {
  // Every digit is in some name and therefore a token of its own: '0', '1', … stand behind one another.
  for (let at = bytes.indexOf(DIGIT_0, from); at >= 0; at = bytes.indexOf(DIGIT_0, at + 1)) {
    if (isDigits(bytes, at)) {
      const tokens = tokensAround(bytes, at);
      if (tokens) return tokens;
    }
  }
  return undefined;
}

function isDigits(bytes: Uint8Array, at: number): boolean {
  for (let digit = 0; digit < 10; digit++) {
    if (bytes[at + 2 * digit] !== DIGIT_0 + digit || bytes[at + 2 * digit + 1] !== 0) return false;
  }
  return true;
}

/** The table whose token '0' is at `digits`, if the index of 256 offsets behind it says the same. */
function tokensAround(bytes: Uint8Array, digits: number): Tokens | undefined {
  let at = digits;
  for (let token = DIGIT_0; token < TOKENS; token++) {
    const end = bytes.indexOf(0, at);
    if (end < 0 || end - at > LONGEST_TOKEN) return undefined;
    at = end + 1;
  }
  for (const alignment of [2, 4, 8]) {
    const index = (at + alignment - 1) & -alignment;
    if (index + 2 * TOKENS > bytes.length) return undefined;
    const offset = (token: number): number => bytes[index + 2 * token] | (bytes[index + 2 * token + 1] << 8);
    const start = digits - offset(DIGIT_0);
    if (start < 0 || offset(0) !== 0) continue;
    const texts = textsOf(bytes, start, offset);
    if (texts) return { start, texts, end: index + 2 * TOKENS };
  }
  return undefined;
}

function textsOf(bytes: Uint8Array, start: number, offset: (token: number) => number): string[] | undefined {
  const texts: string[] = [];
  for (let token = 0, at = start; token < TOKENS; token++) {
    if (start + offset(token) !== at) return undefined;
    const end = bytes.indexOf(0, at);
    texts.push(String.fromCharCode(...bytes.subarray(at, end)));
    at = end + 1;
  }
  return texts;
}

/**
 * The table whose tokens were found. `undefined` when its other parts are not where they should be: they may be past the
 * bytes that there are, or the tokens were none.
 */
export function readKallsyms(image: ImagePart, tokens: Tokens): KallsymsTable | undefined {
  for (const markerBytes of image.pointerBytes === 8 ? [4, 8] : [4]) {
    const names = findNames(image, tokens, markerBytes);
    const addresses = names && findAddresses(image, tokens, names);
    if (names && addresses) return { addresses, ...readNames(image.bytes, tokens.texts, names) };
  }
  return undefined;
}

/**
 * Finds the names by the markers behind them: the offset of every 256th name, so a run of numbers that begins with 0 and
 * grows slowly. The count in front of the names has to agree with both.
 */
function findNames({ bytes, pointerBytes }: ImagePart, tokens: Tokens, markerBytes: number): Names | undefined {
  const view = viewOf(bytes);
  const u32 = (at: number): number => view.getUint32(at, true);
  const lowest = Math.max(0, tokens.start - REACH);
  for (let at = (tokens.start & -4) - 4; at >= lowest; at -= 4) {
    if (u32(at) !== 0) continue;
    let markers = 1;
    for (let next = at + markerBytes; next + 4 <= tokens.start; next += markerBytes, markers++) {
      const step = u32(next) - u32(next - markerBytes);
      if (step < LEAST_STEP || step > LARGEST_STEP) break;
    }
    if (markers < FEWEST_MARKERS) continue;
    const found = namesBefore(view, at, markers, markerBytes, pointerBytes);
    if (found) return found;
  }
  return undefined;
}

function namesBefore(view: DataView, markersAt: number, markers: number, markerBytes: number, pointerBytes: number): Names | undefined {
  const last = view.getUint32(markersAt + (markers - 1) * markerBytes, true);
  const highest = markersAt - last - pointerBytes;
  for (let countAt = highest & -4; countAt >= 0 && countAt > highest - LARGEST_STEP; countAt -= 4) {
    const count = view.getUint32(countAt, true);
    if (count < FEWEST_SYMBOLS || count > MOST_SYMBOLS || Math.ceil(count / IN_MARKER) !== markers) continue;
    const start = countAt + pointerBytes;
    if (namesAgree(view, { countAt, count, start }, markersAt, markerBytes)) return { countAt, count, start };
  }
  return undefined;
}

function namesAgree(view: DataView, { count, start }: Names, markersAt: number, markerBytes: number): boolean {
  let at = start;
  for (let name = 0; name < count; name++) {
    if (name % IN_MARKER === 0 && view.getUint32(markersAt + (name / IN_MARKER) * markerBytes, true) !== at - start) return false;
    if (at >= markersAt) return false;
    const { length, size } = lengthAt(view, at);
    at += size + length;
  }
  return at <= markersAt;
}

/** Lengths from 128 up take two bytes (ULEB128), since 6.1. */
function lengthAt(view: DataView, at: number): { length: number; size: number } {
  const first = view.getUint8(at);
  if (first < 0x80) return { length: first, size: 1 };
  return { length: (first & 0x7f) | (view.getUint8(at + 1) << 7), size: 2 };
}

function readNames(bytes: Uint8Array, tokens: readonly string[], { start, count }: Names): Pick<KallsymsTable, 'kinds' | 'names'> {
  const view = viewOf(bytes);
  const names: string[] = [];
  let kinds = '';
  for (let name = 0, at = start; name < count; name++) {
    const { length, size } = lengthAt(view, at);
    let text = '';
    for (let i = at + size; i < at + size + length; i++) text += tokens[bytes[i]];
    kinds += text.charAt(0);
    names.push(text.slice(1));
    at += size + length;
  }
  return { kinds, names };
}

/** The addresses: in one of the places where some kernel has them, told by that they are sorted and begin where kernels are. */
function findAddresses(image: ImagePart, tokens: Tokens, { countAt, count }: Names): BigUint64Array | undefined {
  const { bytes, pointerBytes } = image;
  const view = viewOf(bytes);
  const pointer = (at: number): bigint => (pointerBytes === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true)));
  const align = (value: number): number => (value + pointerBytes - 1) & -pointerBytes;
  const relative = (offsetsAt: number, baseAt: number): BigUint64Array | undefined => {
    if (offsetsAt < 0 || baseAt < 0 || Math.max(offsetsAt + 4 * count, baseAt + pointerBytes) > bytes.length) return undefined;
    return sortedAddresses(fromOffsets(view, offsetsAt, count, pointer(baseAt), pointerBytes), pointerBytes);
  };
  const before = relative(countAt - pointerBytes - align(4 * count), countAt - pointerBytes);
  if (before) return before;
  const after = relative(align(tokens.end), align(tokens.end) + align(4 * count));
  if (after) return after;
  const whole = countAt - pointerBytes * count;
  if (whole < 0) return undefined;
  return sortedAddresses(BigUint64Array.from({ length: count }, (_, i) => pointer(whole + i * pointerBytes)), pointerBytes);
}

/**
 * With CONFIG_KALLSYMS_ABSOLUTE_PERCPU offsets are signed: from 0 up they are absolute (the per-CPU area), below it is
 * base - 1 - offset. Else they are unsigned, from the base. A kernel has much more of the former than per-CPU variables.
 */
function fromOffsets(view: DataView, at: number, count: number, base: bigint, pointerBytes: number): BigUint64Array {
  let negative = 0;
  for (let i = 0; i < count; i++) if (view.getInt32(at + 4 * i, true) < 0) negative++;
  const isSigned = negative > count / 2;
  const bits = pointerBytes * 8;
  return BigUint64Array.from({ length: count }, (_, i) => {
    const offset = view.getInt32(at + 4 * i, true);
    if (!isSigned) return BigInt.asUintN(bits, base + BigInt(offset >>> 0));
    return offset >= 0 ? BigInt(offset) : BigInt.asUintN(bits, base - 1n - BigInt(offset));
  });
}

function sortedAddresses(addresses: BigUint64Array, pointerBytes: number): BigUint64Array | undefined {
  for (let i = 1; i < addresses.length; i++) if (addresses[i] < addresses[i - 1]) return undefined;
  const middle = addresses[addresses.length >> 1];
  const isKernel = pointerBytes === 8 ? middle >= 0xffff_8000_0000_0000n : middle >= 0x4000_0000n;
  return isKernel && addresses[0] < addresses[addresses.length - 1] ? addresses : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
