/**
 * The disassemble request: exactly as many rows as were asked for, the target at the place where the client
 * expects it, with symbols and source lines.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { CpuState } from '../../src/monitor/inspection/queries';
import type { MemorySpace } from '../../src/monitor/machine/session';
import type { Program } from '../program';
import type { Target } from '../target';
import { formatReference, linearPlace, type Place } from '../addresses';
import { addressDigits, hex, segmented } from '../numbers';
import { userError } from '../ports';
import { CodeView } from './codeView';
import { decodeInstruction, LONGEST_INSTRUCTION, type CodeBits, type DecodedInstruction } from './decoder';
import { endOf, InstructionMap, type Row } from './instructionMap';

/** Rows, and distance in rows, that one request may ask for; enough for any view, and bounded in time. */
const LARGEST_REQUEST = 1 << 17;
/** Spaces of which is remembered where instructions start. */
const MOST_MAPS = 16;

export interface DisassemblyRequest {
  readonly place: Place;
  /** In rows, from the row at the place to the first row of the answer. */
  readonly instructionOffset: number;
  readonly count: number;
  readonly symbols: boolean;
}

export class Disassembler {
  /** By address size and space. */
  private readonly maps = new Map<string, InstructionMap>();

  constructor(private readonly target: Target, private readonly program: Program) {}

  /** Rows in the client's form. `signal` ends a long request early with an error. */
  async disassemble(request: DisassemblyRequest, signal?: AbortSignal): Promise<DebugProtocol.DisassembledInstruction[]> {
    const { place, instructionOffset, count } = request;
    if (count < 0 || count > LARGEST_REQUEST || Math.abs(instructionOffset) > LARGEST_REQUEST) {
      throw userError(`disassemble: 'instructionCount' must lie between 0 and ${LARGEST_REQUEST}, 'instructionOffset' between -${LARGEST_REQUEST} and ${LARGEST_REQUEST}.`);
    }
    await this.program.ready();
    const cpu = await this.target.cpu();
    const view = new CodeView(cpu.codeBits, place.space.kind, (address, bytes) => this.target.inspect.readMemory(this.target.seen(place.space), address, bytes));
    const rows = await this.rows(view, place, instructionOffset, count, signal);
    const presenter = new RowPresenter(cpu, this.programIn(place.space), request.symbols, place.space.kind === 'linear');
    return rows.map((row) => presenter.present(row));
  }

  /** The instruction at a linear address as the CPU would decode it now; undefined when there is none. */
  async instructionAt(address: bigint): Promise<DecodedInstruction | undefined> {
    const cpu = await this.target.cpu();
    const bytes = await this.target.read(linearPlace(address), LONGEST_INSTRUCTION);
    return decodeInstruction(cpu.codeBits, bytes, offsetInCode(cpu, address) ?? address);
  }

  /** The instructions of [start, end), decoded one after the other. */
  async instructionsIn(start: bigint, end: bigint): Promise<(DecodedInstruction & { readonly end: bigint })[]> {
    const found: (DecodedInstruction & { readonly end: bigint })[] = [];
    for (let at = start; at < end;) {
      const instruction = await this.instructionAt(at);
      if (!instruction) break;
      at += BigInt(instruction.length);
      found.push({ ...instruction, end: at });
    }
    return found;
  }

  /** Tells where the machine stands, so that the listing shows an instruction there. */
  async noteStanding(): Promise<void> {
    const cpu = await this.target.cpu();
    this.map(cpu.codeBits, { kind: 'linear' }).noteStart(cpu.linear);
  }

  private async rows(
    view: CodeView, { space, address }: Place, instructionOffset: number, count: number, signal: AbortSignal | undefined,
  ): Promise<Row[]> {
    const map = this.map(view.bits, space);
    let first = await map.at(address, view);
    for (let step = 0; step > instructionOffset; step--) {
      signal?.throwIfAborted();
      first = await map.before(first.address, view);
    }
    for (let step = 0; step < instructionOffset; step++) {
      signal?.throwIfAborted();
      first = await map.at(endOf(first), view);
    }
    const rows: Row[] = [];
    for (let row = first; rows.length < count; row = await map.at(endOf(row), view)) {
      signal?.throwIfAborted();
      rows.push(row);
    }
    return rows;
  }

  private map(bits: CodeBits, space: MemorySpace): InstructionMap {
    const key = `${bits} ${formatReference({ space, address: 0n })}`;
    const known = this.maps.get(key);
    if (known) return known;
    if (this.maps.size >= MOST_MAPS) this.maps.clear();
    const program = this.programIn(space);
    const made = new InstructionMap({
      atOrBefore: (address) => program?.codeStartAtOrBefore(address),
      within: (from, to) => program?.codeStartIn(from, to),
    });
    this.maps.set(key, made);
    return made;
  }

  /** What has names for addresses of a space; physical ones have none, as code may be mapped anywhere. */
  private programIn(space: MemorySpace): Program | undefined {
    switch (space.kind) {
      case 'linear': return this.program;
      case 'linearUnder': return this.program.inSpace(space.cr3);
      case 'physical': return undefined;
    }
  }
}

/** Offset of a linear address in the current code segment; undefined when it lies outside of its first 4 GiB. */
function offsetInCode(cpu: CpuState, address: bigint): bigint | undefined {
  const code = cpu.segments.find((segment) => segment.name === 'cs');
  if (!code || cpu.codeBits === 64) return address;
  const offset = address - code.base;
  return offset >= 0n && offset <= BigInt(code.limit >>> 0) ? offset : undefined;
}

/** Turns rows into what the client shows; remembers the source file of the row before. */
class RowPresenter {
  private lastPath: string | undefined;

  /** @param isCurrent whether the addresses are those of the CPU's own space, in which its segments lie */
  constructor(
    private readonly cpu: CpuState, private readonly program: Program | undefined, private readonly symbols: boolean, private readonly isCurrent: boolean,
  ) {}

  present(row: Row): DebugProtocol.DisassembledInstruction {
    const symbol = this.symbolOf(row);
    return {
      address: addressText(row.address, addressDigits(this.cpu.codeBits)),
      instruction: this.text(row),
      ...(row.bytes.length > 0 ? { instructionBytes: bytesText(row.bytes) } : {}),
      ...(symbol !== undefined ? { symbol } : {}),
      ...this.location(row),
      ...(row.kind === 'instruction' ? {} : { presentationHint: 'invalid' }),
    };
  }

  private text(row: Row): string {
    switch (row.kind) {
      case 'outside': return '(no address in this mode)';
      case 'absent': return '??';
      case 'data': return `db ${[...row.bytes].map((byte) => hex(byte, 2)).join(', ')}`;
      case 'instruction': return this.instructionText(row);
    }
  }

  private instructionText(row: Row): string {
    const offset = this.isCurrent ? offsetInCode(this.cpu, row.address) : undefined;
    const decoded = decodeInstruction(this.cpu.codeBits, row.bytes, offset ?? row.address);
    if (!decoded) return '(bad)';
    const meant = decoded.target ?? decoded.operand;
    if (meant === undefined || !this.symbols) return decoded.text;
    const target = offset === undefined ? meant : meant + (row.address - offset);
    const name = this.program?.nameOf(target);
    return name === undefined ? decoded.text : `${decoded.text} <${name}>`;
  }

  private symbolOf(row: Row): string | undefined {
    if (!this.symbols || row.kind === 'outside') return undefined;
    const name = this.program?.nameOf(row.address);
    if (name !== undefined) return name;
    if (!this.isCurrent) return undefined;
    if (this.cpu.mode !== 'real' && this.cpu.mode !== 'v8086') return undefined;
    const offset = offsetInCode(this.cpu, row.address);
    return offset === undefined ? undefined : segmented(this.cpu.selector, offset);
  }

  private location(row: Row): Pick<DebugProtocol.DisassembledInstruction, 'location' | 'line' | 'column'> {
    const line = row.kind === 'instruction' ? this.program?.lineAt(row.address) : undefined;
    if (!line) return {};
    // Only a change of file is told again (DAP: a missing location is the one of the row before).
    const isNew = line.source.path !== this.lastPath;
    this.lastPath = line.source.path;
    return { line: line.line, ...(isNew ? { location: { name: line.source.name, path: line.source.path } } : {}) };
  }
}

/** Numbers that every client can parse; addresses below 0 are decimal, because '-0x1' is none to BigInt. */
function addressText(address: bigint, digits: number): string {
  return address < 0n ? address.toString() : hex(address, digits);
}

function bytesText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
