/** When vector instructions may run (Intel SDM vol. 2, tables 2-18 to 2-26; vol. 3, 13.4 for CR0.EM and CR0.TS). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { CR0, CR4 } from '../../../src/monitor/cpu/state';
import { HLT, protectedGuest } from '../cpu/guest';

const UD = 6, NM = 7;

const PADDB_MMX = [0x0f, 0xfc, 0xc1];
const PADDB_XMM = [0x66, 0x0f, 0xfc, 0xc1];
const ADDPS = [0x0f, 0x58, 0xc1];
const LDMXCSR = [0x0f, 0xae, 0x15, 0x00, 0x00, 0x02, 0x00];
/** VPADDB, VADDPS, ANDN and VZEROUPPER. */
const VPADDB = [0xc5, 0xf1, 0xfc, 0xc2];
const VADDPS = [0xc5, 0xf0, 0x58, 0xc2];
const ANDN = [0xc4, 0xe2, 0x70, 0xf2, 0xc2];
const VZEROUPPER = [0xc5, 0xf8, 0x77];

interface Setting {
  readonly cr0?: number;
  readonly cr4: number;
  readonly xcr0?: number;
  readonly real?: boolean;
}

const SSE = CR4.OSFXSR | CR4.OSXMMEXCPT;
const ALL = SSE | CR4.OSXSAVE;

/** The vector of the fault of one instruction, or none. */
function faultOf(instruction: readonly number[], { cr0 = 0, cr4, xcr0 = 7, real }: Setting): number | undefined {
  const guest = protectedGuest([...instruction, HLT]);
  const { state, executor } = guest;
  state.setU32(L.CR0, real ? state.cr0 & ~CR0.PE : state.cr0 | cr0);
  state.setU32(L.CR4, cr4);
  state.setU32(L.XCR0, xcr0);
  state.setU32(L.MXCSR, 0x1f80);
  guest.cpu.changedContext();
  executor.stopVectors = new Set([UD, NM]);
  const outcome = executor.run(1);
  return outcome.kind === 'exception' ? outcome.fault.vector : undefined;
}

function expectFaults(setting: Setting, expected: readonly (readonly [instruction: readonly number[], vector: number | undefined])[]): void {
  for (const [instruction, vector] of expected) assert.equal(faultOf(instruction, setting), vector, Buffer.from(instruction).toString('hex'));
}

describe('vector instructions', () => {
  it('run when the system has switched all on', () => {
    expectFaults({ cr4: ALL }, [PADDB_MMX, PADDB_XMM, ADDPS, LDMXCSR, VPADDB, VADDPS, ANDN, VZEROUPPER].map((code) => [code, undefined]));
  });

  it('of SSE need CR4.OSFXSR, those of MMX do not', () => {
    expectFaults({ cr4: CR4.OSXSAVE }, [[PADDB_MMX, undefined], [PADDB_XMM, UD], [ADDPS, UD], [LDMXCSR, UD]]);
  });

  it('are undefined with CR0.EM, but for VEX', () => {
    expectFaults({ cr4: ALL, cr0: CR0.EM }, [[PADDB_MMX, UD], [PADDB_XMM, UD], [LDMXCSR, UD], [ANDN, undefined]]);
  });

  it('wait for the task switch that CR0.TS tells of; general registers do not', () => {
    expectFaults({ cr4: ALL, cr0: CR0.TS }, [[PADDB_MMX, NM], [PADDB_XMM, NM], [ADDPS, NM], [LDMXCSR, NM], [VPADDB, NM], [VADDPS, NM], [VZEROUPPER, NM], [ANDN, undefined]]);
  });

  it('of AVX need CR4.OSXSAVE and both parts of its state in XCR0', () => {
    expectFaults({ cr4: SSE }, [[VPADDB, UD], [VADDPS, UD], [VZEROUPPER, UD], [ANDN, undefined], [PADDB_XMM, undefined]]);
    expectFaults({ cr4: ALL, xcr0: 3 }, [[VPADDB, UD], [VZEROUPPER, UD], [ANDN, undefined]]);
    expectFaults({ cr4: ALL, xcr0: 3, cr0: CR0.TS }, [[VPADDB, UD]]);
  });

  it('with a VEX prefix do not exist in real mode', () => {
    expectFaults({ cr4: ALL, real: true }, [[VPADDB, UD], [ANDN, UD], [PADDB_XMM, undefined]]);
  });
});
