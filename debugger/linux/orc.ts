/**
 * ORC, the kernel's own unwind tables on 64-bit processors (Documentation/x86/orc-unwinder.rst; asm/orc_types.h): for each
 * instruction, where the caller's stack pointer, return address and frame pointer are.
 */

/** Registers that a table may name. */
export type OrcRegister = 'undefined' | 'previous sp' | 'rdx' | 'rdi' | 'rbp' | 'rsp' | 'r10' | 'r13' | 'rbp indirect' | 'rsp indirect';

const REGISTERS: readonly OrcRegister[] = ['undefined', 'previous sp', 'rdx', 'rdi', 'rbp', 'rsp', 'r10', 'r13', 'rbp indirect', 'rsp indirect'];

/**
 * What lies on the stack below the caller: a return address, all registers (`struct pt_regs`), or the processor's interrupt
 * frame alone. 'end': nobody called; 'unknown': the tables do not say.
 */
export type OrcFrame = 'call' | 'registers' | 'interrupt frame' | 'end' | 'unknown';

export interface OrcEntry {
  readonly stackRegister: OrcRegister;
  readonly stackOffset: number;
  readonly frameRegister: OrcRegister;
  readonly frameOffset: number;
  readonly frame: OrcFrame;
}

const ENTRY_BYTES = 6;

/** Up to 6.3 two bits say the kind of frame and others whether it is the last; since 6.4 three bits say it all. */
const OLD_FRAMES: readonly OrcFrame[] = ['call', 'registers', 'interrupt frame', 'unknown'];
const NEW_FRAMES: readonly OrcFrame[] = ['unknown', 'end', 'call', 'registers', 'interrupt frame', 'unknown', 'unknown', 'unknown'];

export class OrcTable {
  private readonly addresses: DataView;
  private readonly entries: DataView;
  private readonly count: number;
  private readonly isNew: boolean;

  /**
   * @param base linear address of the first of `addresses`: 32-bit distances from themselves, sorted by where they lead
   * @param entries 6 bytes for each of them
   */
  constructor(private readonly base: bigint, addresses: Uint8Array, entries: Uint8Array) {
    this.addresses = new DataView(addresses.buffer, addresses.byteOffset, addresses.byteLength);
    this.entries = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    this.count = Math.min(addresses.length >> 2, Math.floor(entries.length / ENTRY_BYTES));
    this.isNew = this.looksNew();
  }

  /** The entry that an instruction belongs to; undefined in front of the first. */
  at(address: bigint): OrcEntry | undefined {
    let low = 0, high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.addressOf(middle) <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.entry(low - 1);
  }

  private addressOf(index: number): bigint {
    return BigInt.asUintN(64, this.base + BigInt(4 * index + this.addresses.getInt32(4 * index, true)));
  }

  private entry(index: number): OrcEntry {
    const at = ENTRY_BYTES * index;
    const word = this.entries.getUint16(at + 4, true);
    return {
      stackOffset: this.entries.getInt16(at, true),
      frameOffset: this.entries.getInt16(at + 2, true),
      stackRegister: REGISTERS[word & 15] ?? 'undefined',
      frameRegister: REGISTERS[(word >> 4) & 15] ?? 'undefined',
      frame: this.frameOf(word),
    };
  }

  private frameOf(word: number): OrcFrame {
    if (this.isNew) return NEW_FRAMES[(word >> 8) & 7];
    // Without a stack register an entry has nothing to say but that it is the end ('end' has moved by a bit with 6.3).
    if ((word & 15) === 0) return (word & 0xc00) !== 0 ? 'end' : 'unknown';
    return OLD_FRAMES[(word >> 8) & 3];
  }

  /** Nearly all entries are for calls: number 0 in old tables, 2 in new ones. */
  private looksNew(): boolean {
    let calls = 0, others = 0;
    const step = Math.max(1, Math.floor(this.count / 1000));
    for (let index = 0; index < this.count; index += step) {
      const kind = (this.entries.getUint16(ENTRY_BYTES * index + 4, true) >> 8) & 7;
      if (kind === 2) calls++;
      else others++;
    }
    return calls > others;
  }
}

/** What is known of a frame. */
export interface OrcState {
  readonly pc: bigint;
  readonly sp: bigint;
  /** Registers by name, as far as they are known: 'rbp', 'r10', … */
  readonly registers: ReadonlyMap<string, bigint>;
  /** Whether `pc` was interrupted, rather than being where a call returns to. */
  readonly interrupted: boolean;
}

export type OrcStep =
  | (OrcState & { readonly saved?: SavedRegisters; readonly slot?: bigint })
  | { readonly end: string };

/** Registers that an entry of the kernel has put on the stack, from the user or from itself. */
export interface SavedRegisters {
  readonly isUser: boolean;
  /** The number of the system call, or -1; undefined where only the processor's frame is there. */
  readonly originalAx: bigint | undefined;
}

/** Order of `struct pt_regs` (asm/ptrace.h), eight bytes each. */
const SAVED = ['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi', 'original', 'rip', 'cs', 'flags', 'rsp', 'ss'];
const IRET_FRAME = SAVED.indexOf('rip');

/** One step up the stack. `read` gives eight bytes of it. */
export async function orcStep(entry: OrcEntry | undefined, state: OrcState, read: (address: bigint) => Promise<bigint | undefined>): Promise<OrcStep> {
  if (!entry || entry.frame === 'unknown') return { end: 'the kernel has no unwind entry for this place' };
  if (entry.frame === 'end') return { end: 'the outermost frame of the kernel' };
  const stack = await previousStack(entry, state, read);
  if (stack === undefined) return { end: 'the stack pointer of the caller cannot be recovered' };
  if (entry.frame !== 'call') return savedStep(entry, stack, state, read);
  const pc = await read(stack - 8n);
  if (pc === undefined) return { end: 'the stack is not in memory' };
  const registers = new Map([...state.registers].filter(([name]) => ['rbx', 'r12', 'r13', 'r14', 'r15', 'rbp'].includes(name)));
  const frame = await previousFrame(entry, stack, state, read);
  if (frame === undefined) registers.delete('rbp');
  else registers.set('rbp', frame);
  return { pc, sp: stack, registers, interrupted: false, slot: stack - 8n };
}

async function previousStack(entry: OrcEntry, { sp, registers }: OrcState, read: (address: bigint) => Promise<bigint | undefined>): Promise<bigint | undefined> {
  const offset = BigInt(entry.stackOffset);
  switch (entry.stackRegister) {
    case 'rsp': return sp + offset;
    case 'rsp indirect': return plus(await read(sp), offset);
    case 'rbp indirect': {
      const frame = registers.get('rbp');
      return frame === undefined ? undefined : read(frame + offset);
    }
    case 'undefined':
    case 'previous sp': return undefined;
    case 'rbp': return plus(registers.get('rbp'), offset);
    // For the others the kernel takes the register as it is.
    default: return registers.get(entry.stackRegister);
  }
}

async function previousFrame(entry: OrcEntry, stack: bigint, { registers }: OrcState, read: (address: bigint) => Promise<bigint | undefined>): Promise<bigint | undefined> {
  const frame = registers.get('rbp');
  if (entry.frameRegister === 'previous sp') return read(stack + BigInt(entry.frameOffset));
  if (entry.frameRegister === 'rbp') return frame === undefined ? undefined : read(frame + BigInt(entry.frameOffset));
  return frame;
}

/** What was interrupted, from registers on the stack. */
async function savedStep(entry: OrcEntry, stack: bigint, state: OrcState, read: (address: bigint) => Promise<bigint | undefined>): Promise<OrcStep> {
  const isWhole = entry.frame === 'registers';
  const first = isWhole ? stack : stack - BigInt(8 * IRET_FRAME);
  // Of the processor's frame alone, the registers in front of it have not been saved: they are still the same.
  const registers = new Map(isWhole ? [] : state.registers);
  const words = new Map<string, bigint>();
  for (const [index, name] of SAVED.entries()) {
    if (!isWhole && index < IRET_FRAME) continue;
    const value = await read(first + BigInt(8 * index));
    if (value === undefined) return { end: 'the saved registers are not in memory' };
    words.set(name, value);
    if (/^r/.test(name)) registers.set(name, value);
  }
  const word = (name: string): bigint => words.get(name) ?? 0n;
  return {
    pc: word('rip'), sp: word('rsp'), registers, interrupted: true,
    saved: { isUser: (word('cs') & 3n) === 3n, originalAx: words.get('original') },
  };
}

function plus(value: bigint | undefined, offset: bigint): bigint | undefined {
  return value === undefined ? undefined : value + offset;
}
