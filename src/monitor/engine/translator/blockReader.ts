/**
 * Reads decoded blocks as the translator wants them, from their records: a region that grows asks for many blocks, whose
 * bytes have been decoded once already.
 */
import { findService } from '../../cpu/services';
import { FAR_TRANSFERS, endsBlock, transfersFar } from '../../isa/definitions';
import type { CodeCache } from '../codeCache';
import type { CodePage } from '../codePage';
import type { HandlerKey } from '../handlerShape';
import type { Interpreter } from '../interpreter';
import { SPECIAL_HANDLERS } from '../specialHandlers';
import { R, RECORD_BYTES } from '../records';
import { factsOf } from './instructionFacts';
import type { BlockCode, BlockEnd, RegionInstruction } from './regionGraph';

const RETURNS: ReadonlySet<string> = new Set(['ret', 'retImmediate']);
/** Numbers of the services that transfer control far: it comes back by TypeScript alone. */
const FAR_SERVICES: ReadonlySet<number> = new Set([...FAR_TRANSFERS].map((name) => (name.startsWith('!') ? findService(name.slice(1)) : undefined) ?? -1));

export class BlockReader {
  constructor(
    private readonly code: CodeCache,
    private readonly interpreter: Interpreter,
    private readonly view: DataView,
  ) {}

  /**
   * The decoded block at an offset; undefined when there is none that may be translated, or a stop stands in it while
   * generated code runs.
   */
  read(page: CodePage, offset: number): BlockCode | undefined {
    const address = this.code.block(page, offset);
    if (address === 0 || !this.code.isProfiled(address)) return undefined;
    const count = this.view.getUint8(address + R.back);
    const instructions: RegionInstruction[] = [];
    let record = address + RECORD_BYTES;
    for (let i = 0; i < count; i++, record += RECORD_BYTES) {
      const handler = this.interpreter.handlerAt(this.view.getUint32(record + R.handler, true));
      if (!handler) return undefined;
      const service = handler.name.startsWith('!');
      const far = service ? FAR_SERVICES.has(this.view.getUint32(record + R.link, true)) : transfersFar(handler.name);
      if (far) return { page, offset, count, instructions, end: { kind: 'leave', record } };
      const place = this.view.getUint16(record + R.offset, true);
      instructions.push({ handler, service, record, callout: page.callouts.has(place), apart: page.apart.has(place), patched: page.patched.has(place) });
    }
    const last = instructions[count - 1];
    if (!last) return undefined;
    const end = endsBlock(last.handler.name) ? this.transfer(last.handler, last.record, page.context.bits) : this.onward(record);
    return { page, offset, count, instructions, end };
  }

  /** How a block without a transfer ends: what stands behind its last instruction. */
  private onward(special: number): BlockEnd {
    const onward = this.view.getUint32(special + R.handler, true) === SPECIAL_HANDLERS.onward;
    return onward ? { kind: 'onward', behind: this.view.getUint16(special + R.offset, true) } : { kind: 'leave', record: special };
  }

  /** How a block ends whose last instruction transfers control. */
  private transfer(handler: HandlerKey, record: number, bits: number): BlockEnd {
    const { view } = this;
    const { end } = factsOf(handler);
    if (end === 'jump' || end === 'next') return { kind: RETURNS.has(handler.name) ? 'return' : 'jump' };
    const behind = view.getUint16(record + R.offset, true) + view.getUint8(record + R.length);
    // A branch of another size than the code's cuts its target.
    const taken = handler.shape.size === bits ? behind + view.getInt32(record + R.immediate, true) : undefined;
    if (handler.name === 'call') return { kind: 'call', taken, behind };
    const conditional = end === 'conditional';
    return { kind: 'branch', conditional, taken, behind: conditional ? behind : undefined };
  }
}
