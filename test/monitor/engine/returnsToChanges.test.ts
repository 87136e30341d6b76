/** Functions that regions call outside of themselves, and what changes meanwhile: the code behind the call, the page that it lies in, the address space, interrupts. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { CR0, CR4 } from '../../../src/monitor/cpu/state';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { PAGE_BYTES } from '../../../src/monitor/memory/layout';
import { AT, IRET, PRESENT, SEL, enterUser, gate, handlerOf, le32, protectedGuest, setGate, type Guest } from '../cpu/guest';
import { SEL as SEL64, enterLongUser, handlerOf as longHandlerOf, longGuest, setGate as setLongGate, wideGate } from '../cpu/system/longGuest';
import { LARGE, NOT_ZERO, Program, RET, SOON, compare, snapshot, type Bits } from './calledCode';

const MAIN = AT.code;
/** Pages for functions. */
const FIRST = 0x15000, SECOND = 0x17000, THIRD = 0x19000;
const STACK = AT.stack0 - 0x1000;
const COUNT = AT.data + 8;

const INC_ECX = [0xff, 0xc1];
const OUT = [0xe6, 0xf8];
const INTERRUPT = 0x21, PAGE_FAULT = 14, DEBUG = 1;
/** Operand at an address, in code of 32 and 64 bits. */
const memory = (register: number, address: number): readonly number[] => [(register << 3) | 4, 0x25, ...le32(address)];
/** Before an instruction that is to have 64 bits in 64-bit code. */
const wide = (bits: Bits): readonly number[] => (bits === 64 ? [0x48] : []);
/** Goes to `label` unless the counter's bits of a mask are clear. */
const unless = (program: Program, mask: number, label: string): Program => program.put(0xf6, 0xc1, mask).branch(NOT_ZERO, label);
/** MOV EAX, ECX; SHR EAX, shift; AND EAX, 1. */
const counterBit = (shift: number): readonly number[] => [0x89, 0xc8, 0xc1, 0xe8, shift, 0x83, 0xe0, 1];

const make = (bits: Bits, settings: EngineSettings): Guest => (bits === 64 ? longGuest([], { engine: settings }) : protectedGuest([], settings));

function flat(program: Program, settings: EngineSettings): Guest {
  const guest = make(program.bits, settings);
  program.into(guest);
  guest.state.setReg(L.RSP, STACK);
  return guest;
}

describe('code behind calls that lead out of regions', function () {
  this.timeout(60_000);

  /** Where the caller's call stands: behind it lies what is written to, in the same page or in the next one. */
  const places = [['the same page', MAIN], ['the next page', SECOND - 2 - 5]] as const;
  for (const bits of [32, 64] as const) {
    for (const [where, place] of places) {
      for (const [often, shift] of [['each time', 0], ['now and then', 5], ['seldom', 8]] as const) {
        it(`is executed as it has been written, in ${where}, ${often}, in code of ${bits} bits`, () => {
          for (const deep of [false, true]) {
            const program = new Program(bits).at(MAIN);
            if (place !== MAIN) program.jump('again').at(place);
            // ADD or SUB EDX, n, as is written there; and a constant that changes each time it is written.
            program.label('again').put(INC_ECX).call('first').label('written').put(0x83, 0xc2, 5, 0x81, 0xc2, le32(7)).fill(3).jump('again');
            program.at(FIRST).label('first').fill(LARGE);
            if (deep) program.call('second').label('first written').put(0x83, 0xc2, 9).fill(LARGE).put(RET).at(THIRD).label('second').fill(LARGE);
            if (shift === 8) program.put(0x84, 0xc9).branch(NOT_ZERO, 'out');
            else unless(program, (1 << shift) - 1, 'out');
            // IMUL EAX, EAX, 28h; ADD EAX, C2h; MOV [...], AL; MOV [...], CL
            program.put(counterBit(shift), 0x6b, 0xc0, 0x28, 0x05, le32(0xc2));
            const written = deep ? ['written', 'first written'] : ['written'];
            for (const name of written) program.put(0x88, memory(0, program.of(name) + 1), 0x88, memory(1, program.of(name) + 2));
            program.put(0x88, memory(1, program.of('written') + 5)).label('out').put(RET);
            compare((settings) => flat(program, settings), { rounds: 150, waits: shift > 0 });
          }
        });
      }
    }

    it(`stands when something else in its page is written, in code of ${bits} bits`, () => {
      const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').fill(5).jump('again');
      // INC [...], beside code.
      program.at(FIRST).label('first').fill(LARGE).put(0xff, memory(0, MAIN + 0xe00)).fill(5).put(RET);
      compare((settings) => flat(program, settings), { rounds: 150 });
    });
  }
});

/** A page of code, linear, and frames that it may lie in. */
const CALLER = 0x200000, FRAMES = [0x210000, 0x212000] as const;
const DIRECTORY = AT.tables + 0x10000, TABLES = [AT.tables + 0x11000, AT.tables + 0x12000] as const, OTHER = AT.tables + 0x20000;
const PRESENT_WRITABLE = 3;

/** Where the entry for a linear page lies, in tables that begin at a directory. */
function entryOf(bits: Bits, linear: number, directory = DIRECTORY): number {
  const page = linear / PAGE_BYTES;
  return directory + TABLES[0] - DIRECTORY + (bits === 64 ? 8 : 4) * page;
}

/** Tables of 4 KiB pages one to one, but that CALLER's two pages lie in frames. Gives what CR3 is to be. */
function putTables(guest: Guest, bits: Bits, directory: number, frame: number): number {
  const at = entryOf(bits, 0, directory);
  const pages = bits === 64 ? 512 : 1024, bytes = bits === 64 ? 8 : 4;
  const put = (address: number, target: number): void => { guest.put(address, [...le32(target | PRESENT_WRITABLE), ...(bits === 64 ? le32(0) : [])]); };
  for (let page = 0; page < 1024; page++) put(at + bytes * page, page * PAGE_BYTES);
  for (const page of [0, 1]) put(entryOf(bits, CALLER + page * PAGE_BYTES, directory), frame + page * PAGE_BYTES);
  for (let i = 0; i < 1024 / pages; i++) put(directory + bytes * i, at + i * PAGE_BYTES);
  if (bits === 32) return directory;
  // Above it PDPT and PML4.
  put(directory + 0x8000, directory);
  put(directory + 0x9000, directory + 0x8000);
  return directory + 0x9000;
}

/** Changes at the end of a called function how the caller is mapped, or how its address space is; and back. */
type Change = 'entry' | 'entry and INVLPG' | 'entry and CR3' | 'space';

/** MOV EAX, frame by the counter's bit, and write it to the entry for a page. */
const remap = (bits: Bits, shift: number, page: number): readonly number[] =>
  [counterBit(shift), 0xc1, 0xe0, 13, 0x05, le32((FRAMES[0] + page * PAGE_BYTES) | PRESENT_WRITABLE), 0x89, memory(0, entryOf(bits, CALLER + page * PAGE_BYTES))].flat();
const invalidate = (page: number): readonly number[] => [0x0f, 0x01, memory(7, CALLER + page * PAGE_BYTES)].flat();

interface Mapped {
  readonly bits: Bits;
  readonly change: Change;
  /** Turns between two changes: 2 ** shift. */
  readonly shift: number;
  /** What the caller does before it calls. */
  readonly before?: (program: Program) => void;
  /** Whether the call stands at the end of the page, and the next page is the one that changes. */
  readonly atEnd?: boolean;
  readonly deep?: boolean;
}

/** The program with a caller of the first or of the second frame. */
function mappedProgram({ bits, change, shift, before, atEnd = false, deep = false }: Mapped, frame: number): Program {
  const program = new Program(bits).at(MAIN).jump('again');
  program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE).put(RET);
  program.at(SECOND).label('second').fill(LARGE);
  unless(program, (1 << shift) - 1, 'out');
  const page = atEnd ? 1 : 0;
  if (change === 'space') program.put(counterBit(shift), 0xc1, 0xe0, Math.log2(OTHER - DIRECTORY), 0x05, le32(DIRECTORY + (bits === 64 ? 0x9000 : 0)), 0x0f, 0x22, 0xd8);
  else program.put(remap(bits, shift, page));
  if (change === 'entry and INVLPG') program.put(invalidate(page));
  // MOV EAX, CR3; MOV CR3, EAX
  if (change === 'entry and CR3') program.put(0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8);
  program.label('out').put(RET);
  program.at(atEnd ? CALLER + PAGE_BYTES - 7 : CALLER).label('again').put(INC_ECX);
  before?.(program);
  program.call(deep ? 'first' : 'second').put(0x83, 0xc2, 3 + 5 * frame).fill(frame === 0 ? 4 : 9).jump('again');
  return program;
}

function mapped(kind: Mapped, settings: EngineSettings): Guest {
  const { bits } = kind;
  const guest = make(bits, settings);
  FRAMES.forEach((address, frame) => {
    mappedProgram(kind, frame).into(guest);
    guest.put(address, [...guest.map.copyOut(CALLER, 2 * PAGE_BYTES)]);
    guest.put(CALLER, new Array<number>(2 * PAGE_BYTES).fill(0));
  });
  const root = putTables(guest, bits, DIRECTORY, FRAMES[0]);
  putTables(guest, bits, OTHER, FRAMES[1]);
  guest.state.setWide(L.CR3, root);
  guest.state.setU32(L.CR0, (guest.state.cr0 | CR0.PG) >>> 0);
  guest.cpu.updatePaging();
  guest.state.setReg(L.RSP, STACK);
  return guest;
}

describe('pages behind calls that lead out of regions', function () {
  this.timeout(60_000);

  for (const bits of [32, 64] as const) {
    for (const change of ['entry', 'entry and INVLPG', 'entry and CR3', 'space'] as const) {
      for (const atEnd of [false, true]) {
        it(`are those that the tables name now: ${change}, ${atEnd ? 'next page' : 'same page'}, code of ${bits} bits`, () => {
          for (const shift of [0, 3, 6]) for (const deep of [false, true]) compare((settings) => mapped({ bits, change, shift, atEnd, deep }, settings), { rounds: 100, waits: shift > 0 });
        });
      }
    }

    it(`are not known any more when the caller has had its own page forgotten, in code of ${bits} bits`, () => {
      for (const shift of [0, 3, 6]) {
        compare((settings) => mapped({ bits, change: 'entry', shift, before: (program) => program.put(invalidate(0)) }, settings), { rounds: 100, waits: false });
      }
    });

    it(`are not known any more when the caller has written its own page's entry, in code of ${bits} bits`, () => {
      // MOV EAX, [entry]; MOV [entry], EAX; XOR byte [entry + 1], 2: a bit that means nothing.
      const entry = entryOf(bits, CALLER);
      const touch = [0x8b, memory(0, entry), 0x89, memory(0, entry), 0x80, memory(6, entry + 1), 2].flat();
      for (const shift of [0, 3, 6]) {
        compare((settings) => mapped({ bits, change: 'entry', shift, before: (program) => program.put(touch) }, settings), { rounds: 100, waits: false });
      }
    });
  }
});

/** What handlers do: count, and call a large function with all that they change kept on the stack. */
function handler(program: Program, at: number, name: string, calls: string | undefined, { errorCode = false, body = [] as readonly number[] } = {}): void {
  const { bits } = program;
  program.at(at).label(name).put(0xff, memory(0, COUNT), body);
  // PUSH EDX, EBX, EDI; POP EDI, EBX, EDX
  if (calls) program.put(0x52, 0x53, 0x57).call(calls).put(0x5f, 0x5b, 0x5a);
  // ADD ESP, a word
  if (errorCode) program.put(wide(bits), 0x83, 0xc4, bits / 8);
  program.put(wide(bits), IRET);
}

const vectorAt = (bits: Bits, vector: number): number => (bits === 64 ? longHandlerOf(vector) : handlerOf(vector));

/** A handler is no more than 16 bytes: it lies elsewhere. */
function install(guest: Guest, program: Program, vector: number, name: string): void {
  const at = vectorAt(program.bits, vector);
  // JMP rel32
  guest.put(at, [0xe9, ...le32(program.of(name) - (at + 5))]);
}

describe('interrupts and faults while calls wait for a return', function () {
  this.timeout(60_000);

  const FUNCTION = 0x1b000, HANDLER = 0x1d000;
  for (const bits of [32, 64] as const) {
    for (const calls of [undefined, 'third', 'second'] as const) {
      it(`come from a port that the function writes to, in code of ${bits} bits; the handler calls ${calls ?? 'nothing'}`, () => {
        for (const mask of [0, 3, 15]) {
          const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').fill(2).jump('again');
          unless(program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE), mask, 'first out').put(OUT).label('first out').put(RET);
          unless(program.at(SECOND).label('second').fill(LARGE), mask, 'second out').put(OUT).fill(3).label('second out').put(RET);
          program.at(FUNCTION).label('third').fill(LARGE).put(RET);
          handler(program, HANDLER, 'handler', calls);
          compare((settings) => {
            const guest = flat(program, settings);
            install(guest, program, INTERRUPT, 'handler');
            guest.state.flags = 0x202;
            guest.onWrite = () => guest.interrupt(INTERRUPT);
            return guest;
          }, { rounds: 150 });
        }
      });
    }

    it(`come from a page that is not there, in code of ${bits} bits`, () => {
      const page = 0x300000, entry = entryOf(bits, page);
      for (const mask of [0, 7]) {
        const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').fill(2).jump('again');
        program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE).put(RET);
        program.at(SECOND).label('second').fill(LARGE);
        // MOV EAX, 0; MOV [entry], EAX; INVLPG [page]; and behind that an access to the page.
        unless(program, mask, 'there').put(0xb8, le32(0), 0x89, memory(0, entry), 0x0f, 0x01, memory(7, page)).label('there').put(0x01, memory(2, page + 8), 0x03, memory(3, page + 8)).fill(3).put(RET);
        program.at(FUNCTION).label('third').fill(LARGE).put(RET);
        // MOV EAX, page | present; MOV [entry], EAX
        handler(program, HANDLER, 'handler', 'third', { errorCode: true, body: [0xb8, ...le32(page | PRESENT_WRITABLE), 0x89, ...memory(0, entry)] });
        compare((settings) => {
          const guest = flat(program, settings);
          install(guest, program, PAGE_FAULT, 'handler');
          guest.state.setWide(L.CR3, putTables(guest, bits, DIRECTORY, FRAMES[0]));
          guest.state.setU32(L.CR0, (guest.state.cr0 | CR0.PG) >>> 0);
          guest.cpu.updatePaging();
          return guest;
        }, { rounds: 120 });
      }
    });

    it(`come behind each instruction, for a while, in code of ${bits} bits`, () => {
      const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').fill(2).jump('again');
      program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE).put(RET);
      // PUSHF; OR dword [ESP], 100h; POPF
      unless(program.at(SECOND).label('second').fill(LARGE), 15, 'out').put(0x9c, 0x81, 0x0c, 0x24, le32(0x100), 0x9d).fill(5).label('out').put(RET);
      // TEST byte [COUNT], 1Fh; JNZ on; AND dword [ESP + 8 or 16], ~100h
      handler(program, HANDLER, 'handler', undefined, { body: [0xf6, ...memory(0, COUNT), 0x1f, 0x75, 8, 0x81, 0x64, 0x24, bits / 4, ...le32(~0x100)] });
      compare((settings) => {
        const guest = flat(program, settings);
        install(guest, program, DEBUG, 'handler');
        return guest;
      }, { rounds: 150 });
    });

    it(`leave nothing waiting at breakpoints in the function, in code of ${bits} bits`, () => {
      const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').label('behind').fill(2).jump('again');
      program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE).put(RET);
      program.at(SECOND).label('second').fill(LARGE).label('stop').fill(2).put(RET);
      const [translated, interpreted] = [SOON, ENGINES.interpreter].map((settings) => flat(program, settings));
      assert.ok(translated && interpreted);
      for (let round = 0; round < 200; round++) {
        const stops = new Set(round % 8 < 4 ? [] : [program.of(round % 8 === 5 ? 'behind' : 'stop')]);
        const outcomes = [translated, interpreted].map((guest) => {
          guest.executor.setBreakpoints(stops);
          const { kind } = guest.run(1 + ((round * 991) % 3001));
          if (kind === 'breakpoint') guest.executor.passOver();
          return kind;
        });
        assert.equal(outcomes[0], outcomes[1], `round ${round}`);
        assert.equal(snapshot(translated), snapshot(interpreted), `round ${round}`);
      }
      assert.ok(translated.executor.translator.counters.regions > 0);
    });
  }
});

const SYSTEM_CALL = 0x80, USER = 4;
const ALIGNMENT = 17, AC = 0x40000;

/** The program at MAIN with its privilege, its pages and stack; all else is the supervisor's, who may not execute what is the program's. */
function asProgram(guest: Guest, program: Program): void {
  const { state } = guest;
  const { bits } = program;
  const root = putTables(guest, bits, DIRECTORY, FRAMES[0]);
  const allow = (entry: number): void => { guest.put32(entry, guest.u32(entry) | USER); };
  for (const page of [MAIN, FIRST, AT.stack3 - PAGE_BYTES, AT.stack3]) allow(entryOf(bits, page));
  for (const table of bits === 64 ? [DIRECTORY, DIRECTORY + 0x8000, DIRECTORY + 0x9000] : [DIRECTORY]) allow(table);
  const call = program.of('system call');
  if (bits === 64) setLongGate(guest, SYSTEM_CALL, wideGate(SEL64.code0, BigInt(call), PRESENT | 0x6e));
  else setGate(guest, SYSTEM_CALL, gate(SEL.code0, call, PRESENT | 0x6e));
  state.setWide(L.CR3, root);
  state.setU32(L.CR4, state.cr4 | CR4.SMEP);
  state.setU32(L.CR0, (state.cr0 | CR0.PG) >>> 0);
  guest.cpu.updatePaging();
  if (bits === 64) enterLongUser(guest, []);
  else enterUser(guest, []);
  state.eip = MAIN;
}

describe('returns of another privilege, or under other rules, while calls wait', function () {
  this.timeout(60_000);

  for (const bits of [32, 64] as const) {
    it(`lead to what is the program's with no right to execute it, in code of ${bits} bits`, () => {
      const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').label('behind').fill(2).jump('again');
      program.at(FIRST).label('first').fill(LARGE).put(0xcd, SYSTEM_CALL).fill(LARGE).put(RET);
      // PUSH EDX, EBX, EDI; POP EDI, EBX, EDX; now and then PUSH behind, RET: a page fault.
      program.at(SECOND).label('system call').put(0x52, 0x53, 0x57).call('supervisor').put(0x5f, 0x5b, 0x5a);
      unless(program, 3, 'done').put(0x68).address('behind').put(RET).label('done').put(wide(bits), IRET);
      program.at(THIRD).label('supervisor').fill(LARGE).put(RET);
      // ADD ESP, a word; MOV [ESP], done
      program.at(THIRD + 0x800).label('refused').put(0xff, memory(0, COUNT), wide(bits), 0x83, 0xc4, bits / 8, wide(bits), 0xc7, 0x04, 0x24).address('done').put(wide(bits), IRET);
      const { guest } = compare((settings) => {
        const made = make(bits, settings);
        program.into(made);
        install(made, program, PAGE_FAULT, 'refused');
        asProgram(made, program);
        return made;
      });
      assert.ok(guest.u32(COUNT) > 50, `${guest.u32(COUNT)} were refused`);
    });

    it(`come back to code whose accesses are to be aligned from now on, in code of ${bits} bits`, () => {
      // MOV EAX, [an odd address]
      const program = new Program(bits).at(MAIN).label('again').put(INC_ECX).call('first').fill(2).put(0x8b, memory(0, MAIN + 0xf01)).jump('again');
      // Now and then PUSHF; OR dword [ESP], AC; POPF
      unless(program.at(FIRST).label('first').fill(LARGE), 15, 'out').put(0x9c, 0x81, 0x0c, 0x24, le32(AC), 0x9d).label('out').fill(2).put(RET);
      program.at(SECOND).label('system call').put(wide(bits), IRET);
      // AND dword [the flags that were saved], ~AC
      handler(program, THIRD, 'unaligned', undefined, { errorCode: true, body: [0x81, 0x64, 0x24, 3 * (bits / 8), ...le32(~AC)] });
      const { guest } = compare((settings) => {
        const made = make(bits, settings);
        program.into(made);
        install(made, program, ALIGNMENT, 'unaligned');
        asProgram(made, program);
        made.state.setU32(L.CR0, (made.state.cr0 | CR0.AM) >>> 0);
        made.cpu.updatePaging();
        return made;
      });
      assert.ok(guest.u32(COUNT) > 20, `${guest.u32(COUNT)} were not aligned`);
    });
  }
});
