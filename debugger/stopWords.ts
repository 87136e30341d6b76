/** Stops at data breakpoints and events in words: what was, what is, and who has done it. */
import type { Accessor, EventReport, WatchHit } from '../src/monitor/machine/session';
import { byteCount, firstAccessed, type WatchedData } from './dataBreakpoints';
import type { Evaluation } from './evaluation';
import { formatReference } from './addresses';
import { hex, littleEndian } from './numbers';
import type { Program } from './program';
import { byteValue } from './symbols/values';

/** How a stop is told: in short, and in full. */
export interface StopWords {
  readonly description: string;
  readonly text: string;
}

/** More bytes than this are not written out. */
const MOST_SHOWN = 16;
/** So many are a number, and as many are shown of a range in which nothing has changed. */
const NUMBER_BYTES = 8;

export class StopStories {
  constructor(
    private readonly program: Program,
    private readonly evaluation: Evaluation,
    /** With several CPUs each is named. */
    private readonly hasSeveral: () => Promise<boolean>,
    /** The process that the CPU runs whose turn it is, in words; undefined where that is not known. */
    private readonly process: () => Promise<string | undefined>,
  ) {}

  /** `data`: what was watched. */
  async access(hit: WatchHit, data: WatchedData | undefined): Promise<StopWords> {
    const name = data?.name ?? 'memory';
    const at = data ? `${formatReference(data.place)}, ${byteCount(data.bytes)}` : hex(hit.linear ?? BigInt(hit.physical));
    const part = partOf(hit, data);
    const [before, after] = [this.value(hit.before, hit, data, part), this.value(hit.after, hit, data, part)];
    const isRead = hit.access === 'read';
    const isSame = before === after;
    const where = part ? `byte ${hex(part.number)} ` : '';
    const change = before === undefined || after === undefined ? 'its value is not known'
      : isRead ? `${where}is ${after}` : isSame ? `${where}was ${before} and still is` : `${where}was ${before}, is ${after}`;
    const who = `${isRead ? 'read' : hit.access === 'write' ? 'written' : 'read and written'} by ${await this.who(hit.by)}`;
    const short = before === undefined || after === undefined ? name : isRead || isSame ? `${name}: ${after}` : `${name}: ${before} → ${after}`;
    const title = name === (data && formatReference(data.place)) ? `${name} (${byteCount(data?.bytes ?? 0)})` : `${name} (${at})`;
    return { description: short, text: `${title}: ${change}; ${who}` };
  }

  /** An event; the first touch of a page by data with who did it. */
  async event(event: EventReport): Promise<StopWords> {
    const plain = this.plainEvent(event);
    return event.kind === 'touch' ? { ...plain, text: `${plain.text}, by ${await this.who(event.hit.by)}` } : plain;
  }

  private plainEvent(event: EventReport): StopWords {
    switch (event.kind) {
      case 'interrupt': return words(`IRQ${event.irq === undefined ? '' : ` ${event.irq}`}, vector ${hex(event.vector)}`, 'a hardware interrupt is about to be delivered');
      case 'softwareInterrupt': return words(`INT ${hex(event.vector)}`, 'the instruction is about to be executed');
      case 'port': {
        const { access, port, bytes, value } = event;
        return words(`${access === 'read' ? 'IN from' : 'OUT to'} port ${hex(port)}`, `${byteCount(bytes)}${value === undefined ? '' : `, value ${hex(value)}`}, before the instruction`);
      }
      case 'msr': return words(`${event.access === 'read' ? 'RDMSR' : 'WRMSR'} ${hex(event.msr)}`, `${event.value === undefined ? '' : `value ${hex(event.value)}, `}before the instruction`);
      case 'cr3': return words('CR3 load', `from ${hex(event.from)} to ${hex(event.to)}, before the instruction`);
      case 'mode': return words('mode switch', `from ${event.from} to ${event.to}`);
      case 'taskSwitch': return words('task switch', `from the task at selector ${hex(event.from)} to ${hex(event.to)}`);
      case 'touch': return words('first touch', `${event.hit.access === 'read' ? 'a read of' : 'a write to'} physical ${hex(event.hit.physical)}`);
      case 'execute': return words('first touch', `the first instruction in the page: ${hex(event.linear)}, physical ${hex(event.physical)}`);
    }
  }

  async who(by: Accessor): Promise<string> {
    if (by.kind === 'device') return by.name === 'bios' ? 'the built-in BIOS' : `the device ${by.name}, as a bus master`;
    const name = this.program.nameOf(by.linear);
    const line = this.program.lineAt(by.linear);
    const place = name === undefined ? hex(by.linear) : `${name} (${line ? `${line.source.name}:${line.line}` : hex(by.linear)})`;
    const deed = by.delivery ? 'the delivery of an interrupt or exception at ' : by.walker ? 'the page walk for the instruction at ' : '';
    const cpu = (await this.hasSeveral()) ? ` on CPU ${by.cpu}` : '';
    const process = await this.process();
    const user = by.cpl === 3 ? `, user code under CR3 ${hex(by.cr3)}` : '';
    return `${deed}${place}${cpu}${user}${process === undefined ? '' : `, process ${process}`}`;
  }

  private value(bytes: Uint8Array | undefined, hit: WatchHit, data: WatchedData | undefined, part: Part | undefined): string | undefined {
    if (!bytes || bytes.length === 0) return undefined;
    if (part) return inBytes(bytes.subarray(part.from, part.to));
    if (data?.type && hit.offset === 0 && bytes.length === data.bytes) {
      return this.evaluation.textOf({ kind: 'object', type: data.type, source: byteValue(bytes) });
    }
    if (bytes.length <= NUMBER_BYTES) return hex(littleEndian(bytes));
    return `${inBytes(bytes.subarray(0, MOST_SHOWN))}${bytes.length > MOST_SHOWN ? ' …' : ''}`;
  }
}

/** What is told of a range: of the bytes that are known of a hit, those from `from` up to `to`, and the number of the first in the range. */
interface Part {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

/** Of a range that is no value, from the first byte that was accessed to the last that has changed. */
function partOf(hit: WatchHit, data: WatchedData | undefined): Part | undefined {
  const { before, after, offset } = hit;
  if (!data || data.type || data.bytes <= NUMBER_BYTES || !before || !after) return undefined;
  const number = firstAccessed(hit, data);
  const from = number - offset;
  if (from < 0 || from >= before.length) return undefined;
  let to = before.length;
  while (to > from && before[to - 1] === after[to - 1]) to--;
  return { number, from, to: Math.min(to === from ? from + NUMBER_BYTES : to, from + MOST_SHOWN, before.length) };
}

const inBytes = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');

function words(description: string, more: string): StopWords {
  return { description, text: `${description}: ${more}` };
}
