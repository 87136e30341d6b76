/**
 * Services for decimal adjustment (Intel SDM vol. 2: AAA, AAD, AAM, AAS, DAA, DAS).
 */
import { VECTOR, fault, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Service } from '../operation';
import { FLAG, STATUS_FLAGS } from '../state';

const al = (cpu: Cpu): number => cpu.state.reg(L.RAX, 1);
const ax = (cpu: Cpu): number => cpu.state.reg(L.RAX, 2);

/** Sets AL's SF, ZF, PF beside the given AF and CF. */
function setByteFlags(cpu: Cpu, value: number, carries: number): void {
  let flags = carries;
  if (value === 0) flags |= FLAG.ZF;
  if (value & 0x80) flags |= FLAG.SF;
  let bits = value ^ (value >> 4);
  bits ^= bits >> 2;
  bits ^= bits >> 1;
  if (!(bits & 1)) flags |= FLAG.PF;
  cpu.state.status = flags & STATUS_FLAGS;
}

function packed(sign: 1 | -1): Service {
  return (cpu) => {
    const flags = cpu.state.flags;
    const old = al(cpu);
    let value = old;
    let carries = 0;
    if ((old & 0xf) > 9 || flags & FLAG.AF) {
      value += 6 * sign;
      carries |= FLAG.AF;
      if (value < 0 || flags & FLAG.CF) carries |= FLAG.CF;
    }
    if (old > 0x99 || flags & FLAG.CF) {
      value += 0x60 * sign;
      carries |= FLAG.CF;
    }
    value &= 0xff;
    cpu.state.setReg(L.RAX, value, 1);
    setByteFlags(cpu, value, carries);
    return 'next';
  };
}

function unpacked(sign: 1 | -1): Service {
  return (cpu) => {
    const adjust = (al(cpu) & 0xf) > 9 || (cpu.state.flags & FLAG.AF) !== 0;
    // AL and AH are adjusted as one: AX plus or minus 106h.
    const value = adjust ? (ax(cpu) + 0x106 * sign) & 0xffff : ax(cpu);
    cpu.state.setReg(L.RAX, value & 0xff0f, 2);
    setByteFlags(cpu, value & 0xf, adjust ? FLAG.AF | FLAG.CF : 0);
    return 'next';
  };
}

export const decimalServices: Readonly<Record<string, Service>> = {
  daa: packed(1),
  das: packed(-1),
  aaa: unpacked(1),
  aas: unpacked(-1),
  aam: (cpu, op) => {
    const divisor = op.immediate & 0xff;
    if (divisor === 0) throw fault(VECTOR.DE);
    const value = al(cpu);
    const low = value % divisor;
    cpu.state.setReg(L.RAX, (Math.floor(value / divisor) << 8) | low, 2);
    setByteFlags(cpu, low, 0);
    return 'next';
  },
  aad: (cpu, op) => {
    const value = (al(cpu) + (ax(cpu) >> 8) * (op.immediate & 0xff)) & 0xff;
    cpu.state.setReg(L.RAX, value, 2);
    setByteFlags(cpu, value, 0);
    return 'next';
  },
};
