/**
 * Why an interrupt line that asks for the processor is not served: what holds it back on its way, as far as the picture tells.
 *
 * Source: 8259A data sheet, 'priority resolver'; SDM volume 3, 13.8.3, for what local APICs hold back.
 */
import { hex } from '../ui/numbers';
import { t } from '../ui/words';
import type { Interrupts } from './model';

type Line = Interrupts['lines'][number];

/** In words, or undefined: it asks for nothing, it is being served, or nothing that is known holds it back. */
export function heldBack(line: Line, picture: Interrupts): string | undefined {
  const { pic, ioApic, raised, requestedAt, inServiceAt } = line;
  if (requestedAt.length > 0) return requestedAt.map((cpu) => atLocalApic(cpu, ioApic?.vector ?? 0, picture)).find((reason) => reason !== undefined);
  if (inServiceAt.length > 0 || !(raised || pic?.requested === true || ioApic?.pending === true)) return undefined;
  const picTakes = pic?.masked === false;
  const ioApicTakes = ioApic?.masked === false;
  if (!picTakes && !ioApicTakes) return pic === undefined ? t('masked in the I/O APIC') : t('masked in the 8259 and in the I/O APIC');
  if (picTakes && pic.requested) return atPic(pic, line.line, picture);
  if (picTakes && pic.inService) return undefined;
  const isEdge = picTakes ? !pic.levelTriggered : ioApic?.levelTriggered === false && !ioApic.pending;
  return raised && isEdge ? t('its edge has been taken: the next comes when the wire has been low') : undefined;
}

const priorityClass = (vector: number) => vector >>> 4;

/** SDM: a vector is delivered when its class is above those of the task priority and of what is in service. */
function atLocalApic(cpu: number, vector: number, { apics, interruptFlags }: Interrupts): string | undefined {
  const apic = apics.find((each) => each.cpu === cpu);
  if (apic === undefined) return undefined;
  const serving = Math.max(-1, ...apic.inService);
  const own = priorityClass(vector);
  if (serving >= 0 && priorityClass(serving) >= own) return t('CPU {0} is at vector {1}, of no lower priority', cpu, hex(serving, 2));
  if (priorityClass(apic.taskPriority) >= own) return t('task priority {0} of CPU {1}', hex(apic.taskPriority, 2), cpu);
  if (interruptFlags[cpu] === false) return t('IF = 0 on CPU {0}', cpu);
  const first = Math.max(...apic.requested, vector);
  return first > vector ? t('vector {0} goes first', hex(first, 2)) : undefined;
}

function atPic(pic: NonNullable<Line['pic']>, line: number, { apics, interruptFlags }: Interrupts): string | undefined {
  if (pic.cascadeMasked === true) return t('IRQ 2, by which it goes, is masked');
  if (pic.behind !== undefined) return pic.behind === line ? t('it is in service already') : t('IRQ {0} is in service', pic.behind);
  const asked = apics.find(({ external }) => external);
  if (asked === undefined && apics.length > 0 && apics.every(({ mode }) => mode !== 'disabled')) return t('no local APIC lets the 8259 in: LINT0 is masked');
  const cpu = asked?.cpu ?? 0;
  return interruptFlags[cpu] === false ? t('IF = 0 on CPU {0}', cpu) : undefined;
}
