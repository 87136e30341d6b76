/**
 * The adapter's small languages by themselves: numbers, references, hit conditions, log messages, the wire codec, markers
 * and golden transcripts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatReference, parseReference } from '../../debugger/addresses';
import { parseHitCondition, parseLogMessage } from '../../debugger/conditions/languages';
import { base64ToBytes, bigintOf, toWire } from '../../debugger/codec';
import { fitInto, littleEndian, parseInteger, toLittleEndian } from '../../debugger/numbers';
import { Image } from '../../debugger/image';
import { SymbolFileError } from '../../debugger/symbols/bytes';
import { SymbolTable } from '../../debugger/symbols/symbol-table';
import { compareWithGolden, transcriptText } from './golden';
import { markersIn } from './markers';
import { needProgram } from './program';

describe('numbers', () => {
  it('are read in decimal, hexadecimal and binary', () => {
    assert.equal(parseInteger('42'), 42n);
    assert.equal(parseInteger(' -0x_'), undefined);
    assert.equal(parseInteger('-0x10'), -16n);
    assert.equal(parseInteger('0b1_01'), 5n);
    assert.equal(parseInteger('1_000'), 1000n);
    for (const text of ['', '0x', '12a', '1 2', 'eax', '--1']) assert.equal(parseInteger(text), undefined, text);
  });

  it('fit into a register or do not', () => {
    assert.equal(fitInto(-1n, 8, 'al'), 0xffn);
    assert.equal(fitInto(255n, 8, 'al'), 255n);
    assert.throws(() => fitInto(256n, 8, 'al'), /0x100 does not fit into al/);
    assert.throws(() => fitInto(-129n, 8, 'al'), /does not fit/);
  });

  it('become bytes and numbers again', () => {
    assert.deepEqual([...toLittleEndian(0x1234n, 3)], [0x34, 0x12, 0]);
    assert.equal(littleEndian(Uint8Array.of(0x34, 0x12, 0x80)), 0x801234n);
  });
});

describe('memory references', () => {
  it('come back as they went out', () => {
    for (const text of ['0x7c00', 'phys:0x1000', 'lin:0x9000:0xc0000000']) {
      const place = parseReference(text);
      assert.ok(place, text);
      assert.equal(formatReference(place), text);
    }
    assert.equal(parseReference('4096')?.address, 4096n);
    assert.equal(parseReference('lin:0x10')?.space.kind, 'linear');
    for (const text of ['', 'esp', 'phys:', 'phys:x', '-1', 'a:b:c', '10:20']) assert.equal(parseReference(text), undefined, text);
  });
});

describe('hit conditions', () => {
  const stops = (text: string): number[] => [1, 2, 3, 4, 5, 6].filter((hits) => parseHitCondition(text).holds(hits));

  it('choose the hits that stop', () => {
    assert.deepEqual(stops('3'), [3, 4, 5, 6]);
    assert.deepEqual(stops('>= 5'), [5, 6]);
    assert.deepEqual(stops('> 5'), [6]);
    assert.deepEqual(stops('== 2'), [2]);
    assert.deepEqual(stops('<3'), [1, 2]);
    assert.deepEqual(stops('<= 1'), [1]);
    assert.deepEqual(stops('% 2'), [2, 4, 6]);
  });

  it('are refused when malformed', () => {
    for (const text of ['', 'x', '>= x', '!= 3', '% 0', '-1']) assert.throws(() => parseHitCondition(text), /hit condition/, text);
  });
});

describe('log messages', () => {
  it('are split at their expressions', () => {
    assert.deepEqual(parseLogMessage('a {b} c{d[{e}]}'), [
      { kind: 'text', text: 'a ' }, { kind: 'expression', text: 'b' }, { kind: 'text', text: ' c' }, { kind: 'expression', text: 'd[{e}]' },
    ]);
    assert.deepEqual(parseLogMessage('open { brace'), [{ kind: 'text', text: 'open { brace' }]);
  });
});

describe('the wire codec', () => {
  it('writes bigint as hexadecimal text and bytes as base64', () => {
    const wire = toWire({ a: 255n, b: [1n, 2n], c: Uint8Array.of(1, 2), d: new Map([['x', 3n]]), e: Uint16Array.of(7), f: 'text', g: undefined, h: -1n });
    assert.deepEqual(JSON.parse(JSON.stringify(wire)), { a: '0xff', b: ['0x1', '0x2'], c: 'AQI=', d: { x: '0x3' }, e: [7], f: 'text', h: '-0x1' });
  });

  it('reads numbers and bytes, and refuses others', () => {
    assert.equal(bigintOf('0xFF'), 255n);
    assert.equal(bigintOf('ff'), undefined);
    assert.deepEqual(base64ToBytes('AQI='), Uint8Array.of(1, 2));
    assert.equal(base64ToBytes('*'), undefined);
  });
});

describe('a symbol file that is broken in part', () => {
  it('has no answers there, and is complained about once', function () {
    const program = needProgram(this);
    const complaints: string[] = [];
    const image = new Image('a.elf', '/a.elf', SymbolTable.parse(new Uint8Array(readFileSync(program.elf))), (message) => complaints.push(message));
    const broken = (): never => { throw new SymbolFileError('cut short', '.debug_info'); };
    assert.equal(image.ask(broken), undefined);
    assert.equal(image.ask(broken), undefined);
    assert.deepEqual(complaints, ['A part of the symbols cannot be used: cut short (.debug_info)']);
    assert.equal(image.ask((table) => table.machine), '386');
    assert.throws(() => image.ask(() => { throw new TypeError('ours'); }), /ours/);
  });
});

describe('test helpers', () => {
  it('find markers in C, NASM and GNU assembler comments', () => {
    assert.deepEqual([...markersIn('x\nint a; // marker: one\n mov eax, 1 ; marker: two\n nop # marker: three-a\n/* marker: four */')], [
      ['one', 2], ['two', 3], ['three-a', 4], ['four', 5],
    ]);
    assert.throws(() => markersIn('// marker: a\n// marker: a'), /stands twice/);
  });

  it('write transcripts without what differs from run to run, and compare them', () => {
    const text = transcriptText([
      { direction: 'to adapter', message: { seq: 1, type: 'request', ...{ command: 'next', arguments: { threadId: 1 } } } },
      { direction: 'from adapter', message: { seq: 9, type: 'response', ...{ command: 'next', success: true, body: { b: 1, a: '/tmp/x/y' } } } },
      { direction: 'from adapter', message: { seq: 10, type: 'event', ...{ event: 'shadowbox.changed', body: {} } } },
      { direction: 'from adapter', message: { seq: 11, type: 'response', ...{ command: 'next', success: false, message: 'no' } } },
    ], { '/tmp/x': 'FOLDER' });
    assert.equal(text, '→ next {"threadId":1}\n← next {"a":"FOLDER/y","b":1}\n← next FAILED no\n');
    const file = join(mkdtempSync(join(tmpdir(), 'shadowbox-golden-')), 'a.golden');
    assert.throws(() => compareWithGolden(file, text), /does not exist/);
    process.env.UPDATE_GOLDEN = '1';
    compareWithGolden(file, text);
    delete process.env.UPDATE_GOLDEN;
    assert.equal(readFileSync(file, 'utf8'), text);
    compareWithGolden(file, text);
    assert.throws(() => compareWithGolden(file, text.replace('no', 'yes')), /:3: expected/);
  });
});
