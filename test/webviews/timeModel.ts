/** A time line for tests of the panel: a boot with everything that there can be on one. */
import type { Timeline } from '../../webviews/time/model';

const at = (retired: number) => ({ retired, time: retired + 500_000 });

export function exampleTimeline(present = 600_000_000): Timeline {
  return {
    moments: Array.from({ length: 20 }, (_, i) => ({ ...at(i * 50_000_000), interrupts: i * i * 300, events: i * 1000, pages: (i * 37) % 200 })),
    present: at(present), furthest: at(1_000_000_000), bytes: 5 * 2 ** 20, mostBytes: 512 * 2 ** 20,
    inputs: [
      { ...at(210_000_000), kind: 'key', count: 12 }, { ...at(420_000_000), kind: 'key', count: 1 }, { ...at(300_000_000), kind: 'serial', count: 80 },
      { ...at(350_000_000), kind: 'frame', count: 1200 }, { ...at(700_000_000), kind: 'frame', count: 3 }, { ...at(710_000_000), kind: 'power-button', count: 1 },
    ],
    edits: [at(500_000_000)],
    stops: [{ ...at(130_000_000), kind: 'breakpoint' }, { ...at(600_000_000), kind: 'watchpoint' }],
    bookmarks: [{ ...at(200_000_000), name: 'login prompt' }, { ...at(950_000_000), name: 'the bug' }],
    forks: [{ ...at(500_000_000), id: 1, end: at(800_000_000) }],
  };
}
