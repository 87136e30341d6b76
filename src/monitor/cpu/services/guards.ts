/**
 * What services of system instructions check first, and how they go back to the run loop.
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import type { Operation, Outcome, Service } from '../operation';

/** Privileged instructions: #GP(0) outside CPL 0. */
export function privileged(service: Service): Service {
  return (cpu, op) => {
    if (cpu.state.cpl !== 0) throw generalProtection();
    return service(cpu, op);
  };
}

/** Instructions that do not exist in real and virtual-8086 mode. */
export function protectedOnly(service: Service): Service {
  return (cpu, op) => {
    if (!cpu.state.descriptorMode) throw fault(VECTOR.UD);
    return service(cpu, op);
  };
}

/** Instructions of 64-bit code alone. */
export function code64Only(service: Service): Service {
  return (cpu, op) => {
    if (!cpu.state.code64) throw fault(VECTOR.UD);
    return service(cpu, op);
  };
}

/** After a change of mode the block behind may mean something else: control goes back to the run loop. */
export function changeOfMode(cpu: Cpu, op: Operation): Outcome {
  cpu.state.eip = op.next;
  return 'leave';
}
