/** Stops that cannot be, refused with a sentence that says why. */
import { MachineError } from './blame';
import type { ExceptionStop } from './session';
import type { EventStop, ExecutionBreakpoint, Stop, Watchpoint } from './stops';


const PHYSICAL_END = 2n ** 40n;
const LINEAR_END = 2n ** 64n;
/** Watched bytes: all of a 32-bit space. */
const MOST_BYTES = 2 ** 32;
const VECTORS = 256, PORTS = 0x10000;

const refused = (text: string): MachineError => new MachineError(text, 'user');

function checkFilter({ cpu, cr3, privilege }: Partial<Stop>): void {
  if (cpu !== undefined && !isCount(cpu, 255)) throw refused(`${cpu} is no number of a CPU.`);
  if (cr3 !== undefined && !isCount(cr3, Number.MAX_SAFE_INTEGER)) throw refused(`${cr3} is no value of CR3.`);
  if (privilege !== undefined && privilege !== 'user' && privilege !== 'kernel') throw refused(`'${String(privilege)}' is no privilege: user or kernel.`);
}

function checkAddress(space: 'linear' | 'physical', address: bigint, length = 1): void {
  const end = space === 'physical' ? PHYSICAL_END : LINEAR_END;
  if (address < 0n || address + BigInt(length) > end) throw refused(`${length} bytes at ${space} address 0x${address.toString(16)} do not lie inside of its ${space === 'physical' ? 40 : 64} bits.`);
}

const isCount = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= most;

export function checkBreakpoint(stop: ExecutionBreakpoint): void {
  checkFilter(stop);
  if ('linear' in stop) return checkAddress('linear', stop.linear);
  if ('physical' in stop) {
    if (!Number.isSafeInteger(stop.physical)) throw refused(`${stop.physical} is no guest-physical address.`);
    return checkAddress('physical', BigInt(stop.physical));
  }
  if (!isCount(stop.segment, 0xffff) || !isCount(stop.offset, 0xffff)) throw refused(`Segment and offset have 16 bits each.`);
}

export function checkException(stop: ExceptionStop): void {
  checkFilter(stop);
  checkVector(stop.vector);
}

export function checkWatchpoint(stop: Watchpoint): void {
  checkFilter(stop);
  const { length, space, address, access } = stop;
  if (!isCount(length, MOST_BYTES) || length === 0) throw refused(`${length} is no number of bytes to watch: 1 to ${MOST_BYTES}.`);
  if (space !== 'linear' && space !== 'physical') throw refused(`'${String(space)}' is no space of addresses: linear or physical.`);
  if (!['read', 'write', 'readWrite', 'change'].includes(access)) throw refused(`'${String(access)}' is no access to watch: read, write, readWrite or change.`);
  checkAddress(space, address, length);
}

export function checkEvent(stop: EventStop): void {
  checkFilter(stop);
  switch (stop.kind) {
    case 'interrupt':
    case 'softwareInterrupt':
      if (stop.vector !== undefined) checkVector(stop.vector);
      return;
    case 'port':
      if (!isCount(stop.port, PORTS - 1) || !isCount(stop.count ?? 1, PORTS - stop.port)) throw refused(`Ports go from 0 to ffff: ${stop.count ?? 1} from ${stop.port} on do not.`);
      return;
    case 'msr':
      if (stop.msr !== undefined && !isCount(stop.msr, 0xffffffff)) throw refused(`${stop.msr} is no number of an MSR.`);
      return;
    case 'touch':
      return checkAddress(stop.space, stop.address);
    case 'cr3':
    case 'mode':
    case 'taskSwitch':
      return;
    default:
      throw refused(`There is no event to stop at of this kind: ${JSON.stringify(stop)}.`);
  }
}

function checkVector(vector: number): void {
  if (!isCount(vector, VECTORS - 1)) throw refused(`${vector} is no vector: 0 to ${VECTORS - 1}.`);
}
