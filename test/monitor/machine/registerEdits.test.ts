/**
 * Registers set from outside: each that is listed takes what it can hold, and what the processor could not hold is refused
 * with a reason (Intel SDM vol. 1, 3.4, 8.1, 10.2; vol. 3, 2.2.1, 2.5, 2.6).
 */
import assert from 'node:assert/strict';
import { cpuView } from '../../../src/monitor/inspection/cpuView';
import type { CpuState, RegisterValue } from '../../../src/monitor/inspection/queries';
import { setRegister } from '../../../src/monitor/machine/registerEdits';
import { HLT, code, protectedGuest, type Guest } from '../cpu/guest';

const CR0_PG_PE = 0x80000011n;
const CR4_PAE = 0x20n;
const EFER_LME = 0x100n;

const groupsOf = (view: CpuState): readonly RegisterValue[] => [...view.general, view.flags, ...view.control, ...view.debug, ...view.x87, ...view.vector, ...view.msrs];

function valueOf(guest: Guest, name: string): bigint {
  const found = groupsOf(cpuView(guest.cpu)).find((register) => register.name === name);
  assert.ok(found, name);
  return found.value;
}

function set(guest: Guest, name: string, value: bigint): bigint {
  setRegister(guest.cpu, name, value);
  return valueOf(guest, name.toLowerCase());
}

const refuses = (guest: Guest, name: string, value: bigint, why: RegExp): void => {
  const before = groupsOf(cpuView(guest.cpu)).map((register) => register.value);
  assert.throws(() => setRegister(guest.cpu, name, value), why, `${name} = ${value.toString(16)}`);
  assert.deepEqual(groupsOf(cpuView(guest.cpu)).map((register) => register.value), before, `${name}: nothing has changed`);
};

/** Long mode with 32-bit code (compatibility mode), by the registers alone. */
function longGuest(): Guest {
  const guest = protectedGuest(code(HLT));
  set(guest, 'cr4', valueOf(guest, 'cr4') | CR4_PAE);
  set(guest, 'efer', EFER_LME);
  set(guest, 'cr0', CR0_PG_PE);
  return guest;
}

describe('registers set from outside', () => {
  it('take what they can hold', () => {
    const guest = protectedGuest(code(HLT));
    assert.equal(set(guest, 'EAX', 0xfedcba98n), 0xfedcba98n);
    assert.equal(set(guest, 'cr2', 0x12345678n), 0x12345678n);
    assert.equal(set(guest, 'xmm7', (1n << 127n) | 5n), (1n << 127n) | 5n);
    assert.equal(set(guest, 'st2', 0xc000a000000000000000n), 0xc000a000000000000000n);
    assert.equal(set(guest, 'mm3', 0x0123456789abcdefn), 0x0123456789abcdefn);
    assert.equal(set(guest, 'idtr.limit', 0x7ffn), 0x7ffn);
    assert.equal(set(guest, 'ia32_pat', 0x0606060606060606n), 0x0606060606060606n);
    // Reserved bits of DR6 and DR7 keep their fixed values (vol. 3, figure 17-1).
    assert.deepEqual([set(guest, 'dr6', 0n), set(guest, 'dr7', 0n)], [0xffff0ff0n, 0x400n]);
  });

  it('are those of the mode, and as wide', () => {
    const guest = protectedGuest(code(HLT));
    refuses(guest, 'rax', 1n, /no register 'rax'/);
    refuses(guest, 'xmm8', 1n, /no register/);
    refuses(guest, 'eax', 1n << 32n, /32 bits/);
    refuses(guest, 'al', 1n, /no register/);
    const long = longGuest();
    assert.equal(set(long, 'r15', 0xffffffff81000000n), 0xffffffff81000000n);
    refuses(long, 'eax', 1n, /no register/);
    assert.equal(set(long, 'xmm15', 9n), 9n);
    refuses(long, 'rip', 1n << 32n, /no address of this code/);
  });

  it('are refused what would be no state of the processor', () => {
    const guest = protectedGuest(code(HLT));
    refuses(guest, 'cr0', 0x80000010n, /PG without CR0.PE/);
    refuses(guest, 'cr0', 0x20000011n, /NW without CR0.CD/);
    refuses(guest, 'cr0', 0x111n, /no bits 0x100/);
    refuses(guest, 'eflags', 0x20002n, /VM cannot be changed alone/);
    refuses(guest, 'eflags', 0x400002n, /no flags 0x400000/);
    refuses(guest, 'cr4', 0x80000000n, /#GP/);
    refuses(guest, 'xcr0', 2n, /#GP/);
    refuses(guest, 'mxcsr', 0x10000n, /no bits/);
    refuses(guest, 'efer', 2n, /#GP/);
    refuses(guest, 'ia32_mtrrcap', 0n, /read-only/);
    refuses(guest, 'ia32_pat', 2n, /#GP/);
    refuses(guest, 'cs', 8n, /far jump/);
    refuses(guest, 'tr', 8n, /LTR/);
    refuses(guest, 'ds', 0xfff8n, /#GP/);
    refuses(guest, 'fs.base', 0n, /selector/);
    const long = longGuest();
    refuses(long, 'efer', 0n, /#GP/);
    refuses(long, 'cr4', 0n, /#GP/);
    refuses(long, 'ia32_lstar', 1n << 47n, /#GP/);
    refuses(long, 'fs.base', 1n << 60n, /#GP/);
  });

  it('bring long mode about as instructions do', () => {
    const guest = protectedGuest(code(HLT));
    set(guest, 'efer', EFER_LME);
    refuses(guest, 'cr0', CR0_PG_PE, /#GP/);
    const long = longGuest();
    assert.equal(cpuView(long.cpu).mode, 'compatibility');
    assert.equal(valueOf(long, 'efer') & 0x400n, 0x400n);
    setRegister(long.cpu, 'gs.base', 0xffff888000000000n);
    assert.equal(valueOf(long, 'ia32_gs_base'), 0xffff888000000000n);
    assert.equal(cpuView(long.cpu).segments.find(({ name }) => name === 'gs')?.base, 0xffff888000000000n);
  });
});
