/** A kernel that does a little, again and again, of all that time travel has to come back to. */
import { code, HLT, le32, NOP } from '../cpu/guest';
import { countTick, DATA, HANDLER, Kernel, PROGRAM, TIMER } from './kernel';

const SOURCE = 0x140000, TARGET = 0x150123;
/** Rounds so far. */
export const ROUNDS = DATA + 4;
const STI = 0xfb, CLI = 0xfa, TRAP_FLAG = 0x100;
const COM1 = 0x3f8;
/** MOV register, imm32; INC DWORD [address]; MOVSB and CMPSB with REP. */
const EAX = 0xb8, ESI = 0xbe, EDI = 0xbf, ECX = 0xb9;
const DATA_SELECTOR = 16;
const set = (register: number, value: number): readonly number[] => [register, ...le32(value)];
const inc = (address: number): readonly number[] => [0xff, 0x05, ...le32(address)];
const REP_MOVSB = [0xf3, 0xa4], REP_CMPSB = [0xf3, 0xa6], REP_STOSB = [0xf3, 0xaa];

/**
 * One round at an address: REP over several pages, code that changes itself, a character on the serial line, single steps under TF,
 * the shadows of STI and MOV SS, and HLT until the next tick.
 */
function round(start: number): readonly number[] {
  const parts: number[] = [];
  const add = (...more: (number | readonly number[])[]): void => void parts.push(...code(...more));
  add(inc(ROUNDS), [0xa1], le32(ROUNDS), [0xa3], le32(SOURCE)); // the round's number is the first word that is copied
  add(set(ESI, SOURCE), set(EDI, TARGET), set(ECX, 9000), REP_MOVSB);
  add(set(ESI, SOURCE), set(EDI, TARGET), set(ECX, 9000), REP_CMPSB);
  add(set(EDI, TARGET + 0x4000), set(ECX, 700), REP_STOSB);
  add([0x80, 0x05], le32(start + parts.length + 7 + 1), [1], set(ECX, 3)); // add byte [of the constant that follows], 1
  add([0x66, 0xba, COM1 & 0xff, COM1 >> 8], [0xa0], le32(ROUNDS), 0xee); // mov dx, COM1; mov al, [ROUNDS]; out dx, al
  add(0x9c, [0x81, 0x0c, 0x24], le32(TRAP_FLAG), 0x9d, NOP, inc(DATA + 8), NOP); // pushf; or [esp], TF; popf
  add(0x9c, [0x81, 0x24, 0x24], le32(~TRAP_FLAG), 0x9d);
  add(CLI, NOP, STI, NOP, set(EAX, DATA_SELECTOR), [0x8e, 0xd0], inc(DATA + 12)); // mov ss, eax
  add(HLT);
  add(0xe9, le32(-(parts.length + 5)));
  return parts;
}

const BUSY = { [PROGRAM]: code(TIMER, round(PROGRAM + TIMER.length)), [HANDLER]: countTick() };

/** The kernel on a machine that has come to the program's beginning. */
export function busyKernel(settings: Readonly<Record<string, unknown>> = {}, ...media: [ConstructorParameters<typeof Kernel>[2]?, ConstructorParameters<typeof Kernel>[3]?]): Kernel {
  return new Kernel(BUSY, { memory: '8M', ...settings }, ...media);
}
