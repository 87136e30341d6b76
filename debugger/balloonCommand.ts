/** The console's command for the memory balloon: how the guest stands for memory, and what it is to be left. */
import type { BalloonView } from '../src/monitor/inspection/queries';
import { Refusal, size, sizeText } from '../src/monitor/machine/configurationKinds';
import { userError } from './ports';
import type { Command } from './replCommands';
import type { Target } from './target';

const KIB = 1024;
const MIB = 1 << 20;
/** Statistics that are numbers of pages or events; the others are bytes. */
const COUNTS: ReadonlySet<string> = new Set(['major faults', 'minor faults', 'huge pages allocated', 'huge pages failed']);

/** @param changed others may show what is out of date now */
export function balloonCommand(target: Target, changed: () => void): readonly [string, Command] {
  return ['balloon', {
    usage: 'balloon [SIZE]', help: "how the guest's memory stands, or how much it is to be left, as in balloon 64M",
    run: async (words) => {
      const { balloon } = await target.inspect.frames();
      if (balloon === undefined) throw userError('This machine has no memory balloon; it is given one by "balloon": true in its configuration.');
      if (words.length === 0) return report(balloon);
      const memory = wanted(words.join(' '), balloon.memory);
      await target.control.input({ kind: 'balloon', memory });
      changed();
      const effect = balloon.driven ? 'It does so as it runs.' : 'No driver of the guest listens yet; one that comes will find it.';
      return `The guest is asked to do with ${sizeWords(memory)} of its ${sizeWords(balloon.memory)}. ${effect}`;
    },
  }];
}

function wanted(text: string, memory: number): number {
  try {
    return size({ minimum: MIB, maximum: memory, granule: 4 * KIB, example: sizeText(memory) }).read(text, { resolvePath: (path) => path });
  } catch (reason) {
    if (reason instanceof Refusal) throw userError(`Usage: balloon [SIZE]. ${reason.message}; ${reason.remedy}.`);
    throw reason;
  }
}

const sizeWords = (bytes: number): string => `${(bytes / MIB).toLocaleString('en-GB', { maximumFractionDigits: 2 })} MiB`;

function report({ memory, target, taken, driven, statistics }: BalloonView): string {
  const width = Math.max(...['given back', ...statistics.map(({ name }) => name)].map((name) => name.length));
  const row = (name: string, text: string): string => `${name.padEnd(width)}  ${text}`;
  return [
    row('memory', sizeWords(memory)),
    row('wanted', sizeWords(target)),
    row('given back', `${sizeWords(taken)}${driven ? '' : ' (no driver of the guest listens)'}`),
    ...statistics.map(({ name, value }) => row(name, COUNTS.has(name) ? value.toLocaleString('en-GB') : sizeWords(value))),
  ].join('\n');
}
