/** Units of x87, MMX and vector instructions: operands of all kinds of numbers, control words, and saved states at random. */
import { le32 } from '../../../fuzz/bytes';
import { EAX, ECX, EDX, ESI, number32 } from './assembler';
import { AT } from './layout';
import type { Family } from './units';

/** Halves of numbers of all kinds: zero, one, infinity, NaNs, denormals, the greatest. */
const HALVES = [0, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fa00000, 1, 0x807fffff, 0x7f7fffff, 0x3ff00000, 0x7ff00000, 0x7ff80000, 0x7ff40000, 0x43e00000, 0x80000000, 0xffffffff] as const;

export const vectorUnit: Family = (context) => {
  const { random, asm } = context;
  const area = AT.data + 0x1000 + 64 * random.below(200);
  const plant = (): readonly number[] => [0, 4, 8, 12].flatMap((at) => asm.store(area + at, random.chance(60) ? random.pick(HALVES) : number32(random)));
  switch (random.below(10)) {
    case 0:
      // MXCSR, mostly without the bits that there are not.
      return [...asm.store(area, random.chance(85) ? random.u32() & 0xffbf : number32(random)), ...asm.at([0x0f, 0xae], 2, area)];
    case 1:
      return [...asm.store(area, random.u32() & 0x1f7f), ...asm.at([0xd9], 5, area)];
    case 2:
      // XSAVE area: legacy part as it is, a header of any kind.
      return [
        ...asm.store(area, random.u32() & 0x1f7f), ...asm.store(area + 24, random.u32() & (random.chance(80) ? 0xffff : 0xffffffff)),
        ...asm.store(area + 512, random.below(random.chance(80) ? 8 : 1024)), ...asm.store(area + 516, random.chance(80) ? 0 : number32(random)),
        ...asm.store(area + 520, random.chance(70) ? 0 : random.below(8)), ...asm.store(area + 524, random.chance(60) ? 0 : 0x80000000), ...asm.store(area + 528, random.chance(90) ? 0 : number32(random)),
        ...asm.move(EAX, random.below(1024)), ...asm.move(EDX, random.chance(90) ? 0 : number32(random)), ...asm.at(random.pick([[0x0f, 0xae], [0x0f, 0xae], [0x0f, 0xc7]]), random.pick([4, 5, 5, 6, 3]), area),
      ];
    case 3:
      return asm.at([0x0f, 0xae], random.pick([0, 1, 1, 3]), random.chance(80) ? AT.data + 0x1000 + 16 * random.below(500) : area + 1);
    case 4:
      return [...plant(), ...asm.at([random.pick([0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf])], random.below(8), area)];
    case 5:
      return [0xd8 | random.below(8), 0xc0 | random.below(64)];
    case 6:
      return [...plant(), ...asm.at([...random.pick([[], [0x66], [0xf2], [0xf3]]), 0x0f, 0x10 | random.below(0x70)], random.below(8), area), random.below(256)];
    case 7:
      return [...plant(), ...asm.at([...random.pick([[], [0x66], [0xf2], [0xf3]]), 0x0f, random.pick([0x38, 0x3a]), random.below(256)], random.below(8), area), random.below(256)];
    case 8:
      // A gather with random indices, and masked moves.
      return [...plant(), ...asm.move(ESI, area), 0xc4, 0xe2, 0x79 | (random.below(2) << 2) | (random.below(2) << 7), random.pick([0x90, 0x91, 0x92, 0x93, 0x2c, 0x2e, 0x8c, 0x8e]), 0x0c | (random.below(8) << 3), (random.below(4) << 6) | (random.below(8) << 3) | 6];
    default:
      return [...asm.move(ECX, 0), ...asm.move(EAX, random.pick([1, 3, 7, 0, 2, 5, number32(random)])), ...asm.move(EDX, random.chance(90) ? 0 : 1), 0x0f, 0x01, 0xd1, ...(random.chance(30) ? le32(0x90909090) : [])];
  }
};
