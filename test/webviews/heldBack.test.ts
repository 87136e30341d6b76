/** What *Devices* says of an interrupt line that waits: what a manual says holds it back, and nothing of lines that do not. */
import assert from 'node:assert/strict';
import { heldBack } from '../../webviews/devices/heldBack';
import type { Interrupts } from '../../webviews/devices/model';

type Line = Interrupts['lines'][number];
type Pic = NonNullable<Line['pic']>;
type Apic = Interrupts['apics'][number];

const PIC: Pic = { requested: true, masked: false, inService: false, levelTriggered: false, vector: 0x24 };
const ENTRY: NonNullable<Line['ioApic']> = { input: 4, masked: true, levelTriggered: false, activeLow: false, pending: false, vector: 0, delivery: 'fixed', destination: 0, logical: false };
const APIC: Apic = { cpu: 0, mode: 'xapic', taskPriority: 0, requested: [], inService: [], external: true };

function reason({ pic, entry, line = {}, apic = {}, interruptFlags = [true] }: { pic?: Partial<Pic>; entry?: Partial<Line['ioApic']>; line?: Partial<Line>; apic?: Partial<Apic>; interruptFlags?: boolean[] }): string | undefined {
  const whole: Line = { line: 4, devices: ['com1'], raised: true, pic: { ...PIC, ...pic }, ioApic: { ...ENTRY, ...entry }, requestedAt: [], inServiceAt: [], ...line };
  return heldBack(whole, { lines: [whole], apics: [{ ...APIC, ...apic }], interruptFlags });
}

/** As the I/O APIC's: vector 51, at CPU 0's local APIC. */
const AT_APIC = { pic: { masked: true }, entry: { masked: false, vector: 0x51 }, line: { requestedAt: [0] } } as const;

describe('an interrupt line that waits', () => {
  it('waits for the flag, or for nothing', () => {
    assert.equal(reason({ interruptFlags: [false] }), 'IF = 0 on CPU 0');
    assert.equal(reason({}), undefined);
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51] }, interruptFlags: [false] }), 'IF = 0 on CPU 0');
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51] } }), undefined);
  });

  it('may be masked, itself or the way that it goes', () => {
    assert.equal(reason({ pic: { masked: true } }), 'masked in the 8259 and in the I/O APIC');
    const pirq: Line = { line: 17, devices: ['network'], raised: true, ioApic: ENTRY, requestedAt: [], inServiceAt: [] };
    assert.equal(heldBack(pirq, { lines: [pirq], apics: [APIC], interruptFlags: [true] }), 'masked in the I/O APIC');
    assert.equal(reason({ line: { line: 12 }, pic: { cascadeMasked: true } }), 'IRQ 2, by which it goes, is masked');
    assert.equal(reason({ apic: { external: false } }), 'no local APIC lets the 8259 in: LINT0 is masked');
    assert.equal(reason({ apic: { external: false, mode: 'disabled' } }), undefined, 'INTR goes past an APIC that is off');
  });

  it('may be behind another that is in service, by the rules of the 8259 and of the local APIC', () => {
    assert.equal(reason({ pic: { behind: 1 } }), 'IRQ 1 is in service');
    assert.equal(reason({ pic: { behind: 4, inService: true } }), 'it is in service already');
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51], inService: [0x31, 0x61] } }), 'CPU 0 is at vector 61, of no lower priority');
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51], inService: [0x50] } }), 'CPU 0 is at vector 50, of no lower priority', 'the same class of sixteen');
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51], inService: [0x4f] } }), undefined);
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51, 0x62] } }), 'vector 62 goes first');
  });

  it('may be below the task priority, which counts by classes of sixteen', () => {
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51], taskPriority: 0x50 } }), 'task priority 50 of CPU 0');
    assert.equal(reason({ ...AT_APIC, apic: { requested: [0x51], taskPriority: 0x4f } }), undefined);
  });

  it('may be high still, with its edge taken; a level in service needs no word', () => {
    assert.match(reason({ pic: { requested: false } }) ?? '', /^its edge has been taken/);
    assert.equal(reason({ pic: { requested: false, inService: true } }), undefined);
    assert.match(reason({ pic: { requested: false, masked: true }, entry: { masked: false } }) ?? '', /^its edge has been taken/);
    assert.equal(reason({ pic: { requested: false, masked: true }, entry: { masked: false, levelTriggered: true } }), undefined);
    assert.equal(reason({ pic: { masked: true }, entry: { masked: false, vector: 0x51 }, line: { inServiceAt: [0] } }), undefined);
  });

  it('asks for nothing when it is low', () => {
    assert.equal(reason({ line: { raised: false }, pic: { requested: false, masked: true } }), undefined);
  });
});
