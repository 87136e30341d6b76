/** What the instruction of a service is about to do, as event stops and conditions see it. */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import type { Operation } from '../cpu/operation';
import { serviceNumber } from '../cpu/services';
import { FLAG } from '../cpu/state';
import type { EventReport } from './stops';

type Describe = (cpu: Cpu, operation: Operation) => EventReport | undefined;

const portBytes = ({ size }: Operation): 1 | 2 | 4 => (size === 8 ? 4 : size);
const immediatePort = (_cpu: Cpu, { immediate }: Operation): number => immediate & 0xff;
const dataPort = ({ state }: Cpu): number => state.reg(L.RDX, 2);

const input = (port: (cpu: Cpu, operation: Operation) => number): Describe => (cpu, operation) =>
  ({ kind: 'port', port: port(cpu, operation), bytes: portBytes(operation), access: 'read' });

const output = (port: (cpu: Cpu, operation: Operation) => number): Describe => (cpu, operation) =>
  ({ kind: 'port', port: port(cpu, operation), bytes: portBytes(operation), access: 'write', value: cpu.state.reg(L.RAX, portBytes(operation)) });

/** INS, OUTS: the first element's access, if there is one. */
const strings = (access: 'read' | 'write', bytes: 1 | 0): Describe => (cpu, operation) =>
  operation.repeat !== 'none' && cpu.state.pointer(L.RCX, operation.addressBits) === 0
    ? undefined
    : { kind: 'port', port: dataPort(cpu), bytes: bytes === 1 ? 1 : portBytes(operation), access };

const SERVICES: ReadonlyMap<number, Describe> = new Map<number, Describe>(
  Object.entries<Describe>({
    in: input(immediatePort),
    in_dx: input(dataPort),
    out: output(immediatePort),
    out_dx: output(dataPort),
    insb: strings('read', 1),
    insv: strings('read', 0),
    outsb: strings('write', 1),
    outsv: strings('write', 0),
    rdmsr: ({ state }) => ({ kind: 'msr', msr: state.reg(L.RCX), access: 'read' }),
    wrmsr: ({ state }) => ({ kind: 'msr', msr: state.reg(L.RCX), access: 'write', value: (BigInt(state.reg(L.RDX)) << 32n) | BigInt(state.reg(L.RAX)) }),
    mov_to_cr: ({ state }, { reg, rm }) =>
      reg === 3 ? { kind: 'cr3', from: state.u64(L.CR3), to: state.code64 ? state.reg64(rm) : BigInt(state.reg(rm)) } : undefined,
    int: (_, { immediate }) => ({ kind: 'softwareInterrupt', vector: immediate & 0xff }),
    int3: () => ({ kind: 'softwareInterrupt', vector: 3 }),
    into: ({ state }) => (state.flags & FLAG.OF ? { kind: 'softwareInterrupt', vector: 4 } : undefined),
  }).map(([name, describe]) => [serviceNumber(name), describe]),
);

const INTERRUPT_RETURN = serviceNumber('iret');

/** What a service (its number) is about to do; undefined for what no stop is about. */
export function happeningOf(number: number, cpu: Cpu, operation: Operation): EventReport | undefined {
  return SERVICES.get(number)?.(cpu, operation);
}

export const isInterruptReturn = (number: number): boolean => number === INTERRUPT_RETURN;
