/** Functions that regions call outside of themselves, and come back from: whatever guests do with their stacks, their code and their pages. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { resetCpuTo } from '../../../src/monitor/machine/firmwareCpu';
import { PAGE_BYTES, RETURN_STACK_ENTRIES } from '../../../src/monitor/memory/layout';
import { AT, Guest, SEL, le32, protectedGuest } from '../cpu/guest';
import { longGuest } from '../cpu/system/longGuest';
import { Random } from '../../fuzz/random';
import { LARGE, NOT_ZERO, Program, RET, SOON, ZERO, compare, type Bits } from './calledCode';

const MAIN = AT.code;
/** Pages for functions. */
const FIRST = 0x15000, SECOND = 0x17000, THIRD = 0x19000;
const STACK = AT.stack0 - 0x1000;
const SAVED = AT.data, LIMIT = AT.data + 8, TABLE = AT.data + 0x100;
/** Where a stack of a coroutine begins. */
const OTHER_STACK = AT.stack0 - 0x4000;

const INC_ECX = [0xff, 0xc1];
/** Operand at an address, in code of 32 and 64 bits. */
const memory = (register: number, address: number): readonly number[] => [(register << 3) | 4, 0x25, ...le32(address)];
/** Before an instruction that is to have 64 bits in 64-bit code. */
const wide = (bits: Bits): readonly number[] => (bits === 64 ? [0x48] : []);
/** TEST CL, mask. */
const testCounter = (mask: number): readonly number[] => [0xf6, 0xc1, mask];
/** ADD ESP, so many words. */
const drop = (bits: Bits, words: number): readonly number[] => [...wide(bits), 0x83, 0xc4, (words * bits) / 8];
/** MOV EAX, address of a label. */
const pointTo = (program: Program, label: string): Program => program.put(0xb8).address(label);

/** A guest in flat code of 32 bits or in 64-bit code that runs a program. */
function flat(program: Program, settings: EngineSettings): Guest {
  const guest = program.bits === 64 ? longGuest([], { engine: settings }) : protectedGuest([], settings);
  program.into(guest);
  guest.state.setReg(L.RSP, STACK);
  return guest;
}

/** MAIN: counts in ECX, and does something with a call in it, again and again. */
function loop(bits: Bits, turn: (program: Program) => void): Program {
  const program = new Program(bits).at(MAIN).label('again').put(INC_ECX);
  turn(program);
  return program.jump('again');
}

/** Two large functions, one of which calls the other. */
function plain(program: Program, first: number, second: number): Program {
  program.at(first).label('first').fill(LARGE).call('second').fill(LARGE).put(RET);
  return program.at(second).label('second').fill(LARGE).put(RET);
}

/** How far the stack of calls that wait has grown when it has been run for long. */
function staysBelow({ guest, deepest, waiting }: ReturnType<typeof compare>, most: number): void {
  assert.ok(deepest <= most, `${deepest} wait`);
  const before = guest.executor.counters.entries;
  guest.runTo(guest.state.f64(L.RETIRED) + 100_000);
  const last = waiting();
  assert.ok(last > 0 && last <= most, `${last} wait in the end`);
  const entries = guest.executor.counters.entries - before;
  assert.ok(entries < 50, `${entries} entries`);
}

describe('calls that lead out of regions', function () {
  this.timeout(60_000);

  for (const bits of [32, 64] as const) {
    it(`come back, in code of ${bits} bits`, () => {
      const program = plain(loop(bits, (main) => main.call('first').fill(2)), FIRST, SECOND);
      staysBelow(compare((settings) => flat(program, settings)), 2);
    });

    it(`come back when code is thrown away all the time, in code of ${bits} bits`, () => {
      const program = plain(loop(bits, (main) => main.call('first').fill(2)), FIRST, SECOND);
      compare((settings) => flat(program, settings), { settings: ENGINES['translate-again'], waits: false });
      compare((settings) => flat(program, settings), { settings: ENGINES['translate-all'], waits: false });
    });

    it(`come back when more wait than there is room for, in code of ${bits} bits`, () => {
      // MOV ESI, n
      const program = loop(bits, (main) => main.put(0xbe, le32(200)).call('even').fill(2));
      for (const [name, other, place] of [['even', 'odd', FIRST], ['odd', 'even', SECOND]] as const) {
        // DEC ESI
        program.at(place).label(name).fill(LARGE).put(0xff, 0xce).branch(ZERO, `${name} out`).call(other).fill(LARGE).label(`${name} out`).put(RET);
      }
      const { deepest } = compare((settings) => flat(program, settings));
      assert.equal(deepest, RETURN_STACK_ENTRIES - 1);
    });

    it(`come back out of a function that calls itself, in code of ${bits} bits`, () => {
      // The number of turns is in ESI, so deep that the stack is full, or not: MOV ESI, ECX; AND ESI, 7Fh; INC ESI
      const program = loop(bits, (main) => main.put(0x89, 0xce, 0x83, 0xe6, 0x7f, 0xff, 0xc6).call('itself').fill(2));
      program.at(FIRST).label('itself').fill(LARGE).put(0xff, 0xce).branch(ZERO, 'out').fill(LARGE).call('itself').fill(5).label('out').put(RET);
      compare((settings) => flat(program, settings));
    });

    it(`come back to where the function says, in code of ${bits} bits`, () => {
      const program = loop(bits, (main) => main.call('first').fill(2)).label('elsewhere').fill(4).jump('again');
      program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE).put(testCounter(3)).branch(NOT_ZERO, 'out');
      // MOV [ESP], EAX
      pointTo(program, 'elsewhere').put(wide(bits), 0x89, 0x04, 0x24).label('out').put(RET);
      program.at(SECOND).label('second').fill(LARGE).put(RET);
      compare((settings) => flat(program, settings));
    });

    it(`come back to a call before the last, in code of ${bits} bits`, () => {
      const program = loop(bits, (main) => main.call('first').fill(2).call('second').fill(3));
      program.at(FIRST).label('first').fill(LARGE).call('second').fill(LARGE).put(RET);
      program.at(SECOND).label('second').fill(LARGE).call('third').fill(LARGE).put(RET);
      // Over one function, over two, or over none, but as if the first had been called by the place behind the second call.
      program.at(THIRD).label('third').fill(LARGE).put(testCounter(7)).branch(NOT_ZERO, 'not both').put(testCounter(16)).branch(ZERO, 'not both').put(drop(bits, 1), RET);
      program.label('not both').put(testCounter(3)).branch(NOT_ZERO, 'out').put(drop(bits, 1)).label('out').put(RET);
      staysBelow(compare((settings) => flat(program, settings)), 8);
    });

    for (const depth of [4, 12, 50, 90]) {
      it(`come back over ${depth} functions at once, in code of ${bits} bits`, () => {
        // MOV [SAVED], ESP, so that what is called can go back by the return address there; MOV ESI, depth
        const program = loop(bits, (main) => main.call('first').fill(2));
        program.at(FIRST).label('first').fill(LARGE).put(0xbe, le32(depth), wide(bits), 0x89, memory(4, SAVED)).call('even').fill(LARGE).put(RET);
        for (const [name, other, place] of [['even', 'odd', SECOND], ['odd', 'even', THIRD]] as const) {
          program.at(place).label(name).fill(LARGE).put(0xff, 0xce).branch(ZERO, `${name} out`).call(other).fill(LARGE).put(RET);
          // Every second time. MOV ESP, [SAVED]
          program.label(`${name} out`).put(testCounter(1)).branch(ZERO, `${name} back`).put(wide(bits), 0x8b, memory(4, SAVED)).label(`${name} back`).put(RET);
        }
        compare((settings) => flat(program, settings), { rounds: 150 });
      });
    }

    it(`come back on another stack than they were made on, in code of ${bits} bits`, () => {
      for (const same of [true, false]) {
        const program = loop(bits, (main) => main.call('step').fill(2));
        const second = MAIN + 0x800;
        program.at(second).label('second').put(INC_ECX).call('step').fill(3).call('step').fill(1).call('other step').fill(4).jump('second');
        for (const [name, place] of [['step', FIRST], ['other step', SECOND]] as const) program.at(place).label(name).fill(LARGE).call('switch').fill(LARGE).put(RET);
        // XCHG ESP, [SAVED]
        program.at(THIRD).label('switch').fill(LARGE).put(wide(bits), 0x87, memory(4, SAVED), RET);
        compare((settings) => {
          const guest = flat(program, settings);
          guest.put32(SAVED, OTHER_STACK);
          guest.put32(OTHER_STACK, same ? MAIN : second);
          return guest;
        });
      }
    });

    it(`clear the stack of parameters, in code of ${bits} bits`, () => {
      // PUSH EDX, twice; RET 2 * word
      const program = loop(bits, (main) => main.put(0x52, 0x52).call('first').fill(2));
      program.at(FIRST).label('first').fill(LARGE).put(0x52).call('second').fill(LARGE).put(0xc2, bits / 4, 0);
      program.at(SECOND).label('second').fill(LARGE).put(0xc2, bits / 8, 0);
      staysBelow(compare((settings) => flat(program, settings)), 2);
    });

    it(`go by a table, in code of ${bits} bits`, () => {
      const targets = ['a', 'b', 'c'] as const;
      // MOV EAX, ECX; AND EAX, 3; CALL [TABLE + EAX * 4 or 8]
      const program = loop(bits, (main) => main.put(0x89, 0xc8, 0x83, 0xe0, 3, 0xff, 0x14, bits === 64 ? 0xc5 : 0x85, le32(TABLE)).fill(2));
      targets.forEach((name, i) => program.at(FIRST + 0x800 * i).label(name).fill(LARGE).put(0xff, memory(2, LIMIT)).fill(LARGE + i).put(RET));
      program.at(THIRD).label('d').fill(LARGE).put(RET);
      staysBelow(compare((settings) => {
        const guest = flat(program, settings);
        [...targets, 'd'].forEach((name, i) => guest.put32(TABLE + (i * bits) / 8, program.of(name)));
        guest.put32(LIMIT, program.of('d'));
        return guest;
      }), 2);
    });

    it(`go by a table to functions of which a region has some, in code of ${bits} bits`, () => {
      // MOV EAX, ECX; AND EAX, 3; CALL [TABLE + EAX * 4 or 8]
      const program = loop(bits, (main) => main.put(0x89, 0xc8, 0x83, 0xe0, 3, 0xff, 0x14, bits === 64 ? 0xc5 : 0x85, le32(TABLE)).fill(2));
      const sizes = [3, LARGE, 5, LARGE];
      sizes.forEach((size, i) => program.at(FIRST + 0x800 * i).label(`${i}`).fill(size).put(RET));
      compare((settings) => {
        const guest = flat(program, settings);
        sizes.forEach((_, i) => guest.put32(TABLE + (i * bits) / 8, program.of(`${i}`)));
        return guest;
      });
    });

    it(`stand at the end of a page, and before it, in code of ${bits} bits`, () => {
      for (const before of [5, 4, 3, 6]) {
        const program = new Program(bits).at(MAIN).jump('again').at(FIRST + PAGE_BYTES - before - 2).label('again').put(INC_ECX).call('first').fill(2).jump('again');
        plain(program, SECOND + PAGE_BYTES - 500, THIRD);
        compare((settings) => flat(program, settings), { rounds: 150 });
      }
    });
  }

  it('come back in code of segments', () => {
    const base = 0x10000;
    const program = plain(new Program(32).at(0).label('again').put(INC_ECX).call('first').fill(2).jump('again'), 0x5000, 0x7000);
    staysBelow(compare((settings) => {
      const guest = protectedGuest([], settings);
      program.into(guest, base);
      guest.cpu.setSegment(L.CS, SEL.code0, base, 0xfffff, 0xc9b);
      guest.state.eip = 0;
      return guest;
    }), 2);
  });

  it('come back in real mode', () => {
    const program = plain(new Program(16).at(0x7c00).label('again').put(INC_ECX).call('first').fill(2).jump('again'), 0x9000, 0xa000);
    staysBelow(compare((settings) => {
      const guest = new Guest(settings);
      const segment = { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 };
      resetCpuTo(guest.cpu, { instructionPointer: 0x7c00, general: { esp: 0x7000 }, segments: { cs: segment, ds: segment, es: segment, ss: segment, fs: segment, gs: segment }, cr0: 0x10 });
      program.into(guest);
      return guest;
    }), 2);
  });
});

const FUNCTIONS = 7, SPACE = 0x1200;
const GREATER = 0xf, SOME_CALLS = 4;
/** Returns from more functions than have been called lead to the beginning of MAIN: so many words of the stack do. */
const SPARE = 64;

/**
 * Large functions that call one another, as deep as EBP allows: in loops or not, by a table or not, on conditions; that drop their caller's frame on their way
 * back sometimes, or have it go on elsewhere.
 */
function randomProgram(bits: Bits, seed: number): Program {
  const random = new Random(seed);
  const name = (): string => `function ${random.below(FUNCTIONS)}`;
  // MOV ESP, STACK; MOV EBP, n
  const stack = bits === 64 ? [0x48, 0xc7, 0xc4, ...le32(STACK)] : [0xbc, ...le32(STACK)];
  const program = loop(bits, (main) => main.put(stack, 0xbd, le32(random.between(3, 9))).call(name()).fill(2).label('behind').call(name()).fill(3));
  /** TEST DL, mask; on if any of it is set. */
  const unlessBits = (mask: number, label: string): Program => program.put(0xf6, 0xc2, mask).branch(NOT_ZERO, label);
  for (let number = 0; number < FUNCTIONS; number++) {
    const counter = AT.data + 0x200 + 8 * number;
    program.at(FIRST + SPACE * number).label(`function ${number}`).fill(random.between(20, LARGE));
    for (let i = 0; i < SOME_CALLS; i++) {
      const label = (what: string): string => `${number} ${i} ${what}`;
      const loops = random.chance(30);
      // MOV dword [counter], n
      if (loops) program.put(0xc7, memory(0, counter), le32(random.between(1, 4))).label(label('loop')).fill(3);
      if (random.chance(60)) unlessBits(1 << random.below(7), label('skip'));
      // TEST EBP, EBP; JZ skip; DEC EBP
      program.put(0x85, 0xed).branch(ZERO, label('skip')).put(0xff, 0xcd);
      if (random.chance(75)) program.call(name());
      // MOV EAX, EDX; AND EAX, 3; CALL [TABLE + EAX * 4 or 8]
      else program.put(0x89, 0xd0, 0x83, 0xe0, 3, 0xff, 0x14, bits === 64 ? 0xc5 : 0x85, le32(TABLE));
      // INC EBP
      program.put(0xff, 0xc5).label(label('skip')).fill(random.between(1, 70));
      // DEC dword [counter]
      if (loops) program.put(0xff, memory(1, counter)).branch(GREATER, label('loop'));
    }
    if (random.chance(40)) unlessBits(7, `${number} whole`).put(drop(bits, random.between(1, 3))).label(`${number} whole`);
    if (random.chance(30)) pointTo(unlessBits(0x31, `${number} same`), 'behind').put(wide(bits), 0x89, 0x04, 0x24).label(`${number} same`);
    program.put(RET);
  }
  return program;
}

describe('random calls and returns', function () {
  this.timeout(120_000);

  for (const bits of [32, 64] as const) {
    for (const engine of ['soon', 'translate-again'] as const) {
      it(`lead where the interpreter goes, in code of ${bits} bits (${engine})`, () => {
        for (let seed = 1; seed <= (engine === 'soon' ? 12 : 3); seed++) {
          const program = randomProgram(bits, seed);
          const settings = engine === 'soon' ? SOON : ENGINES[engine];
          compare((each) => {
            const guest = flat(program, each);
            for (let i = 0; i < SPARE; i++) guest.put32(STACK + (i * bits) / 8, program.of('again'));
            for (let i = 0; i < 4; i++) guest.put32(TABLE + (i * bits) / 8, program.of(`function ${(seed + i) % FUNCTIONS}`));
            return guest;
          }, { rounds: 100, settings, waits: engine === 'soon' });
        }
      });
    }
  }
});
