/** Where breakpoints go: lines, functions and memory references as places of code. */
import { formatReference, linearPlace, type Place } from './addresses';
import type { PlacedCode, Spot } from './breakpointPlaces';
import { parseInteger } from './numbers';
import { messageOf } from './ports';
import { NO_SYMBOLS, type Program } from './program';
import type { Target } from './target';

/** `0x7c0:0x10`: a segment of real mode and an offset in it. */
const SEGMENTED = /^\s*(0x[0-9a-f]+|[0-9]+)\s*:\s*(0x[0-9a-f]+|[0-9]+)\s*$/i;
const LARGEST_SEGMENT = 0xffffn;

export class BreakpointSpots {
  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly resolve: (reference: string) => Promise<Place>,
  ) {}

  line(path: string, line: number): Spot {
    const found = this.program.lineAddresses(path, line);
    if ('reason' in found) return found;
    return {
      places: found.addresses.map(({ address, cr3 }) => placeIn(address, cr3)),
      answer: {
        line: found.line,
        source: { name: found.source.name, path: found.source.path },
        instructionReference: formatReference(linearPlace(found.addresses[0].address)),
      },
    };
  }

  function(name: string): Spot {
    const functions = this.program.functionsNamed(name);
    if (functions.length === 0) return { reason: this.program.isEmpty ? NO_SYMBOLS : `There is no function '${name}' in the loaded symbols.` };
    const [{ prologueEnd: first }] = functions;
    const line = this.program.lineAt(first);
    return {
      places: functions.map(({ prologueEnd, cr3 }) => placeIn(prologueEnd, cr3)),
      answer: {
        instructionReference: formatReference(linearPlace(first)),
        ...(line ? { line: line.line, source: { name: line.source.name, path: line.source.path } } : {}),
      },
    };
  }

  /** A linear address, `lin:CR3:0x…`, `phys:0x…`, or in 16-bit code `segment:offset`. */
  async instruction(reference: string, offset: number): Promise<Spot> {
    try {
      const segmented = await this.segmented(reference, offset);
      if (segmented) return segmented;
      const place = await this.resolve(reference);
      const address = place.address + BigInt(offset);
      if (address < 0n) return { reason: `${reference} with offset ${offset} lies below address 0.` };
      const answer = { instructionReference: reference, offset };
      switch (place.space.kind) {
        case 'linear': return { places: [{ linear: address }], answer };
        case 'physical': return { places: [{ physical: Number(address) }], answer };
        case 'linearUnder': return { places: [{ linear: address, cr3: place.space.cr3 }], answer };
      }
    } catch (error) {
      return { reason: messageOf(error) };
    }
  }

  /** `segment:offset` while the CPU is in real or virtual-8086 mode, where segments are addresses. */
  private async segmented(reference: string, more: number): Promise<Spot | undefined> {
    const match = SEGMENTED.exec(reference);
    const [segment, offset] = [parseInteger(match?.[1] ?? ''), parseInteger(match?.[2] ?? '')];
    if (segment === undefined || offset === undefined || segment > LARGEST_SEGMENT) return undefined;
    const { mode } = await this.target.cpu();
    if (mode !== 'real' && mode !== 'v8086') return undefined;
    return { places: [{ segment: Number(segment), offset: Number(offset) + more }], answer: { instructionReference: reference, offset: more } };
  }
}

function placeIn(linear: bigint, cr3: number | undefined): PlacedCode {
  return cr3 === undefined ? { linear } : { linear, cr3 };
}
