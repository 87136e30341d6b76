/** What a run of the fuzzer has done, in figures: guests, instructions, modes, faults by vector, and how guests ended. */
import { vectorName } from '../../../src/monitor/cpu/interrupts';
import type { RunnableMachine } from '../../../src/monitor/machine/runnable';
import type { Observer, Trial } from './trial';

/** Counts by name: plain data, so that processes can tell each other. */
export type Tally = Record<string, number>;

export interface Figures {
  guests: number;
  /** Those whose image could not be loaded. */
  refused: number;
  compared: number;
  instructions: number;
  slices: number;
  /** Processor time of the slowest slice, in milliseconds. */
  slowest: number;
  readonly byMode: Tally;
  readonly ends: Tally;
  /** CPU modes with their privilege, paging modes: as they were at the ends of slices. */
  readonly states: Tally;
  readonly paging: Tally;
  /** Exceptions by vector, in the runs that stop at them. */
  readonly vectors: Tally;
}

export function newFigures(): Figures {
  return { guests: 0, refused: 0, compared: 0, instructions: 0, slices: 0, slowest: 0, byMode: {}, ends: {}, states: {}, paging: {}, vectors: {} };
}

export function count(tally: Tally, name: string, by = 1): void {
  tally[name] = (tally[name] ?? 0) + by;
}

/** Notes where guests are. Asking costs time, so only every so often. */
export function observerFor(figures: Figures): Observer {
  let slices = 0;
  return {
    slice: (machine: RunnableMachine) => {
      if (slices++ % 8 !== 0) return;
      const { mode, cpl, processor } = machine.cpu();
      count(figures.states, `${mode}, CPL ${cpl}`);
      if (processor.index > 0) count(figures.states, 'another CPU than the first');
      for (const { current, mode: paging } of machine.addressSpaces()) if (current) count(figures.paging, paging);
    },
    exception: (vector) => count(figures.vectors, vectorName(vector)),
  };
}

export function addTrial(figures: Figures, mode: string, { end, compared }: Trial): void {
  figures.guests++;
  count(figures.byMode, mode);
  if (compared) figures.compared++;
  if (!end) {
    figures.refused++;
    return;
  }
  figures.instructions += end.retired;
  figures.slices += end.slices;
  figures.slowest = Math.max(figures.slowest, end.slowest);
  count(figures.ends, end.how);
}

function mergeTally(into: Tally, from: Tally): void {
  for (const [name, value] of Object.entries(from)) count(into, name, value);
}

/** Adds the figures of another process. */
export function merge(into: Figures, from: Figures): void {
  for (const name of ['guests', 'refused', 'compared', 'instructions', 'slices'] as const) into[name] += from[name];
  into.slowest = Math.max(into.slowest, from.slowest);
  for (const name of ['byMode', 'ends', 'states', 'paging', 'vectors'] as const) mergeTally(into[name], from[name]);
}

function tallyLine(tally: Tally): string {
  const sorted = Object.entries(tally).sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, value]) => `${name} ${value}`).join('; ') || 'none';
}

/** Lines for people. */
export function figureLines(figures: Figures): string[] {
  return [
    `${figures.guests} guests (${figures.refused} could not be loaded), ${figures.instructions} instructions in ${figures.slices} slices, the slowest ${Math.round(figures.slowest)} ms; ${figures.compared} run twice and compared`,
    `  guests: ${tallyLine(figures.byMode)}`,
    `  ends: ${tallyLine(figures.ends)}`,
    `  states at slice ends: ${tallyLine(figures.states)}`,
    `  paging: ${tallyLine(figures.paging)}`,
    `  exceptions, in the runs that stop at them: ${tallyLine(figures.vectors)}`,
  ];
}
