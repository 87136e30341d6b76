/** Bits of control registers by feature (Intel SDM vol. 3, 2.3, 2.5, 2.2.1; vol. 1, 13.1). */
import assert from 'node:assert/strict';
import { allowedCr0, allowedCr4, allowedEfer, allowedFlags, allowedXcr0 } from '../../../../src/monitor/cpu/models/controlBits';
import { withNeeds, type Feature, type FeatureSet } from '../../../../src/monitor/cpu/models/features';
import { MODELS, type ModelName } from '../../../../src/monitor/cpu/models/models';

const of = (name: ModelName, ...more: readonly Feature[]): FeatureSet => withNeeds([...MODELS[name].features, ...more]);
const hex = (bits: number): string => bits.toString(16);

describe('control bits', () => {
  it('CR4 grows with the models', () => {
    assert.equal(hex(allowedCr4(of('8086'))), '0');
    assert.equal(hex(allowedCr4(of('486'))), '3');
    // VME, PVI, TSD, DE, PSE, MCE.
    assert.equal(hex(allowedCr4(of('pentium'))), '5f');
    // And PAE, PGE, PCE, OSFXSR, OSXMMEXCPT.
    assert.equal(hex(allowedCr4(of('pentium3'))), '7ff');
    assert.equal(hex(allowedCr4(of('x86-64-v2'))), '207ff');
    // FSGSBASE, PCIDE, OSXSAVE, SMEP.
    assert.equal(hex(allowedCr4(of('x86-64-v3'))), '1707ff');
    assert.equal(hex(allowedCr4(of('x86-64-v3', 'smap', 'umip', 'pku', 'la57'))), '771fff');
  });

  it('CR0 has NE, WP, AM, NW and CD from the 486 on', () => {
    assert.equal(hex(allowedCr0(of('8086'))), '0');
    assert.equal(hex(allowedCr0(of('486'))), 'e005002f');
  });

  it('EFER is there with SYSCALL, long mode or NX', () => {
    assert.equal(hex(allowedEfer(of('pentium3'))), '0');
    assert.equal(hex(allowedEfer(of('pentium-pro'))), '800');
    assert.equal(hex(allowedEfer(of('x86-64-v2'))), 'd01');
  });

  it('the flags tell an 8086 from a 486 from one with CPUID', () => {
    assert.deepEqual(allowedFlags(of('8086')), { changeable: 0xfd5, ones: 0xf002 });
    assert.equal(allowedFlags(of('486')).ones, 2);
    // AC, VIF, VIP, ID.
    assert.equal(hex(allowedFlags(of('486')).changeable), '3f7fd5');
    const plain = new Set(of('486'));
    plain.delete('cpuid');
    plain.delete('vme');
    assert.equal(hex(allowedFlags(plain).changeable), '77fd5');
  });

  it('XCR0 holds the states that there are', () => {
    assert.equal(allowedXcr0(of('x86-64-v2')), 0);
    assert.equal(allowedXcr0(of('x86-64-v2', 'xsave')), 3);
    assert.equal(allowedXcr0(of('x86-64-v3', 'pku')), 0x207);
  });
});
