/** Execution modes: what decides them, and that switches between them are counted by their cause. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { causeOfSwitch, decideMode, type ExecutionConditions } from '../../../src/monitor/engine/executionMode';
import { AT, HLT, IRET, NOP, SEL, code, enterUser, gate, int, le16, movEax, protectedGuest, realGuest, setGate, PRESENT, dpl } from '../cpu/guest';

/** A Linux process on a processor with interrupts on. */
const USER: ExecutionConditions = { operation: 'protected', cpl: 3, iopl: 0, interruptFlag: true, trapFlag: false, model: 'flat', translates: true, upperHalvesClear: true };

describe('execution modes', () => {
  it('user code runs directly where nothing sensitive can execute unnoticed and no limit can be passed', () => {
    assert.deepEqual(decideMode(USER), { mode: 'direct', reason: 'unprivileged' });
    assert.equal(decideMode({ ...USER, model: 'long' }).mode, 'direct');
    // IOPL is below 3 in all of these, so CLI, STI, IN and OUT fault, and POPF leaves IF alone (Intel SDM vol. 1, 19.3).
    for (const iopl of [0, 1, 2]) assert.equal(decideMode({ ...USER, iopl }).mode, 'direct');
  });

  it('what is missing for that is the reason for guards', () => {
    const reason = (change: Partial<ExecutionConditions>): string => `${decideMode({ ...USER, ...change }).mode} ${decideMode({ ...USER, ...change }).reason}`;
    assert.equal(reason({ cpl: 0 }), 'guarded supervisor');
    assert.equal(reason({ cpl: 1 }), 'guarded supervisor');
    assert.equal(reason({ iopl: 3 }), 'guarded io-privilege');
    assert.equal(reason({ interruptFlag: false }), 'guarded interrupts-off');
    assert.equal(reason({ model: 'seg' }), 'guarded segments');
    assert.equal(reason({ operation: 'real', cpl: 0, model: 'seg' }), 'guarded real-mode');
    assert.equal(reason({ operation: 'virtual-8086', model: 'seg' }), 'guarded virtual-8086');
    assert.equal(reason({ upperHalvesClear: false }), 'interpreted upper-halves');
    assert.equal(reason({ translates: false }), 'interpreted no-translator');
    assert.equal(reason({ trapFlag: true }), 'stepped trap-flag');
  });

  it('a switch has the cause that is decided by first', () => {
    assert.equal(causeOfSwitch(USER, { ...USER, cpl: 0, interruptFlag: false }), 'privilege');
    assert.equal(causeOfSwitch({ ...USER, operation: 'real', cpl: 0, model: 'seg' }, { ...USER, cpl: 0 }), 'operation');
    assert.equal(causeOfSwitch(USER, { ...USER, model: 'seg' }), 'segments');
    assert.equal(causeOfSwitch(USER, { ...USER, iopl: 3 }), 'iopl');
    assert.equal(causeOfSwitch({ ...USER, upperHalvesClear: false }, USER), 'registers');
  });

  it('a program and its system calls: instructions of each, and two switches for each call', () => {
    const guest = protectedGuest([]);
    // The handler returns at once; the program calls it ten times.
    setGate(guest, 0x80, gate(SEL.code0, AT.code, PRESENT | dpl(3) | 0x0e));
    guest.put(AT.code, code(NOP, IRET));
    enterUser(guest, code(0xb9, [10, 0, 0, 0], int(0x80), 0x49, [0x75, 0xfb], HLT), 0x202);
    const { log } = guest.executor.locator;
    log.instructionsUntil(guest.executor.retired());
    assert.deepEqual(guest.executor.locator.decision(), { mode: 'direct', reason: 'unprivileged' });
    const [direct, guarded] = [log.switches.direct.privilege, log.switches.guarded.privilege];
    guest.runToHalt();
    const instructions = log.instructionsUntil(guest.executor.retired());
    const { switches } = log;
    // HLT at CPL 3 is #GP, whose handler halts.
    assert.equal(switches.direct.privilege - direct, 10);
    assert.equal(switches.guarded.privilege - guarded, 11);
    assert.equal(instructions.direct + instructions.guarded, guest.state.f64(L.RETIRED));
    assert.ok(instructions.guarded >= 20 && instructions.guarded <= 23, `${instructions.guarded} instructions of handlers`);
    assert.equal(guest.executor.locator.decision().reason, 'supervisor');
  });

  it('a segment load that is not flat puts user code under guards', () => {
    const guest = protectedGuest([]);
    guest.put(AT.gdt + SEL.free, [0xff, 0x0f, 0, 0, 0, 0xf2, 0x40, 0]);
    enterUser(guest, code([0x66, 0xb8], le16(SEL.free | 3), [0x8e, 0xd8], movEax(1), [0xeb, 0xfe]), 0x202);
    guest.run(1);
    assert.equal(guest.executor.locator.decision().mode, 'direct');
    guest.run(10);
    assert.deepEqual(guest.executor.locator.decision(), { mode: 'guarded', reason: 'segments' });
    assert.equal(guest.executor.locator.log.switches.guarded.segments, 1);
  });

  it('real mode is guarded, and TF is stepped', () => {
    const guest = realGuest([NOP, NOP, HLT]);
    assert.deepEqual(guest.executor.locator.decision(), { mode: 'guarded', reason: 'real-mode' });
    guest.state.flags = 0x102;
    assert.deepEqual(guest.executor.locator.decision(), { mode: 'stepped', reason: 'trap-flag' });
    guest.run(1);
    assert.equal(guest.executor.counters.stepTrapFlag, 1);
  });
});
