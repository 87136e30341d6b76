/**
 * Code that changes: static keys, code made at run time, unpackers, code beside data, under two linear addresses, and on two
 * CPUs. It must be right at once on all engines (what is computed is what the architecture promises: Intel SDM vol. 3, 8.1.3 and 11.6),
 * and its speed beside a twin whose writes go elsewhere is printed.
 */
import assert from 'node:assert/strict';
import { boot, type Configuration } from './harness';
import { LateTranslation } from './lateTranslation';
import { EXIT_STATUS, RewritingGuests, type Variant } from './rewriting/images';

/** Times that replies of another thread are asked for before they come, at most. */
const DELAYS = [2, 10, 50] as const;

const ENGINES = ['interpreter', 'translator', 'translate-all', 'translate-again'] as const;

/** EBX = EBX * 5 + an immediate, so many times. */
function times(ebx: number, count: number, immediate: number): number {
  for (let i = 0; i < count; i++) ebx = (Math.imul(ebx, 5) + immediate) | 0;
  return ebx;
}

/** The rounds of a variant, as the guests count them: down to 1. */
function rounds(variant: Variant, one: (ebx: number, round: number) => number): number {
  let ebx = 1;
  for (let round = variant.rounds; round > 0; round--) ebx = one(ebx, round);
  return ebx;
}

interface Pattern {
  readonly name: string;
  image(guests: RewritingGuests, variant: Variant): Configuration;
  /** The checksum that a variant comes to. */
  result(variant: Variant): number;
  readonly small: Omit<Variant, 'modified'>;
  readonly large: Omit<Variant, 'modified'>;
}

const signedByte = (value: number): number => (value << 24) >> 24;

const PATTERNS: readonly Pattern[] = [
  {
    name: 'static keys, patched between hot loops',
    image: (guests, variant) => guests.flat(1, variant),
    // What is seldom done adds 3 instead of 1.
    result: (variant) => rounds(variant, (ebx, round) => times(ebx, variant.turns, variant.modified && round % 2 === 1 ? 3 : 1)),
    small: { rounds: 9, turns: 300 },
    large: { rounds: 1000, turns: 40_000 },
  },
  {
    name: 'a compiler that makes functions in one place',
    image: (guests, variant) => guests.flat(2, variant),
    result: (variant) => rounds(variant, (ebx, round) => times(ebx, 8 * variant.turns, variant.modified ? signedByte(round) : 0)),
    small: { rounds: 200, turns: 5 },
    large: { rounds: 3000, turns: 3000 },
  },
  {
    name: 'a decompressor, and a jump into what it has unpacked',
    image: (guests, variant) => guests.flat(3, variant),
    result: (variant) => rounds(variant, (ebx, round) => times(ebx, 26 * variant.turns, variant.modified ? round & 0x7f : 1)),
    small: { rounds: 7, turns: 20 },
    large: { rounds: 3000, turns: 1000 },
  },
  {
    name: 'a counter on the page of the code that counts',
    image: (guests, variant) => guests.flat(4, variant),
    result: (variant) => (rounds(variant, (ebx) => times(ebx, variant.turns, 1)) + variant.rounds * (variant.turns * (variant.turns + 1)) / 2) | 0,
    small: { rounds: 3, turns: 500 },
    large: { rounds: 50, turns: 1_000_000 },
  },
  {
    name: 'a flag between two instructions of the loop that sets it',
    image: (guests, variant) => guests.flat(7, variant),
    result: (variant) => {
      let flag = 0;
      return rounds(variant, (ebx) => {
        for (let turn = variant.turns; turn > 0; turn--) {
          ebx = (Math.imul(ebx, 5) + 1 + flag) | 0;
          flag = turn & 0xff;
        }
        return ebx;
      });
    },
    small: { rounds: 3, turns: 500 },
    large: { rounds: 50, turns: 1_000_000 },
  },
  {
    name: 'one frame under two linear addresses',
    image: (guests, variant) => guests.flat(5, variant),
    result: (variant) => rounds(variant, (ebx, round) => times(ebx, variant.turns, variant.modified ? round & 0x7f : 1)),
    small: { rounds: 50, turns: 20 },
    large: { rounds: 1000, turns: 40_000 },
  },
  {
    name: 'code of one CPU, changed by another',
    image: (guests, variant) => guests.flat(6, variant),
    result: (variant) => rounds(variant, (ebx, round) => times(ebx, variant.turns, variant.modified ? round & 0x7f : 1)),
    small: { rounds: 30, turns: 50 },
    large: { rounds: 1000, turns: 40_000 },
  },
  {
    name: 'a packed program in real mode',
    image: (guests, variant) => guests.packer(variant),
    result: (variant) => rounds(variant, (ebx) => times(ebx, variant.turns, 1)),
    small: { rounds: 5, turns: 100 },
    large: { rounds: 1000, turns: 20_000 },
  },
];

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

describe('code that changes', function () {
  this.timeout(300_000);
  this.slow(60_000);
  let guests: RewritingGuests;
  before(function () {
    guests = new RewritingGuests(this);
  });
  after(() => guests.dispose());

  /** Runs a variant to its end, which must be right. Gives the processor's seconds, and the hash. */
  async function run({ image, result }: Pattern, variant: Variant, engine: string, translation?: LateTranslation): Promise<{ readonly seconds: number; readonly end: string }> {
    const guest = await boot({ ...image(guests, variant), engine }, translation && { translation });
    guest.patience = 240_000;
    const before = process.cpuUsage();
    const reason = guest.run({});
    const { user, system } = process.cpuUsage(before);
    assert.deepEqual(reason, { kind: 'exit', status: EXIT_STATUS }, guest.debug);
    assert.equal(guest.debug, hex(result(variant)));
    return { seconds: (user + system) / 1e6, end: `${guest.machine.hash()} after ${guest.retired}` };
  }

  for (const pattern of PATTERNS) {
    it(`${pattern.name}: right at once on all engines`, async () => {
      for (const modified of [true, false]) {
        const variant = { ...pattern.small, modified };
        const reference = await run(pattern, variant, 'interpreter');
        for (const engine of ENGINES) assert.equal((await run(pattern, variant, engine)).end, reference.end, engine);
      }
    });

    it(`${pattern.name}: right whenever translated code arrives`, async () => {
      const variant = { ...pattern.large, rounds: Math.ceil(pattern.large.rounds / 2), modified: true };
      const reference = await run(pattern, variant, 'translator');
      for (const [seed, delay] of DELAYS.entries()) {
        const translation = new LateTranslation(seed + 1, delay);
        assert.equal((await run(pattern, variant, 'translator', translation)).end, reference.end, `seed ${seed + 1}`);
        assert.ok(translation.carriedOut > 0);
      }
    });

    it(`${pattern.name}: how fast`, async () => {
      const modified = await run(pattern, { ...pattern.large, modified: true }, 'translator');
      const plain = await run(pattern, { ...pattern.large, modified: false }, 'translator');
      console.log(`      ${(100 * plain.seconds / modified.seconds).toFixed(0)} % of its twin's speed (${modified.seconds.toFixed(2)} s, ${plain.seconds.toFixed(2)} s of processor time)`);
    });
  }
});
