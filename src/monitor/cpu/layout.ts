/**
 * The virtual CPU's state block: where each part of it lies, in bytes from the block's start. The
 * block is the whole of a virtual CPU's state (invariant 3); generated code and TypeScript share it.
 */
import { FPU_STATE_BYTES } from './x87/layout';

/** General registers, 8 bytes each: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8..r15. */
export const REG = 0;
export const RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
/** A register that is always zero: base or index of an address that has none. */
export const ZERO = 128;
/** Instruction pointer of the first byte of the page that is being executed: EIP = EIP_BASE + offset in the page. */
export const EIP_BASE = 136;
/** Lazy status flags (see ../isa/flags): result, sign-extended, and the carries beside it. */
export const FLAG_RESULT = 144;
export const FLAG_AUX = 152;
/** The other bits of RFLAGS (TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID, and bit 1). */
export const FLAGS_SYSTEM = 156;
/** Instructions that may still be retired before the run loop wants control back. */
export const REMAINING = 160;
/** Why generated code has returned (EXIT in ../engine/records) and the record it stood on. */
export const EXIT_REASON = 164;
export const EXIT_RECORD = 168;
/** Addresses of the TLB tables in use: they follow CR3 and CPL. */
export const TLB_READ_TABLE = 172;
export const TLB_WRITE_TABLE = 176;
export const TLB_EXECUTE_TABLE = 180;
export const CPL = 184;
/** Translated code looks here after a service: 1 if it is to return behind the present instruction. */
export const STOP_REQUESTED = 188;
/** Instruction pointer for the next instruction when it is not the one behind. */
export const EIP = 192;
/** Address-size masks: 16, 32, 64 bits. */
export const MASK16 = 200;
export const MASK32 = 208;
export const MASK64 = 216;
/** Mask of linear addresses of code: 32 bits, or 64 in long mode. */
export const LINEAR_MASK = 224;
/** Mask of the stack pointer: 16, 32 or 64 bits. */
export const STACK_MASK = 232;
/** 64 less the bits of a linear address in long mode: 16, or 7 with five levels of paging. 0 asks for no canonical form. */
export const CANONICAL_SHIFT = 240;
/** A register that is always 2^32: index of an address whose displacement has run over 32 bits. */
export const TWO32 = 248;

/** Segment registers with hidden parts: es, cs, ss, ds, fs, gs, ldtr, tr. */
export const SEGMENTS = 256;
export const SEGMENT_BYTES = 64;
export const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, LDTR = 6, TR = 7;
export const SEGMENT_COUNT = 8;
/** In a segment: base; first and last offset that may be read, and written (first > last: none). */
export const SEG_BASE = 0;
export const SEG_READ_FIRST = 8;
export const SEG_READ_LAST = 16;
export const SEG_WRITE_FIRST = 24;
export const SEG_WRITE_LAST = 32;
export const SEG_SELECTOR = 40;
/** Limit in bytes, granularity applied (u32). */
export const SEG_LIMIT = 44;
/** Descriptor attributes: type (4), S, DPL (2), P, AVL, L, D/B, G from bit 0 up. */
export const SEG_ATTRIBUTES = 48;

/** What follows is known to TypeScript only. */
export const CR0 = 768;
export const CR2 = 776;
export const CR3 = 784;
export const CR4 = 792;
export const EFER = 800;
export const GDTR_BASE = 808;
export const IDTR_BASE = 816;
export const GDTR_LIMIT = 824;
export const IDTR_LIMIT = 828;
/** DR0-3, DR6, DR7 at DR + 8 * number. */
export const DR = 832;
/** HLT has stopped it; an interrupt starts it again. */
export const HALTED = 896;
/** Retired count at whose boundary interrupts are held back (STI, MOV SS); -1 for none. Stored as f64. */
export const SHADOW_COUNT = 904;
/** Instructions retired since power-on (f64), brought up to date when generated code returns. */
export const RETIRED = 912;
/** Idle time in cycles (f64): virtual time is RETIRED + IDLE. */
export const IDLE = 920;
/** PDPTEs loaded with CR3 in PAE mode (four u64). */
export const PDPTE = 928;
export const SYSENTER_CS = 960;
export const SYSENTER_ESP = 968;
export const SYSENTER_EIP = 976;
/** IA32_TSC_ADJUST: what writes have added to the TSC's offset since reset. */
export const MSR_TSC_ADJUST = 984;
/** IA32_PAT, MISC_ENABLE and the TSC's offset from virtual time. */
export const MSR_PAT = 992;
export const MSR_MISC_ENABLE = 1000;
export const MSR_TSC_OFFSET = 1008;
/** MTRRs: default type, eight variable pairs, eleven fixed ranges (u64 each). */
export const MSR_MTRR_DEFAULT = 1016;
export const MSR_MTRR_VARIABLE = 1024;
export const MSR_MTRR_FIXED = 1152;
/** A #DB trap that is due after the present instruction: bits of DR6. */
export const PENDING_DEBUG = 1248;
export const MSR_BIOS_SIGNATURE = 1256;
/** The x87 unit. */
export const FPU = 1280;
/** SSE's control and status word (u32), after reset 1F80h. */
export const MXCSR = FPU + FPU_STATE_BYTES;
/** PKRU (u32) and XCR0 (u64). */
export const PKRU = 1444;
export const XCR0 = 1448;
/** Long mode's system-call registers: IA32_STAR, LSTAR, CSTAR, FMASK (u64 each). */
export const MSR_STAR = 1456;
export const MSR_LSTAR = 1464;
export const MSR_CSTAR = 1472;
export const MSR_FMASK = 1480;
export const MSR_KERNEL_GS_BASE = 1488;
export const MSR_TSC_AUX = 1496;
/** IA32_DEBUGCTL, and the machine-check registers that hold something: MCG_STATUS, MCG_CTL, a control register for each of five banks (u64 each). */
export const MSR_DEBUGCTL = 1504;
export const MSR_MCG_STATUS = 1512;
export const MSR_MCG_CTL = 1520;
export const MSR_MC_CTL = 1528;
/** Non-maskable interrupts (u32): bit 0, one is pending; bit 1, held back until the next IRET. */
export const NON_MASKABLE = 1568;
/** Whether the shadow at SHADOW_COUNT holds back debug exceptions and NMI, too (u32): MOV SS and POP SS do, STI does not. */
export const SHADOW_WHOLE = 1572;
/** Vector registers, 32 bytes each: XMM in the low 16, the rest of YMM above. */
export const VECTOR = 2048;
export const VECTOR_BYTES = 32;
/** End of the block's used part. */
export const CPU_STATE_END = VECTOR + 16 * VECTOR_BYTES;
