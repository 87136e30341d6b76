/** Breakpoints of every kind and mode, conditions, hit counts and log messages, in every mode of the machine. */
import assert from 'node:assert/strict';
import { hex, type Place } from './place';

/** Some message with which a breakpoint says where a file is looked for. */
const UNKNOWN_SOURCE = /processors\.asm/;

export function breakpoints(there: () => Place): void {
  it('stops at a function each time, says at which breakpoint, and finds each again backwards', async () => {
    const place = there();
    const id = await place.breakAtCalled();
    const met: string[] = [];
    for (let time = 0; time < 3; time++) {
      const stop = await place.go('breakpoint');
      assert.deepEqual(stop.hitBreakpointIds, [id]);
      met.push(await place.hash());
    }
    for (const hash of met.slice(0, 2).reverse()) {
      assert.deepEqual((await place.go('breakpoint', 'reverseContinue')).hitBreakpointIds, [id]);
      assert.equal(await place.hash(), hash);
    }
  });

  it('counts hits, and heeds conditions that hold and ones that do not', async () => {
    const place = there();
    const { client, mode } = place;
    await place.breakAtCalled();
    const passed: number[] = [];
    for (let time = 0; time < 4; time++) {
      await place.go('breakpoint');
      passed.push(await place.retired());
    }
    await place.rewind();
    await place.breakAtCalled({ hitCondition: '3' });
    await place.go('breakpoint');
    assert.equal(await place.retired(), passed[2], 'the third');
    await place.rewind();
    await place.breakAtCalled({ condition: mode.holds, hitCondition: '% 2' });
    await place.go('breakpoint');
    assert.equal(await place.retired(), passed[1], mode.holds);
    await place.rewind();
    await place.breakAtCalled({ condition: `$retired == ${passed[3]}` });
    await place.go('breakpoint');
    assert.equal(await place.retired(), passed[3]);
    await place.rewind();
    await place.breakAtCalled({ condition: mode.never });
    const past = passed[3] - (await place.retired()) + 10;
    assert.equal((await place.until(`${past} instructions`)).description, 'instruction limit reached', mode.never);
    await place.rewind();
    await place.breakAtCalled({ condition: 'no_such_name == 1' });
    // What cannot be evaluated stops, and says why.
    await place.go('breakpoint');
    await client.event('output', ({ output }) => output.includes('no_such_name'));
  });

  it('writes log messages and goes on', async () => {
    const place = there();
    const { client, mode } = place;
    const { source, pc } = mode;
    if (!source) {
      // The protocol has log messages for lines of source alone.
      const { source: listing, line } = await place.here();
      assert.match(await client.refused('setBreakpoints', { source: listing, breakpoints: [{ line, logMessage: 'here' }] }), /Lines of a listing take no breakpoints/);
      return;
    }
    const set = async (more: object): Promise<void> => {
      const { breakpoints: [{ verified, message }] } = await client.request('setBreakpoints', { source: { path: source.path }, breakpoints: [{ line: source.repeated, ...more }] });
      assert.equal(verified, true, message);
    };
    await set({ hitCondition: '3' });
    await place.go('breakpoint');
    const third = await place.retired();
    await place.rewind();
    // What the guest prints comes in pieces that may begin with any of its words.
    await set({ logMessage: `log message: at {$${pc}}, stack {${place.stackPointer}}` });
    assert.equal((await place.until(`${third - (await place.retired()) + 1} instructions`)).description, 'instruction limit reached');
    for (let time = 0; time < 3; time++) {
      const { output } = await client.event('output', (body) => body.output.startsWith('log message: '));
      assert.match(output, /^log message: at 0x[0-9a-f]+ \(\d+\), stack 0x[0-9a-f]+ \(\d+\)\n$/);
    }
    assert.deepEqual(client.unreadEvents('output').filter(({ body }) => JSON.stringify(body).includes('log message: ')), [], 'as often as it came by');
  });

  it('takes addresses: linear, physical, and by the way that the mode has for them', async () => {
    const place = there();
    const { client, mode } = place;
    await place.breakAtCalled();
    await place.go('breakpoint');
    const address = await place.address();
    const moment = await place.retired();
    const references = [hex(address), `phys:${await place.physical(address)}`];
    if (mode.pc === 'eip' && mode.word === 2) references.push(`0x0:${hex(address)}`);
    else references.push(`lin:${(await place.value('$cr3')).split(' ')[0]}:${hex(address)}`);
    for (const instructionReference of references) {
      await place.rewind();
      const { breakpoints: [set] } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference }] });
      assert.equal(set.verified, true, set.message);
      assert.deepEqual((await place.go('breakpoint')).hitBreakpointIds, [set.id]);
      assert.equal(await place.retired(), moment, instructionReference);
    }
    await place.rewind();
    const { breakpoints: [refused] } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: 'lin:nothing' }] });
    assert.equal(refused.verified, false);
    assert.match(refused.message ?? '', /nothing/);
  });

  it('stops at lines, or says that there are none', async () => {
    const place = there();
    const { client, mode: { source } } = place;
    if (!source) {
      const { breakpoints: [refused] } = await client.request('setBreakpoints', { source: { path: '/nowhere/processors.asm' }, breakpoints: [{ line: 3 }] });
      assert.equal(refused.verified, false);
      assert.match(refused.message ?? '', UNKNOWN_SOURCE);
      return;
    }
    const { breakpoints: [set] } = await client.request('setBreakpoints', { source: { path: source.path }, breakpoints: [{ line: source.repeated }] });
    assert.deepEqual([set.verified, set.line], [true, source.repeated], set.message);
    for (let time = 0; time < 2; time++) {
      assert.deepEqual((await place.go('breakpoint')).hitBreakpointIds, [set.id]);
      assert.equal((await place.here()).line, source.repeated);
    }
    const { breakpoints: locations } = await client.request('breakpointLocations', { source: { path: source.path }, line: source.repeated });
    assert.deepEqual([...new Set(locations.map(({ line }) => line))], [source.repeated]);
  });

  for (const [kind, isSeen] of [
    ['physical', async () => undefined],
    ['guest-dr', async (place: Place) => assert.notEqual(await place.number('$dr7 & 0xff'), 0n)],
    ['guest-int3', async (place: Place, address: bigint) => assert.equal(await place.number(`u8[${hex(address)}]`), 0xccn)],
  ] as const) {
    it(`stops at breakpoints of the mode '${kind}', which the guest does not feel`, async () => {
      const place = there();
      const { client } = place;
      await place.breakAtCalled();
      const addresses: bigint[] = [];
      for (let time = 0; time < 3; time++) {
        await place.go('breakpoint');
        addresses.push(await place.address());
      }
      const registers = await place.command('regs');
      const bytes = await place.number(`u8[${hex(addresses[0])}]`);
      await place.rewind();
      const { present, furthest, forks } = await place.timeline();
      const { breakpoints: [set] } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: hex(addresses[0]), mode: kind }] });
      assert.equal(set.verified, true, set.message);
      const left = (await place.timeline()).forks.slice(forks.length);
      if (kind === 'physical') assert.deepEqual(left, [], 'nothing in the machine has changed');
      else assert.deepEqual(left.map(({ retired, end }) => [retired, end.retired]), [[present.retired, furthest.retired]], 'the past has changed');
      for (const address of addresses) {
        assert.deepEqual((await place.go('breakpoint')).hitBreakpointIds, [set.id]);
        assert.equal(await place.address(), address);
        await isSeen(place, address);
      }
      assert.equal(withoutFlags(await place.command('regs')), withoutFlags(registers), 'the guest has come to the same');
      await client.request('setInstructionBreakpoints', { breakpoints: [] });
      assert.equal(await place.number(`u8[${hex(addresses[0])}]`), bytes);
      assert.equal(await place.number('$dr7 & 0xff'), 0n);
    });
  }
}

/** RF may be set in the flags: that is what lets the guest go past a debug register. */
function withoutFlags(registers: string): string {
  return registers.replace(/^eflags=.*|^rflags=.*/m, '');
}
