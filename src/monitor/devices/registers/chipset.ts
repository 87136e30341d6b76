/** What the 440FX (Intel 290549) and the PIIX3 (290550) have in configuration space besides their headers, as far as it acts. */
import type { FieldDescription, RegisterDescription } from '../description';
import { byte, field } from './build';

const RANGES = ['C0000-C3FFF', 'C4000-C7FFF', 'C8000-CBFFF', 'CC000-CFFFF', 'D0000-D3FFF', 'D4000-D7FFF', 'D8000-DBFFF', 'DC000-DFFFF', 'E0000-E3FFF', 'E4000-E7FFF', 'E8000-EBFFF', 'EC000-EFFFF'];

const attributes = (range: string, low: number): FieldDescription[] => [field(`RE ${range}`, low, 'reads come from RAM'), field(`WE ${range}`, low + 1, 'writes go to RAM')];

export const HOST_BRIDGE_REGISTERS: readonly RegisterDescription[] = [
  byte('PAM0', 'attributes of F0000-FFFFF', 0x59, 'read-write', { fields: attributes('F0000-FFFFF', 4) }),
  ...Array.from({ length: 6 }, (_, index) => byte(`PAM${String(index + 1)}`, `attributes of ${RANGES[2 * index]} and ${RANGES[2 * index + 1]}`, 0x5a + index, 'read-write', {
    fields: [...attributes(RANGES[2 * index], 0), ...attributes(RANGES[2 * index + 1], 4)],
  })),
  byte('SMRAM', 'system management RAM control; there is no SMM', 0x72, 'read-write', { reset: 0x02, writable: 0x78, fields: [field('C_BASE_SEG', 0, 'where it would be', 3), field('G_SMRAME', 3, 'enable'), field('D_LCK', 4, 'lock'), field('D_CLS', 5, 'closed'), field('D_OPEN', 6, 'open')] }),
];

export const ISA_BRIDGE_REGISTERS: readonly RegisterDescription[] = ['A', 'B', 'C', 'D'].map((pirq, index) =>
  byte(`PIRQRC${pirq}`, `route of PIRQ ${pirq}`, 0x60 + index, 'read-write', { reset: 0x80, fields: [field('routing', 0, 'ISA line', 4), field('IRQROUTEN', 7, 'not routed')] }));
