/** Stops at data breakpoints and events in words: what was, what is, and who has done it. */
import type { Accessor, EventReport, WatchHit } from '../src/monitor/machine/session';
import { byteCount, type WatchedData } from './dataBreakpoints';
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
    const [before, after] = [this.value(hit.before, hit, data), this.value(hit.after, hit, data)];
    const isRead = hit.access === 'read';
    const isSame = before === after;
    const change = before === undefined || after === undefined ? 'its value is not known'
      : isRead ? `is ${after}` : isSame ? `was ${before} and still is` : `was ${before}, is ${after}`;
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
      case 'interrupt': return words(`IRQ, vector ${hex(event.vector)}`, 'a hardware interrupt is about to be delivered');
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

  private value(bytes: Uint8Array | undefined, hit: WatchHit, data: WatchedData | undefined): string | undefined {
    if (!bytes || bytes.length === 0) return undefined;
    if (data?.type && hit.offset === 0 && bytes.length === data.bytes) {
      return this.evaluation.textOf({ kind: 'object', type: data.type, source: byteValue(bytes) });
    }
    if (bytes.length <= 8) return hex(littleEndian(bytes));
    const shown = [...bytes.subarray(0, MOST_SHOWN)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    return `${shown}${bytes.length > MOST_SHOWN ? ' …' : ''}`;
  }
}

function words(description: string, more: string): StopWords {
  return { description, text: `${description}: ${more}` };
}
