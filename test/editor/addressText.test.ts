// Which address is meant by a text or a variable that was clicked.
import assert from 'node:assert/strict';
import { addressExpression, addressInMemory, addressOfVariable, baseAddressQuery, byteCountIn, clickedBytes, clickedPart, expressionOfVariable } from '../../src/extension/addressText';

describe('an address in text', () => {
  const CASES: readonly (readonly [string, string | undefined])[] = [
    ['0x50000000', '0x50000000'],
    ['0x50000000u', '0x50000000'],
    ['0xC0000000UL', '0xC0000000'],
    ['7C00h', '0x7C00'],
    ['0FFFFh', '0x0FFFF'],
    // As in layout.h's map and in crash reports.
    ['3FFFF000', '0x3FFFF000'],
    ['ffffffff81000000', '0xffffffff81000000'],
    ['4096', '0x1000'],
    // Names and expressions are the debugger's affair.
    ['frame->eip', 'frame->eip'],
    ['cash', 'cash'],
    ['  $esp ', '$esp'],
    ['   ', undefined],
  ];
  for (const [text, expected] of CASES) {
    it(`'${text}' is ${expected ?? 'nothing'}`, () => { assert.equal(addressExpression(text), expected); });
  }
});

describe('the address of a variable', () => {
  it('is its memory reference, in a variable\'s wrapper or in a watch', () => {
    assert.equal(addressOfVariable({ sessionId: '1', variable: { name: 'x', value: '5', memoryReference: '0x1000' } }), '0x1000');
    assert.equal(addressOfVariable({ name: 'x', value: '5', memoryReference: 'lin:0x400000:0x1000' }), 'lin:0x400000:0x1000');
  });
  it('is the value of a pointer that has none', () => {
    assert.equal(addressOfVariable({ variable: { name: 'p', value: '0x410000 <current>' } }), '0x410000');
  });
  it('is missing for other values without one', () => {
    assert.equal(addressOfVariable({ variable: { name: 'x', value: '5 (0x5)' } }), undefined);
    assert.equal(addressOfVariable({ variable: { name: 'x', value: '5', memoryReference: '' } }), undefined);
    assert.equal(addressOfVariable(undefined), undefined);
  });
});

describe('the expression of a variable itself', () => {
  it('is what the debugger gave for it, not what it points at', () => {
    assert.equal(expressionOfVariable({ variable: { name: 'next', evaluateName: 'list->next', memoryReference: '0x5000' } }), 'list->next');
  });

  it('is the text of a watch', () => {
    assert.equal(expressionOfVariable({ name: 'ticks + 1', memoryReference: '0x5000' }), 'ticks + 1');
  });

  it('is the reference of memory without a name, and nothing for what is nowhere', () => {
    assert.equal(expressionOfVariable({ variable: { name: '[0]', memoryReference: '0x5000' } }), '0x5000');
    assert.equal(expressionOfVariable({ variable: { name: 'bits', value: '3' } }), undefined);
    assert.equal(expressionOfVariable(undefined), undefined);
  });
});

describe('where the hex editor counts from', () => {
  it('is the address, linear or physical, as far as numbers are exact', () => {
    assert.deepEqual(['0x100000', 'phys:0xFEE00000', '0x7ffe12345000', '0xffffffff81000000', '$esp', 'frame->eip'].map(baseAddressQuery), [
      'baseAddress=0x100000', 'baseAddress=0xFEE00000', 'baseAddress=0x7ffe12345000', '', '', '',
    ]);
  });
});

describe('an address in a file of the guest\'s memory', () => {
  const file = (reference: string) => ({ scheme: 'vscode-debug-memory', path: `/${encodeURIComponent(reference)}/memory.bin` });

  it('is what the file begins at, and so many bytes behind it, in the same space', () => {
    assert.equal(addressInMemory(file('0xffffffff81000000')), '0xffffffff81000000');
    assert.equal(addressInMemory(file('0xffffffff81000000'), 0x1234), '0xffffffff81001234');
    assert.equal(addressInMemory(file('phys:0xb8000'), 0xa0), 'phys:0xb80a0');
    assert.equal(addressInMemory(file('lin:0x400000:0x1ff8'), 8), 'lin:0x400000:0x2000');
  });

  it('is an expression where the file is one\'s', () => {
    assert.equal(addressInMemory(file('$esp')), '$esp');
    assert.equal(addressInMemory(file('task->stack'), 16), '(task->stack) + 16');
  });

  it('is read out of a path that was not encoded, too', () => {
    assert.equal(addressInMemory({ scheme: 'vscode-debug-memory', path: '/a%b/memory.bin' }), 'a%b');
  });

  it('is missing in other files', () => {
    assert.equal(addressInMemory({ scheme: 'file', path: '/0x1000/memory.bin' }), undefined);
    assert.equal(addressInMemory({ scheme: 'vscode-debug-memory', path: '/' }), undefined);
  });
});

describe('what a context menu in memory is about', () => {
  const shown = { scheme: 'vscode-debug-memory', path: '/0x1000/memory.bin' };

  it('is what the element under the pointer says, however much a memory file is open', () => {
    assert.deepEqual(clickedBytes({ webview: 'shadowbox.physicalMemory', reference: 'phys:0x2000', bytes: 16 }, shown), { reference: 'phys:0x2000', bytes: 16 });
  });

  it('is the memory that the hex editor shows, which says nothing of itself', () => {
    assert.deepEqual(clickedBytes({ webview: 'hexEditor.hexedit' }, shown), { reference: '0x1000' });
    assert.equal(clickedBytes({ webview: 'hexEditor.hexedit' }, { scheme: 'file', path: '/kernel.elf' }), undefined);
    assert.equal(clickedBytes(undefined, undefined), undefined);
  });
});

describe('a row of a panel', () => {
  const ROW = { webviewSection: 'shadowbox.row.mapped', linear: '0x50000000', reference: 'phys:0x412000', bytes: 4096, entry: 'phys:0x406000', entryBytes: 4 };

  it('says what it leads to, its entry, and its address', () => {
    assert.deepEqual(clickedBytes(ROW, undefined), { reference: 'phys:0x412000', bytes: 4096 });
    assert.deepEqual(clickedPart(ROW, 'entry'), { reference: 'phys:0x406000', bytes: 4 });
    assert.deepEqual(clickedPart(ROW, 'linear'), { reference: '0x50000000' });
  });

  it('has no entry where it is a piece of a page, and nothing elsewhere', () => {
    assert.equal(clickedPart({ linear: '0x1000', reference: 'phys:0x1000', bytes: 4096 }, 'entry'), undefined);
    for (const part of ['entry', 'linear'] as const) assert.equal(clickedPart(undefined, part), undefined);
  });
});

describe('a number of bytes', () => {
  it('is typed in decimal or hexadecimal', () => {
    assert.deepEqual(['16', ' 0x1000 ', '0', '-4', '1.5', '', '4k', '1e3'].map(byteCountIn), [16, 4096, undefined, undefined, undefined, undefined, undefined, undefined]);
  });
});
