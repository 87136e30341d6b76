/** Whatever a guest does ends in an architectural fault or nothing: random code never raises an exception of ours. */
import assert from 'node:assert/strict';
import { TripleFault } from '../../../src/monitor/cpu/interrupts';
import * as L from '../../../src/monitor/cpu/layout';
import { CR4 } from '../../../src/monitor/cpu/state';
import { handlerOf as longHandlerOf, longGuest } from '../cpu/system/longGuest';
import { AT, IRET, enterUser, handlerOf, protectedGuest, realGuest, type Guest } from '../cpu/guest';
import { randomCode } from '../isa/randomCode';

const STREAMS = Number(process.env['SHADOWBOX_FUZZ'] ?? 25);
const BURST = 200;

interface Setting {
  readonly name: string;
  readonly bits: 32 | 64;
  make(): Guest;
}

const user = (): Guest => {
  const guest = protectedGuest([]);
  enterUser(guest, []);
  return guest;
};

/** 4 MiB pages one to one, so that guest tables are walked and traced. */
const paged = (): Guest => {
  const guest = protectedGuest([]);
  guest.put32(AT.tables, 0x87);
  const s = guest.state;
  s.setU32(L.CR4, 0x10);
  s.setWide(L.CR3, AT.tables);
  s.setU32(L.CR0, 0x80000011);
  guest.cpu.updatePaging();
  return guest;
};

const VECTORS = CR4.OSFXSR | CR4.OSXMMEXCPT | CR4.OSXSAVE;

function switchVectorsOn({ state }: Guest): void {
  state.setU32(L.XCR0, 7);
  state.setU32(L.MXCSR, 0x1f80);
}

/** All vector instructions may run. */
const vectors = (): Guest => {
  const guest = protectedGuest([]);
  guest.state.setU32(L.CR4, VECTORS);
  switchVectorsOn(guest);
  return guest;
};

/** The same in 64-bit mode. */
const long = (): Guest => {
  const guest = longGuest([], { cr4: VECTORS });
  switchVectorsOn(guest);
  return guest;
};

const SETTINGS: readonly Setting[] = [
  { name: 'real mode', bits: 32, make: () => realGuest([]) },
  { name: 'protected mode, CPL 0', bits: 32, make: () => protectedGuest([]) },
  { name: 'protected mode, CPL 3', bits: 32, make: user },
  { name: 'paging', bits: 32, make: paged },
  { name: 'vectors', bits: 32, make: vectors },
  { name: '64-bit mode', bits: 64, make: long },
];

/** The handler of each vector goes back behind the fault, to whatever stands there. */
function putHandlers(guest: Guest, bits: 32 | 64): void {
  for (let vector = 0; vector < 32; vector++) guest.put(bits === 64 ? longHandlerOf(vector) : handlerOf(vector), bits === 64 ? [0x48, IRET] : [IRET]);
}

describe('random code', function () {
  this.timeout(120_000);

  for (const { name, bits, make } of SETTINGS) {
    it(`raises no exception of the monitor: ${name}`, () => {
      let guest = make();
      let seed = 0;
      for (const stream of randomCode(name.length * 7919 + 5, STREAMS, bits)) {
        if (seed++ % 32 === 0) guest = make();
        const at = guest.state.protectedMode ? AT.code : 0x7c00;
        putHandlers(guest, bits);
        guest.put(at, [...stream, ...stream.slice(3, 20), 0xeb, 0xd0]);
        for (let i = 0; i < 8; i++) guest.state.setReg(i, i === L.RSP ? 0x8000 : ((stream[i] ?? 0) * 0x1041) >>> 0);
        guest.state.eip = at;
        guest.state.halted = false;
        guest.cpu.changedContext();
        try {
          guest.run(BURST);
        } catch (reason) {
          if (reason instanceof TripleFault) guest = make();
          else assert.fail(`${Buffer.from(stream).toString('hex')}: ${reason instanceof Error ? reason.stack : String(reason)}`);
        }
      }
    });
  }
});
