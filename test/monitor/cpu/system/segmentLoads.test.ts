/** Every check of a segment load: MOV, POP and LxS to DS, ES, FS, GS and SS (Intel SDM vol. 2, MOV; vol. 3, 5.6 and 5.7). */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { AT, PRESENT, SEL, code, descriptor, dpl, enterUser, le16, le32, protectedGuest, setDescriptor, type Guest } from '../guest';
import { VECTOR, checks, type Fault } from './rows';

const { GP, NP, SS } = VECTOR;

/** Types of byte 5, with S. */
const DATA_RO = 0x10, DATA = 0x12, DATA_DOWN = 0x16, CODE = 0x18, CODE_READ = 0x1a, CONFORMING_READ = 0x1e, CONFORMING = 0x1c, TSS = 0x09, LDT = 0x02, CALL_GATE = 0x0c;
const LDT_BASE = 0x4000;

/** How a selector gets into a segment register: the instruction, which finds selectors in EAX, on the stack, and at AT.data. */
interface Form {
  readonly name: string;
  readonly register: number;
  readonly bytes: readonly number[];
}
const DATA_FORMS: readonly Form[] = [
  { name: 'MOV DS', register: L.DS, bytes: [0x8e, 0xd8] },
  { name: 'MOV ES, m16', register: L.ES, bytes: code([0x8e, 0x05], le32(AT.data + 4)) },
  { name: 'POP DS', register: L.DS, bytes: [0x1f] },
  { name: 'POP FS', register: L.FS, bytes: [0x0f, 0xa1] },
  { name: 'LES', register: L.ES, bytes: code([0xc4, 0x0d], le32(AT.data)) },
  { name: 'LDS', register: L.DS, bytes: code([0xc5, 0x0d], le32(AT.data)) },
  { name: 'LFS', register: L.FS, bytes: code([0x0f, 0xb4, 0x0d], le32(AT.data)) },
  { name: 'LGS', register: L.GS, bytes: code([0x0f, 0xb5, 0x0d], le32(AT.data)) },
];
const STACK_FORMS: readonly Form[] = [
  { name: 'MOV SS', register: L.SS, bytes: [0x8e, 0xd0] },
  { name: 'POP SS', register: L.SS, bytes: [0x17] },
  { name: 'LSS', register: L.SS, bytes: code([0x0f, 0xb2, 0x0d], le32(AT.data)) },
];

interface Row {
  readonly what: string;
  readonly selector: number;
  readonly cpl: 0 | 3;
  /** Access byte of the descriptor that the selector names; missing where there is none to set. */
  readonly access?: number;
  readonly expected: Fault | 'passes';
}
const FREE = SEL.free, IN_LDT = 0x0c;

const DATA_ROWS: readonly Row[] = [
  { what: 'null selectors are loaded', selector: 0, cpl: 3, expected: 'passes' },
  { what: 'null selectors of any RPL', selector: 3, cpl: 0, expected: 'passes' },
  { what: 'index outside the GDT', selector: 0x400, cpl: 0, expected: [GP, 0x400] },
  { what: 'RPL is not in the error code', selector: 0x403, cpl: 0, expected: [GP, 0x400] },
  { what: 'index outside the LDT: TI in the error code', selector: 0x104, cpl: 0, expected: [GP, 0x104] },
  { what: 'last descriptor half outside the LDT', selector: 0x14, cpl: 0, expected: [GP, 0x14] },
  { what: 'a descriptor in the LDT', selector: IN_LDT, cpl: 0, access: PRESENT | DATA, expected: 'passes' },
  { what: 'not present, in the LDT', selector: IN_LDT, cpl: 0, access: DATA, expected: [NP, IN_LDT] },
  { what: 'writable data', selector: FREE, cpl: 0, access: PRESENT | DATA, expected: 'passes' },
  { what: 'read-only data', selector: FREE, cpl: 0, access: PRESENT | DATA_RO, expected: 'passes' },
  { what: 'expand-down data', selector: FREE, cpl: 0, access: PRESENT | DATA_DOWN, expected: 'passes' },
  { what: 'readable code', selector: FREE, cpl: 0, access: PRESENT | CODE_READ, expected: 'passes' },
  { what: 'execute-only code', selector: FREE, cpl: 0, access: PRESENT | CODE, expected: [GP, FREE] },
  { what: 'execute-only conforming code', selector: FREE, cpl: 0, access: PRESENT | CONFORMING, expected: [GP, FREE] },
  { what: 'a TSS', selector: FREE, cpl: 0, access: PRESENT | TSS, expected: [GP, FREE] },
  { what: 'an LDT', selector: FREE, cpl: 0, access: PRESENT | LDT, expected: [GP, FREE] },
  { what: 'a call gate', selector: FREE, cpl: 0, access: PRESENT | CALL_GATE, expected: [GP, FREE] },
  { what: 'RPL above DPL', selector: FREE | 1, cpl: 0, access: PRESENT | DATA, expected: [GP, FREE] },
  { what: 'RPL at DPL', selector: FREE | 2, cpl: 0, access: PRESENT | DATA | dpl(2), expected: 'passes' },
  { what: 'CPL above DPL', selector: FREE, cpl: 3, access: PRESENT | DATA | dpl(2), expected: [GP, FREE] },
  { what: 'CPL 3, DPL 3', selector: FREE | 3, cpl: 3, access: PRESENT | DATA | dpl(3), expected: 'passes' },
  { what: 'non-conforming code asks for privilege', selector: FREE, cpl: 3, access: PRESENT | CODE_READ | dpl(2), expected: [GP, FREE] },
  { what: 'conforming code asks for none', selector: FREE | 3, cpl: 3, access: PRESENT | CONFORMING_READ, expected: 'passes' },
  { what: 'not present', selector: FREE, cpl: 0, access: DATA, expected: [NP, FREE] },
  { what: 'privilege is checked before presence', selector: FREE | 3, cpl: 0, access: DATA, expected: [GP, FREE] },
  { what: 'type is checked before presence', selector: FREE, cpl: 0, access: CODE, expected: [GP, FREE] },
];

const STACK_ROWS: readonly Row[] = [
  { what: 'a null selector', selector: 0, cpl: 0, expected: [GP, 0] },
  { what: 'a null selector with RPL', selector: 3, cpl: 3, expected: [GP, 0] },
  { what: 'index outside the GDT', selector: 0x403, cpl: 3, expected: [GP, 0x400] },
  { what: 'index outside the LDT', selector: 0x104, cpl: 0, expected: [GP, 0x104] },
  { what: 'writable data of the CPL', selector: FREE, cpl: 0, access: PRESENT | DATA, expected: 'passes' },
  { what: 'expand-down data', selector: FREE, cpl: 0, access: PRESENT | DATA_DOWN, expected: 'passes' },
  { what: 'in the LDT', selector: IN_LDT, cpl: 0, access: PRESENT | DATA, expected: 'passes' },
  { what: 'at CPL 3', selector: FREE | 3, cpl: 3, access: PRESENT | DATA | dpl(3), expected: 'passes' },
  { what: 'RPL is not CPL', selector: FREE | 1, cpl: 0, access: PRESENT | DATA, expected: [GP, FREE] },
  { what: 'RPL below CPL', selector: FREE, cpl: 3, access: PRESENT | DATA | dpl(3), expected: [GP, FREE] },
  { what: 'DPL is not CPL', selector: FREE, cpl: 0, access: PRESENT | DATA | dpl(3), expected: [GP, FREE] },
  { what: 'DPL below CPL', selector: FREE | 3, cpl: 3, access: PRESENT | DATA, expected: [GP, FREE] },
  { what: 'read-only data', selector: FREE, cpl: 0, access: PRESENT | DATA_RO, expected: [GP, FREE] },
  { what: 'readable code', selector: FREE, cpl: 0, access: PRESENT | CODE_READ, expected: [GP, FREE] },
  { what: 'conforming code', selector: FREE, cpl: 0, access: PRESENT | CONFORMING_READ, expected: [GP, FREE] },
  { what: 'a TSS', selector: FREE, cpl: 0, access: PRESENT | TSS, expected: [GP, FREE] },
  { what: 'not present: #SS', selector: FREE, cpl: 0, access: DATA, expected: [SS, FREE] },
  { what: 'not present, in the LDT', selector: IN_LDT, cpl: 0, access: DATA, expected: [SS, IN_LDT] },
  { what: 'type before presence', selector: FREE, cpl: 0, access: DATA_RO, expected: [GP, FREE] },
];

const tableOf = (selector: number): number => (selector & 4 ? LDT_BASE : AT.gdt) + (selector & 0xfff8);

function prepare(row: Row, form: Form): Guest {
  const guest = protectedGuest(form.bytes);
  // An LDT of two and a half descriptors.
  guest.cpu.setSegment(L.LDTR, 0x3f8, LDT_BASE, 0x13, 0x82);
  if (row.access !== undefined) guest.put(tableOf(row.selector), descriptor(0, 0xfffff, row.access, 0xc));
  if (row.cpl === 3) enterUser(guest, form.bytes);
  guest.state.setReg(L.RAX, row.selector);
  guest.put(AT.data, [...le32(0x12345678), ...le16(row.selector)]);
  guest.put(guest.state.reg(L.RSP), le32(row.selector));
  return guest;
}

describe('segment loads', function () {
  this.timeout(120_000);

  for (const [forms, rows] of [[DATA_FORMS, DATA_ROWS], [STACK_FORMS, STACK_ROWS]] as const) {
    for (const form of forms) {
      it(form.name, () => {
        for (const row of rows) {
          const guest = prepare(row, form);
          checks(guest, row.expected, row.what);
          if (row.expected !== 'passes') continue;
          assert.equal(guest.state.selector(form.register), row.selector, row.what);
          // The accessed bit is set in memory.
          if (row.access !== undefined) assert.equal(guest.map.read(tableOf(row.selector) + 5, 1), row.access | 1, row.what);
        }
      });
    }
  }

  it('a null selector in DS refuses every access, and changes nothing before', () => {
    const guest = protectedGuest(code([0xa1], le32(AT.data)));
    guest.cpu.setNullSegment(L.DS, 0);
    checks(guest, [GP, 0], 'MOV EAX, [data]');
  });

  it('expand-down segments: what is below the limit and above the end is outside', () => {
    const access = (offset: number, big: boolean): Guest => {
      const guest = protectedGuest(code([0x64, 0xa1], le32(offset)));
      setDescriptor(guest, FREE, descriptor(0, 0xfff, PRESENT | DATA_DOWN, big ? 4 : 0));
      guest.cpu.setSegment(L.FS, FREE, 0, 0xfff, big ? 0x497 : 0x097);
      return guest;
    };
    checks(access(0xfff, true), [GP, 0], 'one byte below');
    checks(access(0x1000, true), 'passes', 'first');
    checks(access(0xfffc, false), 'passes', 'last of 64 KiB');
    checks(access(0xfffd, false), [GP, 0], 'beyond 64 KiB');
    checks(access(0x10000, false), [GP, 0], 'above 64 KiB');
  });
});
