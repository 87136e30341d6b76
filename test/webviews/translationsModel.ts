/**
 * Translated code for the tests of its panel: regions of a real guest, many more to fill the list, and a profile with callers.
 */
import { RequestArguments } from '../../debugger/requestArguments';
import { toWire } from '../../debugger/codec';
import { translationHandlers } from '../../debugger/translations';
import { ENGINES } from '../../src/monitor/engine/engineSettings';
import { executionView } from '../../src/monitor/inspection/executionView';
import type { ProfileStack, RegionSummaryView } from '../../src/monitor/inspection/queries';
import { RegionView } from '../../src/monitor/inspection/regionView';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../monitor/cpu/guest';

/** MOV ECX, 500; loop: CALL add; MOV [data], EAX; DEC ECX; JNZ loop; HLT; add: ADD EAX, 3; RET. */
const PROGRAM = code([0xb9], le32(500), [0xe8], le32(9), [0xa3], le32(AT.data), 0x49, [0x75, 0xf3], HLT, [0x83, 0xc0, 0x03, 0xc3]);

const SYMBOLS: readonly (readonly [start: number, name: string])[] = [[AT.code + 19, 'add_three'], [AT.code + 5, 'count_down'], [AT.code, 'start']];

/** Symbols of the program, of its callers, and none elsewhere. */
function nameOf(linear: bigint): string | undefined {
  const at = Number(linear);
  if (at >= 0xc0100000 && at < 0xc0200000) return `kernel_${((at >> 12) & 0xff).toString(16)}`;
  const found = at < AT.code + 0x100 ? SYMBOLS.find(([start]) => at >= start) : undefined;
  return found && (at === found[0] ? found[1] : `${found[1]}+0x${(at - found[0]).toString(16)}`);
}

const LOOP = BigInt(AT.code + 8), ADD = BigInt(AT.code + 20);
const stack = (retired: number, user: boolean, ...addresses: bigint[]): ProfileStack => ({ addresses, user, samples: Math.ceil(retired / 100), retired });
const STACKS: readonly ProfileStack[] = [
  stack(5000, false, ADD, LOOP, 0xc0101010n), stack(2500, false, LOOP, 0xc0101010n), stack(1200, false, 0xc0102020n, 0xc0101010n), stack(900, true, 0x40000123n), stack(400, false, 0xc0103004n, 0xc0102020n, 0xc0101010n),
];

export class FakeTranslations {
  readonly guest: Guest = protectedGuest(PROGRAM, { ...ENGINES.translator, heat: 40 });
  running = false;
  private stacks: readonly ProfileStack[] = [];
  /** Regions besides those of the guest. */
  others = 0;
  private readonly view: RegionView;

  constructor() {
    for (let i = 0; i < 30; i++) this.guest.run(60);
    this.view = new RegionView(this.guest.cpu, this.guest.executor);
  }

  /** Answers the panel's questions as the adapter does. */
  readonly ask = (request: string, args: object): unknown => {
    if (request === 'shadowbox.summary') return { running: false, retired: 123456, time: 1, memoryBytes: 1 << 22, frames: 100 };
    if (request === 'shadowbox.execution') return toWire(executionView(this.guest.executor, this.guest.mmu.shadow.counters));
    const handlers = translationHandlers({
      inspect: {
        regions: async () => ({ regions: [...this.view.regions().regions, ...Array.from({ length: this.others }, (_, i) => this.other(i))], left: 0 }),
        region: async (entry) => this.view.region(entry),
        profile: async (action) => {
          if (action !== undefined) this.running = action === 'start';
          if (action === 'start') this.stacks = STACKS;
          return { running: this.running, samples: this.stacks.length * 20, retired: this.stacks.reduce((sum, { retired }) => sum + retired, 0), idle: 0, lost: 0, milliseconds: 1.25, stacks: this.stacks };
        },
      },
    }, nameOf);
    const handler = Object.entries(handlers).find(([name]) => name === request)?.[1];
    return handler?.(new RequestArguments(request, args)) ?? {};
  };

  private other(i: number): RegionSummaryView {
    return {
      entry: 10_000 + i, state: i % 9 === 3 ? 'asleep' : 'in use', ...(i % 3 === 0 ? { linear: 0xc0100000n + BigInt(i * 0x40) } : { cold: true as const }), physical: 0x100000 + i * 0x40,
      bits: 32, model: 'flat', blocks: 1 + (i % 12), instructions: 4 + ((i * 7) % 140), module: 2 + (i >> 5), moduleBytes: 30_000, moduleRegions: 32,
    };
  }
}
