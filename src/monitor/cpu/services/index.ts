/**
 * All services by name, and by number as records carry them.
 */
import type { Service } from '../operation';
import { aesServices } from './aesServices';
import { controlServices } from './controlServices';
import { decimalServices } from './decimalServices';
import { gatherServices } from './gatherServices';
import { ioServices } from './ioServices';
import { longModeServices } from './longModeServices';
import { segmentServices } from './segmentServices';
import { shaServices } from './shaServices';
import { sseServices } from './sse';
import { stackServices } from './stackServices';
import { stringServices } from './stringServices';
import { systemServices } from './systemServices';
import { transferServices } from './transferServices';
import { x87Services } from './x87Services';
import { xsaveServices } from './xsaveServices';

const ALL: Readonly<Record<string, Service>> = {
  ...aesServices,
  ...controlServices,
  ...decimalServices,
  ...gatherServices,
  ...ioServices,
  ...longModeServices,
  ...segmentServices,
  ...shaServices,
  ...sseServices,
  ...stackServices,
  ...stringServices,
  ...systemServices,
  ...transferServices,
  ...x87Services,
  ...xsaveServices,
};

export const SERVICES: readonly Service[] = Object.values(ALL);
const NUMBERS = new Map(Object.keys(ALL).map((name, number) => [name, number]));

/** Number of a service; undefined when none of this name is written. */
export function findService(name: string): number | undefined {
  return NUMBERS.get(name);
}

/** Number of a service by the name that the opcode map gives it. Error when there is none: our bug. */
export function serviceNumber(name: string): number {
  const number = NUMBERS.get(name);
  if (number === undefined) throw new Error(`No service is written for instruction !${name}`);
  return number;
}
