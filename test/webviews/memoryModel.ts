/**
 * A machine's physical memory for the tests of its panel: 64 MiB of a small kernel, its devices, as the inspection tells them.
 */
import { toWire } from '../../debugger/codec';
import type { FrameKind, FrameMap } from '../../src/monitor/inspection/queries';
import type { FrameAnswer, FramesAnswer } from '../../webviews/physical-memory/frames';

const KINDS: readonly FrameKind[] = ['nothing', 'untouched', 'zeros', 'RAM', 'shared', 'table', 'code', 'ROM', 'video', 'device', 'ballooned'];

interface Stretch {
  readonly end: number;
  readonly kind: FrameKind;
  readonly use?: number;
  readonly written?: boolean;
}

function runsOf(stretches: readonly Stretch[]): Uint8Array {
  const bytes: number[] = [];
  let page = 0;
  for (const { end, kind, use = 0, written = false } of stretches) {
    bytes.push(KINDS.indexOf(kind) | (use << 4) | (written ? 0x40 : 0));
    let rest = end - page;
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
    page = end;
  }
  return Uint8Array.from(bytes);
}

/** Pages of 64 MiB: a kernel at 1 MiB, its tables at 4 MiB, a heap whose pages differ, and devices below 4 GiB. */
function stretches(heap: number): Stretch[] {
  const found: Stretch[] = [
    { end: 0x10, kind: 'RAM', use: 1 }, { end: 0xa0, kind: 'untouched' }, { end: 0xc0, kind: 'device' }, { end: 0xf0, kind: 'nothing' }, { end: 0x100, kind: 'ROM' },
    { end: 0x140, kind: 'code', use: 2 }, { end: 0x200, kind: 'RAM', use: 3, written: true }, { end: 0x400, kind: 'zeros' }, { end: 0x420, kind: 'table', use: 1 },
  ];
  for (let page = 0x420; page < heap; page += 12) {
    found.push({ end: page + 7, kind: 'RAM', use: (page >> 2) % 4, written: page % 24 === 0 }, { end: page + 9, kind: 'shared', use: 1 }, { end: page + 12, kind: 'zeros' });
  }
  return [...found, { end: 0x3000, kind: 'untouched' }, { end: 0x3800, kind: 'ballooned' }, { end: 0x4000, kind: 'untouched' }, { end: 0xe0000, kind: 'nothing' }, { end: 0xe1000, kind: 'video' }, { end: 0xfee00, kind: 'nothing' }, { end: 0xfee01, kind: 'device' }];
}

const regions: FrameMap['regions'] = [
  { first: 0, count: 0xa0, name: 'RAM' }, { first: 0xa0, count: 0x20, name: 'VGA graphics memory' }, { first: 0xf0, count: 0x10, name: 'BIOS ROM' },
  { first: 0x100, count: 0x3f00, name: 'RAM' }, { first: 0xe0000, count: 0x1000, name: 'video memory' }, { first: 0xfee00, count: 1, name: 'local APIC' },
];

const MIB = 2 ** 20;
/** All of the 64 MiB but what is shown as ballooned. */
const BALLOON = { memory: 64 * MIB, target: 56 * MIB, taken: 8 * MIB, driven: true, statistics: [] };

/** The whole of memory, with a heap up to a page. */
export function framesAnswer(heap = 0x2420): FramesAnswer {
  return toWire<FrameMap>({ pages: 2 ** 20, kinds: KINDS, runs: runsOf(stretches(heap)), regions, snapshots: true, ballooned: 0x900, balloon: BALLOON });
}

const space = { key: '32-bit+:4194304', cr3: 0x400000, mode: '32-bit', bytes: 4096 } as const;

/** All about a page: every one has code, a table in it, and two places. */
export function frameAnswer(page: number): FrameAnswer {
  const bytes = new Uint8Array(4096);
  bytes.set(new TextEncoder().encode('Hello from the kernel'), 0x20);
  return {
    frame: {
      page, kind: page === 0x400 ? 'table' : page === 0x3400 ? 'ballooned' : 'code', backing: 'RAM', frame: 0x12345, written: true, shared: [0x500, 0x501], more: false,
      mappings: [
        { ...space, current: true, linear: `0xc0${page.toString(16).padStart(3, '0')}000`, rights: { writable: true, user: false, executable: true }, shadowTable: 3, derivesFrom: 0x401400 },
        { ...space, key: '32-bit+:4198400', cr3: 0x401000, current: false, linear: '0x40000000', rights: { writable: false, user: true, executable: true }, shadowTable: 9, derivesFrom: 0x402000 },
      ],
      tables: page === 0x400 ? [{ mode: '32-bit', level: 2, shadowTable: 3, filled: 40, unsynced: false, sharedBy: 2 }] : [],
      code: [{ bits: 32, model: 'flat', unstable: false, blocks: [{ start: 0, end: 12 }, { start: 0x40, end: 0x52 }], regions: [77] }],
    },
    data: Buffer.from(bytes).toString('base64'),
  };
}
