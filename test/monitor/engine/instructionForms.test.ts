/** Records that are written by an instruction's form are those that the decoder and RecordWriter come to, whatever its constants are. */
import assert from 'node:assert/strict';
import { admit } from '../../../src/monitor/engine/admission';
import { BlockDecoder } from '../../../src/monitor/engine/blockDecoder';
import { leadsOf } from '../../../src/monitor/engine/codeAhead';
import type { CodeContext } from '../../../src/monitor/engine/codeContext';
import { CodePage } from '../../../src/monitor/engine/codePage';
import { RUN_WRITTEN } from '../../../src/monitor/engine/formLayout';
import { InstructionForms, closesBlock } from '../../../src/monitor/engine/instructionForms';
import { contextNumber } from '../../../src/monitor/engine/codeContext';
import { Interpreter } from '../../../src/monitor/engine/interpreter';
import { R, RECORD_BYTES } from '../../../src/monitor/engine/records';
import { RecordWriter } from '../../../src/monitor/engine/recordWriter';
import { decode } from '../../../src/monitor/isa/decoder';
import { CODE_BASE, PAGE_BYTES, SCRATCH_RECORDS } from '../../../src/monitor/memory/layout';
import { AT, protectedGuest } from '../cpu/guest';

const ROUNDS = 12_000;
const BY_DECODER = SCRATCH_RECORDS, BY_FORM = SCRATCH_RECORDS + RECORD_BYTES;
const TABLE = 0x2000000;

const CONTEXTS: readonly CodeContext[] = [
  { bits: 16, model: 'seg', vectors: 'sse', vex: 'none', first: 0, end: 4096, translated: true },
  { bits: 32, model: 'flat', vectors: 'sse', vex: 'avx', first: 0, end: 4096, translated: true },
  { bits: 32, model: 'seg', vectors: 'none', vex: 'none', first: 16, end: 4096, translated: true },
  { bits: 64, model: 'long', vectors: 'sse', vex: 'avx', first: 0, end: 4096, translated: true },
];

const guest = protectedGuest([]);
const { u8, view, memory } = guest.memory;
const unused = (): number => 0;
const interpreter = new Interpreter(memory, { access: unused, commit: unused, segmentFault: unused, raise: unused, service: unused, hot: unused, strayed: unused, breakpoint: unused });
const records = new RecordWriter(view, interpreter);
const { forms: routines } = interpreter;
/** A page for code, and the place in it where most of it stands. */
const CODE = guest.map.own(AT.code / PAGE_BYTES) * PAGE_BYTES;
const HERE = CODE + 0x123;

let seed = 362436069;
function random(below: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 3) % below;
}

const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x40, 0x41, 0x44, 0x48, 0x4d];

/** Bytes of some instruction: opcodes of all maps, now and then with prefixes. */
function randomCode(): Uint8Array {
  const prefixes = Array.from({ length: Math.max(0, random(6) - 3) }, () => PREFIXES[random(PREFIXES.length)] ?? 0);
  const escape = [[], [], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]][random(5)] ?? [];
  return Uint8Array.from([...prefixes, ...escape, ...Array.from({ length: 24 }, () => random(256))]).subarray(0, 24);
}

/** How the instruction at an address is decoded, and what its record is. Undefined when there is none. */
function byDecoder(context: CodeContext, at: number, back: number): { readonly instruction: ReturnType<typeof admit>; readonly record: Uint8Array } | undefined {
  const decoded = decode(u8, at, at + 24, context.bits);
  const instruction = decoded && admit(decoded, context, guest.cpu);
  if (!instruction) return undefined;
  u8.fill(0, BY_DECODER, BY_DECODER + RECORD_BYTES);
  records.writeRecord(BY_DECODER, instruction, at - CODE, context, back, TABLE);
  return { instruction, record: u8.slice(BY_DECODER, BY_DECODER + RECORD_BYTES) };
}

/** Writes the record of the instruction at an address by its form. Says what the run gives: how many instructions, where it ends, whether it ends a block, where it leads. */
function byForm(context: CodeContext, at: number, end = CODE + PAGE_BYTES): { readonly count: number; readonly end: number; readonly closed: boolean; readonly leads: number } {
  u8.fill(0, BY_FORM, BY_FORM + RECORD_BYTES);
  const count = routines.writeRun(at, end, contextNumber(context), BY_FORM, TABLE, 1, context.first);
  const word = (address: number): number => view.getInt32(address, true);
  return { count, end: word(RUN_WRITTEN.end), closed: word(RUN_WRITTEN.closed) !== 0, leads: word(RUN_WRITTEN.leads) };
}

describe('forms of instructions', () => {
  for (const context of CONTEXTS) {
    it(`give the records that the decoder leads to: ${context.bits} bits, ${context.model}, vectors ${context.vectors}`, function () {
      this.timeout(60_000);
      const forms = new InstructionForms(u8, routines);
      const number = contextNumber(context);
      let found = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const code = randomCode();
        u8.set(code, HERE);
        const first = byDecoder(context, HERE, 5);
        if (!first) continue;
        forms.learn(HERE, first.instruction, context, number, BY_DECODER);
        for (let variant = 0; variant < 3; variant++) {
          // Other constants, or something altogether different.
          for (let i = variant === 0 ? 24 : Math.max(1, first.instruction.length - 1 - random(4)); i < 24; i++) code[i] = random(3) === 0 ? 0xff : random(256);
          const at = CODE + random(PAGE_BYTES - 24), back = 1 + random(64);
          u8.set(code, at);
          const expected = byDecoder(context, at, back);
          const written = byForm(context, at);
          if (written.count === 0 || !expected) continue;
          found++;
          const { instruction } = expected;
          assert.deepEqual(written, { count: 1, end: at + instruction.length, closed: closesBlock(instruction), leads: leadsOf(instruction) });
          routines.finishRun(BY_FORM, 1);
          u8[BY_FORM + R.back] = back;
          const text = `${Buffer.from(u8.subarray(at, at + instruction.length)).toString('hex')} (${instruction.name})`;
          assert.deepEqual(Buffer.from(u8.slice(BY_FORM, BY_FORM + RECORD_BYTES)).toString('hex'), Buffer.from(expected.record).toString('hex'), text);
          // A form is found where its instruction's last byte is the last one there, and no more where that is missing.
          assert.equal(byForm(context, at, at + instruction.length).count, 1, text);
          assert.equal(byForm(context, at, at + instruction.length - 1).count, 0, text);
        }
      }
      assert.ok(found > ROUNDS / 2, `${found} found`);
    });
  }

  it('are written in whole blocks, however many forms there are', function () {
    this.timeout(60_000);
    const [, context] = CONTEXTS;
    assert.ok(context);
    const blocks = new BlockDecoder(guest.memory, records, routines, guest.cpu, 64);
    const frame = guest.map.own(AT.data / PAGE_BYTES), home = guest.map.own(AT.code / PAGE_BYTES);
    const page = new CodePage(frame, context, CODE_BASE, 1, guest.memory.i32);
    const address = home * PAGE_BYTES;
    let instructions = 0;
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < PAGE_BYTES; i++) u8[frame * PAGE_BYTES + i] = random(8) === 0 ? 0x0f : random(256);
      for (let start = 0; start < PAGE_BYTES; start += 64) {
        assert.ok(blocks.write(address, 64, page, start));
        let offset = start;
        for (let i = 0; i < blocks.count; i++, instructions++) {
          const decoded = decode(u8, frame * PAGE_BYTES + offset, (frame + 1) * PAGE_BYTES, 32);
          assert.ok(decoded);
          const at = address + i * RECORD_BYTES;
          records.writeRecord(BY_DECODER, admit(decoded, context, guest.cpu), offset, context, blocks.count - i, CODE_BASE);
          assert.equal(records.handlerAlone(at), records.handlerAlone(BY_DECODER));
          assert.equal(Buffer.compare(u8.subarray(at + 4, at + RECORD_BYTES), u8.subarray(BY_DECODER + 4, BY_DECODER + RECORD_BYTES)), 0, decoded.name);
          offset += decoded.length;
        }
        assert.equal(blocks.end, offset);
      }
    }
    assert.ok(instructions > 50_000);
  });

  it('are not found in another context, nor where bytes are missing', () => {
    const forms = new InstructionForms(u8, routines);
    const [narrow, flat] = CONTEXTS;
    assert.ok(narrow && flat);
    // ADD EAX,[EBX+12345678h]
    u8.set([0x03, 0x83, 0x78, 0x56, 0x34, 0x12], HERE);
    const decoded = byDecoder(flat, HERE, 1);
    assert.ok(decoded);
    forms.learn(HERE, decoded.instruction, flat, contextNumber(flat), BY_DECODER);
    assert.equal(byForm(flat, HERE).count, 1);
    assert.equal(byForm(narrow, HERE).count, 0);
    assert.equal(byForm({ ...flat, vectors: 'none' }, HERE).count, 0);
    assert.equal(byForm(flat, HERE, HERE + 5).count, 0);
  });
});
