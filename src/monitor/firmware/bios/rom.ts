/**
 * Builds the 64 KiB ROM of the built-in BIOS: interrupt stubs in real x86 code, each of which calls its
 * service by writing to port B4, and the few tables that guests read.
 *
 * A service that must wait does not wait in TypeScript: it sets the instruction pointer to one of the
 * `continuations`, guest code that sleeps or spins, interruptible, and then calls again.
 */
import { put16 } from '../bytes';
import { EBDA_BASE } from '../memory-map';
import { font } from './font';
import { EBDA } from './layout';
import { vesaTables } from './vesa-tables';

/** The port that calls services. A write there from code inside the ROM is a service call. */
export const SERVICE_PORT = 0xb4;

export const ROM_BYTES = 0x1_0000;
export const ROM_SEGMENT = 0xf000;

/** The services that stubs call, one for each interrupt and for each step of a wait. */
export type ServiceName =
  | 'post' | 'bootstrap' | 'noBoot' | 'exception' | 'irq' | 'timerIrq' | 'keyboardIrq' | 'rtcIrq' | 'mouseIrq' | 'mouseDone' | 'mouseRetry'
  | 'video' | 'equipment' | 'memorySize' | 'disk' | 'diskDone' | 'bootNext' | 'serial' | 'serialRetry' | 'system' | 'waitCheck'
  | 'keyboard' | 'printer' | 'clock';

export type Continuation =
  | 'bootJump' | 'halt' | 'resume' | 'resumeByIret' | 'resumeByRetf' | 'blockMoved' | 'bootstrap' | 'reboot' | 'breakKey' | 'printScreen'
  | 'keyWait' | 'timeWait' | 'serialWait' | 'alarm' | 'diskWait' | 'bootWait' | 'mouseWait' | 'mouseCall';

/** What a write to the service port means, by the offset behind the OUT instruction. */
export interface ServicePoint {
  readonly name: ServiceName;
  /** Interrupt vector of the stub; 0 for POST. */
  readonly vector: number;
}

export interface BiosRom {
  readonly image: Uint8Array;
  /** Offset of the handler for each vector that does not point to the dummy handler. */
  readonly vectors: ReadonlyMap<number, number>;
  readonly points: ReadonlyMap<number, ServicePoint>;
  readonly continuations: Readonly<Record<Continuation, number>>;
}

/** Offsets that programs know by heart (IBM PC/AT BIOS). */
export const POST_ENTRY = 0xe05b;
export const DISKETTE_TABLE = 0xefc7;
export const FONT_8X8 = 0xfa6e;
export const DUMMY_HANDLER = 0xff53;
const RESET_VECTOR = 0xfff0;
const BUILD_DATE = 0xfff5;
const MODEL_BYTE = 0xfffe;

/** Tables of our own. */
export const FONT_8X16 = 0x8000;
export const CONFIG_TABLE = 0x9000;
/** A whole font of 8 lines; FA6E has its lower half, where programs look for it. */
export const FONT_8X8_WHOLE = 0x9400;
/** What INT 10h AH=1Bh points to: modes, lines, functions that there are. */
export const FUNCTIONALITY_TABLE = 0x9010;
const STUBS = 0xa000;
export const FONT_8X14 = 0xb000;
/** VESA's texts, list of modes and routines for protected mode. */
export const VESA_TABLES = 0xc000;

const MODEL_AT = 0xfc;

/** Diskette parameter table for a 1.44 MB drive (vector 1Eh): step rates, 512-byte sectors, 18 a track, gaps. */
const DISKETTE_PARAMETERS: readonly number[] = [0xdf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08];

/** Modes 0-7, D-F, 10-13; 200, 350 and 400 lines; 8 maps of which 2 at a time; what AH=1Bh tells of functions. */
const FUNCTIONALITY: readonly number[] = [0xff, 0xe0, 0x0f, 0, 0, 0, 0, 0x07, 0x02, 0x08, 0xff, 0x0e, 0, 0, 0, 0];

/** INT 15h C0h: second PIC (40h), real-time clock (20h), INT 15h 4Fh at each key (10h), EBDA (04h). */
const FEATURES = 0x74;
/** Its second byte of features: INT 16h AH=09h (40h). */
const MORE_FEATURES = 0x40;

/** Exceptions 0-4, 6 and 7 have a logging handler; 5 is print screen. */
const LOGGED_EXCEPTIONS: readonly number[] = [0, 1, 2, 3, 4, 6, 7];

/** Hardware interrupts without a device that we serve. */
const PLAIN_IRQS: readonly number[] = [0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x71, 0x72, 0x73, 0x76, 0x77];

/** Interrupts whose stub is nothing but a service call and IRET. */
const PLAIN_SERVICES: readonly (readonly [number, ServiceName])[] = [
  [0x10, 'video'], [0x11, 'equipment'], [0x12, 'memorySize'], [0x13, 'disk'],
  [0x17, 'printer'], [0x1a, 'clock'], [0x40, 'disk'],
];

/** Non-specific end of interrupt to the first PIC: mov al,20h; out 20h,al. */
const EOI: readonly number[] = [0xb0, 0x20, 0xe6, 0x20];
const STI = 0xfb;
const HLT = 0xf4;
const CLI = 0xfa;
const IRET = 0xcf;
const PUSH_AX = 0x50;
const POP_AX = 0x58;
const INT = 0xcd;

/** Writes machine code and notes where it calls services. */
class StubWriter {
  readonly image = new Uint8Array(ROM_BYTES);
  readonly vectors = new Map<number, number>();
  readonly points = new Map<number, ServicePoint>();
  private position = STUBS;

  at(position: number): this {
    this.position = position;
    return this;
  }

  code(...bytes: readonly number[]): this {
    this.image.set(bytes, this.position);
    this.position += bytes.length;
    return this;
  }

  service(name: ServiceName, vector: number): this {
    this.code(0xe6, SERVICE_PORT);
    this.points.set(this.position, { name, vector });
    return this;
  }

  /** jmp short to an offset near by. */
  jump(target: number): this {
    return this.code(0xeb, (target - this.position - 2) & 0xff);
  }

  jumpFar(segment: number, offset: number): this {
    return this.code(0xea, offset & 0xff, offset >>> 8, segment & 0xff, segment >>> 8);
  }

  /** The present position, as the handler of a vector. */
  handler(vector: number): this {
    this.vectors.set(vector, this.position);
    return this;
  }

  get here(): number {
    return this.position;
  }
}

function writeTables(rom: StubWriter): void {
  rom.image.set(DISKETTE_PARAMETERS, DISKETTE_TABLE);
  put16(rom.image, CONFIG_TABLE, 8);
  rom.image.set([MODEL_AT, 1, 0, FEATURES, MORE_FEATURES], CONFIG_TABLE + 2);
  rom.image.set(new TextEncoder().encode('01/01/26'), BUILD_DATE);
  rom.image[MODEL_BYTE] = MODEL_AT;
  rom.image.set(font(16), FONT_8X16);
  rom.image.set(font(14), FONT_8X14);
  rom.image.set(font(8), FONT_8X8_WHOLE);
  rom.image.set(font(8).subarray(0, 128 * 8), FONT_8X8);
  rom.image.set(vesaTables(), VESA_TABLES);
  rom.image.set(FUNCTIONALITY, FUNCTIONALITY_TABLE);
}

/** Ways on after a reset with a shutdown code (restart.ts). POST has set DS to 0; 0467h has a far pointer, to code or to a stack. */
function writeResumption(rom: StubWriter): Pick<BiosRom['continuations'], 'resumeByIret' | 'resumeByRetf' | 'blockMoved'> {
  // mov ss,[0469h]; mov sp,[0467h]
  const takeStack = [0x8e, 0x16, 0x69, 0x04, 0x8b, 0x26, 0x67, 0x04];
  const resumeByIret = rom.here;
  rom.code(...takeStack, IRET);
  const resumeByRetf = rom.here;
  rom.code(...takeStack, 0xcb);
  const blockMoved = rom.here;
  // in al,92h; and al,FDh; out 92h,al: address line 20 is closed again.
  rom.code(...takeStack, 0xe4, 0x92, 0x24, 0xfd, 0xe6, 0x92);
  // pop ds; pop es; mov bp,sp; in al,80h; mov [bp+15],al (AH); mov ah,0; cmp ah,al; popa; sti; retf 2: CF and ZF tell.
  rom.code(0x1f, 0x07, 0x89, 0xe5, 0xe4, 0x80, 0x88, 0x46, 0x0f, 0xb4, 0x00, 0x38, 0xc4, 0x61, STI, 0xca, 0x02, 0x00);
  return { resumeByIret, resumeByRetf, blockMoved };
}

/** Reset vector, power-on self-test, INT 18h and 19h. */
function writeStart(rom: StubWriter): Pick<BiosRom['continuations'], 'bootJump' | 'bootWait' | 'halt' | 'resume' | 'bootstrap' | 'reboot'> {
  // Boot code, too, starts where 0467h says.
  const bootJump = rom.here;
  rom.code(STI);
  const resume = rom.here;
  // jmp far [0467h]; POST has set DS to 0.
  rom.code(0xff, 0x2e, 0x67, 0x04);
  const reboot = rom.here;
  rom.jumpFar(ROM_SEGMENT, RESET_VECTOR);
  const bootstrap = rom.here;
  const halt = rom.handler(0x19).service('bootstrap', 0x19).here;
  rom.code(CLI, HLT).jump(halt);
  const bootWait = rom.here;
  rom.service('bootNext', 0x19).jump(halt);
  rom.handler(0x18).service('noBoot', 0x18).jump(halt);
  rom.at(RESET_VECTOR).jumpFar(ROM_SEGMENT, POST_ENTRY);
  // cli; cld; xor ax,ax; mov ss,ax; mov sp,7C00h; mov ds,ax; mov es,ax
  rom.at(POST_ENTRY).code(CLI, 0xfc, 0x31, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0x8e, 0xd8, 0x8e, 0xc0);
  rom.service('post', 0).code(INT, 0x19);
  rom.at(DUMMY_HANDLER).code(IRET);
  return { bootJump, bootWait, halt, resume, bootstrap, reboot };
}

function writeExceptionsAndIrqs(rom: StubWriter): Pick<BiosRom['continuations'], 'alarm'> {
  for (const vector of LOGGED_EXCEPTIONS) rom.handler(vector).service('exception', vector).code(IRET);
  for (const vector of PLAIN_IRQS) rom.handler(vector).service('irq', vector).code(IRET);
  rom.handler(0x08).service('timerIrq', 0x08).code(INT, 0x1c, PUSH_AX, ...EOI, POP_AX, IRET);
  rom.handler(0x70).service('rtcIrq', 0x70).code(IRET);
  const alarm = rom.here;
  rom.code(INT, 0x4a, IRET);
  // IRQ 13: clear the coprocessor's busy latch (out F0h,al with al = 0), then go on as an NMI.
  rom.handler(0x75).code(PUSH_AX, 0x30, 0xc0, 0xe6, 0xf0, POP_AX).service('irq', 0x75).code(INT, 0x02, IRET);
  return { alarm };
}

/** IRQ 1: in al,60h; mov ah,4Fh; stc; int 15h lets programs change or take the key; CF clear: taken. */
function writeKeyboard(rom: StubWriter): Pick<BiosRom['continuations'], 'breakKey' | 'printScreen' | 'keyWait'> {
  rom.handler(0x09).code(PUSH_AX, 0xe4, 0x60, 0xb4, 0x4f, 0xf9, INT, 0x15, 0x73, 0x02);
  rom.service('keyboardIrq', 0x09).code(...EOI, POP_AX, IRET);
  const breakKey = rom.here;
  rom.code(...EOI, POP_AX, INT, 0x1b, IRET);
  const printScreen = rom.here;
  rom.code(...EOI, POP_AX, INT, 0x05, IRET);
  const entry = rom.here;
  rom.handler(0x16).service('keyboard', 0x16).code(IRET);
  const keyWait = rom.here;
  // The CLI closes the gap between the next look at the buffer and the next HLT.
  rom.code(STI, HLT, CLI).jump(entry);
  return { breakKey, printScreen, keyWait };
}

/** IRQ 12, the call of the program's handler with a packet, and the wait for the mouse's answers to a command. */
function writeMouse(rom: StubWriter): Pick<BiosRom['continuations'], 'mouseWait' | 'mouseCall'> {
  const mouseWait = rom.here;
  rom.code(STI, 0x51, 0xb9, 0xe8, 0x03, 0xe2, 0xfe, 0x59).service('mouseRetry', 0x15).code(IRET);
  rom.handler(0x74).service('mouseIrq', 0x74);
  const done = rom.here;
  rom.service('mouseDone', 0x74).code(IRET);
  const mouseCall = rom.here;
  const word = (linear: number): readonly number[] => [(linear - EBDA_BASE) & 0xff, (linear - EBDA_BASE) >>> 8];
  // pushad; push ds; push es; push EBDA; pop ds; xor ax,ax: the handler finds four words, first pushed the status.
  rom.code(0x66, 0x60, 0x1e, 0x06, 0x68, (EBDA_BASE >>> 4) & 0xff, EBDA_BASE >>> 12, 0x1f, 0x31, 0xc0);
  // mov al,[byte]; push ax for status, X, Y; push 0 for Z; call far [handler].
  for (const byte of [0, 1, 2]) rom.code(0xa0, ...word(EBDA.mousePacket + byte), PUSH_AX);
  rom.code(0x6a, 0x00, 0xff, 0x1e, ...word(EBDA.mouseHandler));
  // add sp,8; pop es; pop ds; popad
  rom.code(0x83, 0xc4, 0x08, 0x07, 0x1f, 0x66, 0x61).jump(done);
  return { mouseWait, mouseCall };
}

function writeServices(rom: StubWriter): Pick<BiosRom['continuations'], 'timeWait' | 'serialWait' | 'diskWait'> {
  for (const [vector, name] of PLAIN_SERVICES) rom.handler(vector).service(name, vector).code(IRET);
  // The transfer is done before this is executed (diskTransfers.ts).
  const diskWait = rom.here;
  rom.service('diskDone', 0x13).code(IRET);
  rom.handler(0x14).service('serial', 0x14).code(IRET);
  const serialWait = rom.here;
  // sti; push cx; mov cx,1000; loop $; pop cx: about a microsecond between two looks at the UART.
  rom.code(STI, 0x51, 0xb9, 0xe8, 0x03, 0xe2, 0xfe, 0x59).service('serialRetry', 0x14).code(IRET);
  rom.handler(0x15).service('system', 0x15).code(IRET);
  const timeWait = rom.here;
  rom.code(STI, HLT).service('waitCheck', 0x15).code(IRET);
  return { timeWait, serialWait, diskWait };
}

/**
 * Builds the ROM; the same bytes each time.
 * @param tables what operating systems search for in F0000-FFFFF (ACPI, MP), laid out for that address; up to 32 KiB
 */
export function buildRom(tables: Uint8Array = new Uint8Array(0)): BiosRom {
  const rom = new StubWriter();
  rom.image.set(tables.subarray(0, FONT_8X16));
  writeTables(rom);
  const stubs = { ...writeExceptionsAndIrqs(rom), ...writeKeyboard(rom), ...writeServices(rom), ...writeMouse(rom), ...writeResumption(rom) };
  const continuations = { ...stubs, ...writeStart(rom) };
  return { image: rom.image, vectors: rom.vectors, points: rom.points, continuations };
}
