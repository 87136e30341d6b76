/**
 * Callers in the kernel: by its ORC tables where it has them, else by the frame pointers that it was built with; and from where the
 * kernel was entered back to what it was entered from.
 */
import { littleEndian } from '../numbers';
import type { Frame, UnwoundCaller } from '../unwinder';
import { dwarfGeneralNames, dwarfRegisterNumber } from '../symbols/registers';
import type { KernelMemory } from './kernelMemory';
import type { LinuxKernel } from './linuxKernel';
import { orcStep, type OrcState, type OrcTable, type SavedRegisters } from './orc';

/** What the unwinder asks of the guest at this stop. */
export interface KernelPlaces {
  /** Name of the code's symbol, and where it begins. */
  codeAt(address: bigint): { readonly name: string; readonly start: bigint } | undefined;
  /** The unwind tables of the code at an address: the kernel's, or a module's. */
  orcFor(address: bigint): Promise<OrcTable | undefined>;
  readonly kernel: LinuxKernel;
}

/** `struct pt_regs` of 32-bit kernels (asm/ptrace.h), four bytes each. */
const SAVED_32 = ['ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp', 'eax', 'ds', 'es', 'fs', 'gs', 'original', 'eip', 'cs', 'flags', 'esp', 'ss'];
/** The kernel's stacks of 32-bit tasks: 8 KiB, of which the highest 16 bytes are left free (TOP_OF_KERNEL_STACK_PADDING). */
const STACK_32 = 8192n;
/** -1 as the number of a system call: the kernel was entered in another way. */
const NO_CALL_64 = 0xffff_ffff_ffff_ffffn, NO_CALL_32 = 0xffff_ffffn;
const MOST_CALLS = 4096n;
/** What ftrace has in front of each function. */
const LONGEST_NOP = 5;
/** What system calls' functions are called, by the way in. */
const CALL_WRAPPER = /^__(?:x64|ia32|se|do)_(?:compat_)?sys_(\w+)$/;
/** Entries of the kernel in assembler, to which its first C function returns. */
const ENTRY_32 = /^(?:asm_\w+|entry_\w+|common_interrupt\w*|handle_exception\w*|ret_from_\w+|restore_all\w*|\.L\w+|syscall_\w+)$/;

/** Name of the table of system calls; 32-bit programs on 64-bit kernels have another. */
const CALL_TABLES = { native: 'sys_call_table', compatible: 'ia32_sys_call_table' } as const;

/** The caller of a kernel frame; undefined for frames that are not the kernel's. */
export async function kernelCaller(frame: Frame, inner: readonly Frame[], { codeAt, orcFor, kernel }: KernelPlaces): Promise<UnwoundCaller | undefined> {
  if (!codeAt(frame.lookup)) return undefined;
  const names = [...inner, frame].map(({ lookup }) => codeAt(lookup)?.name).filter((name) => name !== undefined);
  if (kernel.pointerBytes === 4) return caller32(frame, names, kernel.memory, codeAt);
  const orc = await orcFor(frame.lookup);
  const caller = orc && await caller64(frame, orc, kernel.memory);
  if (!caller || 'end' in caller || !caller.saved) return caller;
  const table = names.some((name) => /compat|int80|SYSENTER/.test(name)) ? CALL_TABLES.compatible : CALL_TABLES.native;
  const called = await calledBy(kernel, table, caller.saved.originalAx, codeAt);
  return { ...caller, edge: edgeName(caller.saved, called === undefined ? names : [...names, called], NO_CALL_64) };
}

/** Name of the function that a system call leads to, by the kernel's table. */
async function calledBy(kernel: LinuxKernel, table: string, call: bigint | undefined, codeAt: KernelPlaces['codeAt']): Promise<string | undefined> {
  const at = kernel.address(table);
  if (at === undefined || call === undefined || call >= MOST_CALLS) return undefined;
  const target = await kernel.memory.pointer(at + call * BigInt(kernel.pointerBytes));
  return target === undefined ? undefined : codeAt(target)?.name;
}

async function caller64(
  frame: Frame, orc: OrcTable, memory: KernelMemory,
): Promise<(UnwoundCaller & { readonly saved?: SavedRegisters }) | undefined> {
  const registers = new Map<string, bigint>();
  for (const name of dwarfGeneralNames('x86-64')) {
    const value = frame.registers.get(dwarfRegisterNumber('x86-64', name) ?? -1);
    if (value !== undefined) registers.set(name, value);
  }
  const sp = registers.get('rsp');
  const entry = orc.at(frame.lookup);
  // Where there are no tables, frame pointers are the next best.
  if (sp === undefined || !entry) return undefined;
  const state: OrcState = { pc: frame.pc, sp, registers, interrupted: frame.lookup === frame.pc };
  const step = await orcStep(entry, state, (address) => memory.number(address, 8));
  if ('end' in step) return step;
  return {
    pc: step.pc, isExact: step.interrupted, registers: numbered('x86-64', step.registers, 'rsp', step.sp),
    ...(step.slot === undefined ? {} : { slot: step.slot }),
    ...(step.saved ? { saved: step.saved } : {}),
  };
}

/**
 * Debian's 32-bit kernels are built with frame pointers. The function that an entry calls has the saved registers as its argument,
 * right above its return address, or at the top of the task's stack.
 */
async function caller32(
  frame: Frame, names: readonly string[], memory: KernelMemory, codeAt: KernelPlaces['codeAt'],
): Promise<UnwoundCaller | undefined> {
  const code = codeAt(frame.lookup);
  const sp = frame.registers.get(dwarfRegisterNumber('386', 'esp') ?? -1);
  const framePointer = frame.registers.get(dwarfRegisterNumber('386', 'ebp') ?? -1);
  if (!code || sp === undefined || framePointer === undefined) return undefined;
  if (ENTRY_32.test(code.name)) return savedCaller32(sp, names, memory);
  const done = frame.lookup === frame.pc ? await prologueDone(memory, code.start, frame.pc) : 'frame';
  const slot = done === 'nothing' ? sp : done === 'pushed' ? sp + 4n : framePointer + 4n;
  const pc = await memory.number(slot, 4);
  const saved = done === 'nothing' ? framePointer : await memory.number(slot - 4n, 4);
  if (pc === undefined || saved === undefined || slot < sp) return { end: 'the frame pointer lies outside of the stack' };
  const registers = new Map([['ebp', saved]]);
  return { pc, isExact: false, slot, registers: numbered('386', registers, 'esp', slot + 4n) };
}

/** How far a function has come with the frame that it makes: PUSH EBP (55) and MOV EBP, ESP (89 E5), behind ftrace's NOP. */
async function prologueDone(memory: KernelMemory, start: bigint, pc: bigint): Promise<'nothing' | 'pushed' | 'frame'> {
  const bytes = await memory.read(start, 24);
  const push = bytes.indexOf(0x55);
  if (push < 0 || push > LONGEST_NOP) return 'frame';
  const at = Number(pc - start);
  if (at <= push) return 'nothing';
  // The compiler may put other instructions in between.
  for (let move = push + 1; move + 1 < bytes.length; move++) if (bytes[move] === 0x89 && bytes[move + 1] === 0xe5) return at <= move ? 'pushed' : 'frame';
  return 'frame';
}

/** What the kernel was entered from, by registers at the stack pointer of the entry's code, or at the top of the stack. */
async function savedCaller32(sp: bigint, names: readonly string[], memory: KernelMemory): Promise<UnwoundCaller> {
  const bytes = BigInt(4 * SAVED_32.length);
  const top = sp - (sp % STACK_32) + STACK_32 - 16n - bytes;
  for (const at of [sp, top]) {
    const words = await memory.read(at, Number(bytes));
    if (words.length < Number(bytes)) continue;
    const word = (name: string): bigint => littleEndian(words.subarray(4 * SAVED_32.indexOf(name), 4 * SAVED_32.indexOf(name) + 4));
    const privilege = word('cs') & 3n;
    const isUser = privilege === 3n;
    const isCode = isUser ? word('cs') === 0x73n && word('eip') < 0xc000_0000n : word('cs') === 0x60n && memory.isKernelAddress(word('eip'));
    if (!isCode) continue;
    const registers = new Map(['eax', 'ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp'].map((name) => [name, word(name)]));
    // An entry from the kernel itself pushes neither stack pointer nor segment: they are where the frame ends.
    const stack = isUser ? word('esp') : at + BigInt(4 * SAVED_32.indexOf('esp'));
    return {
      pc: word('eip'), isExact: true, registers: numbered('386', registers, 'esp', stack),
      edge: edgeName({ isUser, originalAx: word('original') }, names, NO_CALL_32),
    };
  }
  return { end: 'the registers that were saved on entry to the kernel were not found' };
}

/** Registers by DWARF number, of names that DWARF has. */
export function numbered(machine: Frame['machine'], registers: ReadonlyMap<string, bigint>, stackName: string, stack: bigint): Map<number, bigint> {
  const byNumber = new Map<number, bigint>();
  for (const [name, value] of [...registers, [stackName, stack] as const]) {
    const number = dwarfRegisterNumber(machine, name);
    if (number !== undefined) byNumber.set(number, value);
  }
  return byNumber;
}

/** '— system call 1 (write) —', '— interrupt —'. The names are those of the frames further in, innermost first. */
function edgeName({ isUser, originalAx }: SavedRegisters, names: readonly string[], noCall: bigint): string {
  const wrapper = names.map((name) => CALL_WRAPPER.exec(name)?.[1]).filter((name) => name !== undefined).at(-1);
  const isCall = isUser && originalAx !== undefined && originalAx !== noCall && originalAx < MOST_CALLS
    && (wrapper !== undefined || names.some((name) => /syscall|int80|SYSENTER/i.test(name)));
  if (isCall) return `— system call ${originalAx}${wrapper === undefined ? '' : ` (${wrapper})`} —`;
  const exception = names.map((name) => /^(?:asm_)?exc_(\w+)$/.exec(name)?.[1]).find((name) => name !== undefined);
  return exception === undefined ? '— interrupt —' : `— exception: ${exception.replaceAll('_', ' ')} —`;
}
