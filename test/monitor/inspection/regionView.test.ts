/**
 * Translated code as the inspection tells of it: regions, guest instructions beside WebAssembly text, and samples of where a guest is.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { Profiler } from '../../../src/monitor/inspection/profiler';
import { RegionView } from '../../../src/monitor/inspection/regionView';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';
import { LARGE, Program, RET } from '../engine/calledCode';

const SOON: EngineSettings = { ...ENGINES.translator, heat: 40 };

/** MOV ECX, 50000; loop: ADD EAX, 3; MOV [data], EAX; DEC ECX; JNZ loop; HLT. */
const LOOP = code([0xb9], le32(50000), [0x83, 0xc0, 0x03], [0xa3], le32(AT.data), 0x49, [0x75, 0xf5], HLT);
const LOOP_AT = AT.code + 5;

function looped(): { guest: Guest; view: RegionView } {
  const guest = protectedGuest(LOOP, SOON);
  // Hot blocks wait for others through some slices.
  for (let i = 0; i < 20; i++) guest.run(60);
  return { guest, view: new RegionView(guest.cpu, guest.executor) };
}

describe('regions of translated code', () => {
  it('are listed with where they begin and what they hold', () => {
    const { regions, left } = looped().view.regions();
    assert.equal(left, 0);
    const [loop] = regions;
    assert.deepEqual([loop.state, loop.linear, loop.cold, loop.physical, loop.bits, loop.model], ['in use', BigInt(LOOP_AT), undefined, LOOP_AT, 32, 'flat']);
    assert.deepEqual([loop.blocks, loop.instructions, loop.module, loop.moduleRegions], [1, 4, 1, 1]);
    assert.ok(loop.moduleBytes > 100);
  });

  it('keep the address that led to them when no TLB leads there any more, and say so', () => {
    const { guest, view } = looped();
    guest.mmu.tlb.flushExecute(guest.mmu.currentSpace.slot);
    const [loop] = view.regions().regions;
    assert.deepEqual([loop.linear, loop.cold], [BigInt(LOOP_AT), true]);
  });

  it('show each instruction beside the code that is emitted for it', () => {
    const { view } = looped();
    const details = view.region(view.regions().regions[0].entry);
    assert.ok(details);
    const [block] = details.blocks;
    assert.deepEqual([...block.bytes], [...LOOP.slice(5, -1)]);
    assert.equal(block.isLoop, true);
    assert.deepEqual(block.instructions.map(({ id, offset, kind }) => [id, offset, kind]), [[0, 0, 'translated'], [1, 3, 'translated'], [2, 8, 'translated'], [3, 9, 'translated']]);
    const of = (id: number | undefined): string => details.wasm.filter((line) => line.id === id).map(({ text }) => text).join('\n');
    assert.match(of(0), /\(local\.set \$eax \(local\.get \$t\d+\)\)|\(local\.set \$eax \(i32\.add \(local\.get \$eax\) \(i32\.const 3\)\)\)/);
    assert.match(of(1), /\(local\.set \$(t\d+) \(local\.get \$eax\)\)[^]*\(i32\.store \(local\.get \$t\d+\) \(local\.get \$\1\)\)/);
    assert.doesNotMatch(of(2), /store/);
    assert.match(of(2), /\$ecx/);
    assert.match(of(3), /\$budget/);
    assert.match(of(undefined), /\(return_call \$region\.follow .*\(v128\.const i64x2 0 0\)\)/);
    assert.ok(details.wasm.some(({ comment }) => comment?.includes('cpu.rax')));
    assert.equal(details.wasm.at(-1)?.text, ')');
    assert.equal(details.wasm.filter(({ text }) => /^(block|loop|if )/.test(text)).length, details.wasm.filter(({ text }) => text === 'end').length, 'what is opened is closed');
  });

  it('show the calls that lead outside, by a link or by what the TLB knows, and the way back', () => {
    const guest = protectedGuest([], SOON);
    new Program().at(AT.code).label('again').call('function').jump('again').at(0x15000).label('function').fill(LARGE).put(RET).into(guest);
    for (let i = 0; i < 200; i++) guest.run(600);
    const view = new RegionView(guest.cpu, guest.executor);
    const { regions } = view.regions();
    assert.ok(regions.length >= 2, `${regions.length} regions`);
    const texts = regions.map(({ entry }) => view.region(entry)?.wasm ?? assert.fail('it is gone'));
    for (const lines of texts) assert.equal(lines.at(-1)?.text, ')');
    const calls = texts.flat().map(({ text }) => text).filter((text) => text.startsWith('(call'));
    // Into block 0 of what stands at the first entry of the table of links; and, where there is none, by the address.
    assert.ok(calls.includes('(call_indirect (i32.const 0) (i32.const 0))') && calls.some((text) => text.startsWith('(call $region.leap ')), calls.join('\n'));
  });

  it('are gone when their code is, and asleep, without code to show, while it may come back', () => {
    const { guest, view } = looped();
    const [{ entry }] = view.regions().regions;
    assert.equal(view.region(entry + 1000), undefined);
    // The first write to a page's code drops what was made of it; from then on blocks keep their bytes.
    guest.map.write(LOOP_AT, 1, 0x90);
    assert.equal(view.region(entry), undefined);
    guest.map.write(LOOP_AT, 1, 0x83);
    for (let i = 0; i < 20; i++) guest.run(60);
    const [again] = view.regions().regions;
    guest.map.write(LOOP_AT, 1, 0x90);
    const asleep = view.region(again.entry);
    assert.equal(asleep?.summary.state, 'asleep');
    assert.match(asleep.story ?? '', /written to/);
    assert.deepEqual(asleep.wasm, []);
  });
});

describe('profile', () => {
  it('has samples by stack, with what was retired, and only while it runs', () => {
    // A loop that pushes a frame: PUSH EBP; MOV EBP, ESP; loop: JMP loop
    const guest = protectedGuest(code([0x55, 0x89, 0xe5, 0xeb, 0xfe]), SOON);
    const profiler = new Profiler(guest.cpu, (address, bytes) => Uint8Array.from({ length: bytes }, (_, i) => guest.map.read(Number(address) + i, 1)), () => guest.executor.retired());
    guest.state.setReg(L.RSP, AT.stack0 - 0x100);
    guest.put32(AT.stack0 - 0x100, 0x12345);
    profiler.sample();
    assert.equal(profiler.profile().samples, 0);
    profiler.profile('start');
    for (let i = 0; i < 3; i++) {
      guest.run(100);
      profiler.sample();
    }
    const { samples, retired, stacks, running } = profiler.profile('stop');
    assert.deepEqual([samples, retired, running], [3, 300, false]);
    assert.deepEqual(stacks.map(({ addresses, samples: some, retired: count, user }) => ({ addresses, some, count, user })), [{ addresses: [BigInt(AT.code + 3), 0x12345n], some: 3, count: 300, user: false }]);
    profiler.sample();
    assert.equal(profiler.profile().samples, 3);
  });

  it('leaves a guest as it is', () => {
    const [seen, unseen] = [1, 2].map(() => protectedGuest(LOOP, SOON));
    const profiler = new Profiler(seen.cpu, () => new Uint8Array(0), () => seen.executor.retired());
    profiler.profile('start');
    for (const guest of [seen, unseen]) {
      for (let i = 0; i < 20; i++) {
        guest.run(97);
        if (guest === seen) profiler.sample();
      }
    }
    assert.deepEqual([seen.state.reg(L.RAX), seen.executor.retired()], [unseen.state.reg(L.RAX), unseen.executor.retired()]);
  });
});
