/**
 * The PHY in the Intel 82540EM, and the cable at it: its registers, autonegotiation with a partner that can do everything, loopback.
 *
 * Source: Software Developer's Manual (317453), chapter 11 and 13.4.7.1; IEEE 802.3 clauses 22, 28 and 40.
 */
import type { FieldDescription, RegisterBlock, RegisterDescription } from './description';
import { RegisterFile } from './registerFile';

/** The PHY's address on the management interface. */
export const PHY_ADDRESS = 1;
/**
 * Cycles from the start of autonegotiation to the link: 100 ms. Real PHYs take seconds (a link is broken for more than one before they
 * begin); drivers wait for the link as long as it takes.
 */
export const NEGOTIATION_CYCLES = 100_000_000;

const CONTROL = {
  reset: 0x8000, loopback: 0x4000, speedLow: 0x2000, negotiate: 0x1000, powerDown: 0x0800, isolate: 0x0400, restart: 0x0200, fullDuplex: 0x0100,
  speedHigh: 0x0040,
} as const;
const STATUS = { complete: 0x20, link: 0x04 } as const;
const EXPANSION_PAGE = 0x02;

/** What is advertised in registers 4 and 9, best first, with speed (0: 10, 1: 100, 2: 1000 Mb/s) and duplex. */
const ABILITIES: readonly { readonly register: string; readonly bit: number; readonly speed: number; readonly fullDuplex: boolean }[] = [
  { register: 'GCON', bit: 0x0200, speed: 2, fullDuplex: true }, { register: 'ANA', bit: 0x0100, speed: 1, fullDuplex: true },
  { register: 'ANA', bit: 0x0080, speed: 1, fullDuplex: false }, { register: 'ANA', bit: 0x0040, speed: 0, fullDuplex: true },
  { register: 'ANA', bit: 0x0020, speed: 0, fullDuplex: false },
];
/** The partner's page: acknowledged, all of 10 and 100 Mb/s, IEEE 802.3; no PAUSE, since nothing behind the cable heeds one. */
const PARTNER_PAGE = 0x41e1;
/** Both receivers are well, and the partner can do 1000 Mb/s in full duplex. */
const GIGABIT_STATUS = 0x3800;
/** Autonegotiation expansion while nothing has been received: next pages. And after it: the partner negotiates, has next pages, sent a page. */
const EXPANSION = 0x0004;
const EXPANSION_COMPLETE = 0x000f;

const field = (name: string, low: number, bits: number, meaning: string): FieldDescription => ({ name, low, ...(bits === 1 ? {} : { bits }), meaning });

function word(number: number, name: string, title: string, rest: Partial<RegisterDescription> = {}): RegisterDescription {
  return { name, title, at: 2 * number, bytes: 2, access: 'read-write', ...rest };
}

/** Registers by number: register n is at byte 2n. */
export const PHY_REGISTERS: RegisterBlock = {
  name: 'PHY', space: 'index', base: 0,
  registers: [
    word(0, 'PCTRL', 'control', {
      reset: CONTROL.negotiate | CONTROL.fullDuplex | CONTROL.speedHigh, writable: 0x7dc0,
      fields: [
        field('RESET', 15, 1, 'reset; reads 0'), field('LOOPBACK', 14, 1, 'what is sent comes back'), field('SPEED_LSB', 13, 1, 'speed, low bit'),
        field('ANE', 12, 1, 'autonegotiation'), field('PDOWN', 11, 1, 'power down'), field('ISOLATE', 10, 1, 'isolated'),
        field('RESTART', 9, 1, 'autonegotiation anew; reads 0'), field('FD', 8, 1, 'full duplex'), field('COLTEST', 7, 1, 'collision test'),
        field('SPEED_MSB', 6, 1, 'speed, high bit'),
      ],
    }),
    word(1, 'PSTATUS', 'status', {
      access: 'read-only', reset: 0x7949, readEffect: 'a link that was lost shows once',
      fields: [
        field('X100', 13, 2, '100BASE-X'), field('T10', 11, 2, '10BASE-T'), field('EXTENDED', 8, 1, 'extended status'), field('ANC', 5, 1, 'autonegotiation complete'),
        field('RFAULT', 4, 1, 'remote fault'), field('ANA', 3, 1, 'can autonegotiate'), field('LINK', 2, 1, 'link'), field('JABBER', 1, 1, 'jabber'),
      ],
    }),
    word(2, 'PID', 'identifier, high', { access: 'read-only', reset: 0x0141 }),
    word(3, 'PID2', 'identifier, low', { access: 'read-only', reset: 0x0c20 }),
    word(4, 'ANA', 'autonegotiation advertisement', { reset: 0x0de1, writable: 0xafff }),
    word(5, 'LPA', 'link partner ability', { access: 'read-only' }),
    word(6, 'ANE', 'autonegotiation expansion', { access: 'read-only', reset: EXPANSION, readEffect: 'clears page received' }),
    word(7, 'NPT', 'next page transmit', { reset: 0x2001 }),
    word(8, 'LPN', 'link partner next page', { access: 'read-only' }),
    word(9, 'GCON', '1000BASE-T control', { reset: 0x0300, writable: 0xff00 }),
    word(10, 'GSTATUS', '1000BASE-T status', { access: 'read-only', readEffect: 'clears the idle errors' }),
    word(15, 'ESTATUS', 'extended status', { access: 'read-only', reset: 0x3000 }),
    word(16, 'PSCON', 'PHY specific control', { reset: 0x0368 }),
    word(17, 'PSSTAT', 'PHY specific status', {
      access: 'read-only',
      fields: [field('SPEED', 14, 2, 'speed'), field('DUPLEX', 13, 1, 'full duplex'), field('RESOLVED', 11, 1, 'speed and duplex are valid'), field('LINK', 10, 1, 'link now')],
    }),
    word(18, 'PINTE', 'interrupt enable'),
    word(19, 'PINTS', 'interrupt status', { access: 'read-only' }),
    word(20, 'EPSCON1', 'extended PHY specific control', { reset: 0x0d60 }),
    word(21, 'PREC', 'receive errors', { access: 'read-only' }),
    word(29, 'R29', 'page of register 30'),
    word(30, 'R30', 'calibration'),
  ],
};

export interface PhyState {
  registers: Uint32Array;
  /** A partner is at the other end of the cable. */
  cable: boolean;
  /** There is a link, at this speed (0: 10, 1: 100, 2: 1000 Mb/s) and duplex. */
  link: boolean;
  speed: number;
  fullDuplex: boolean;
  /** The link was lost since the status was read. */
  wasLost: boolean;
}

export function powerOnPhy(cable: boolean): PhyState {
  return { registers: RegisterFile.initial(PHY_REGISTERS), cable, link: false, speed: 2, fullDuplex: true, wasLost: false };
}

export interface PhyWiring {
  /** Calls `negotiated` when negotiation is over, `cycles` from now, and not before; undefined: never mind. */
  negotiate(cycles: number | undefined): void;
  linkChanged(): void;
}

export class Phy {
  readonly #state: () => PhyState;
  readonly #wiring: PhyWiring;
  readonly #file: RegisterFile;

  constructor(state: () => PhyState, wiring: PhyWiring) {
    this.#state = state;
    this.#wiring = wiring;
    this.#file = new RegisterFile(PHY_REGISTERS, () => state().registers, {
      read: (name, kept) => this.#read(name, kept),
      written: (name, value, written, before) => { if (name === 'PCTRL') this.#controlWritten(value, written, before); },
    });
  }

  /** Register 0 to 31, as a guest reads it. */
  read(number: number): number {
    return this.#file.read(2 * number, 2);
  }

  write(number: number, value: number): void {
    this.#file.write(2 * number, 2, value);
  }

  /** A register by its name, without an effect. */
  peek(name: string): number {
    return this.#value(name, this.#file.value(name));
  }

  get isLooped(): boolean {
    return this.#has(CONTROL.loopback);
  }

  /** Back to power-on; the cable stays where it is. */
  reset(): void {
    this.#state().registers = RegisterFile.initial(PHY_REGISTERS);
    this.start();
  }

  /** Looks for a link anew: by autonegotiation, or as it has been forced. */
  start(): void {
    this.#lose();
    const hopeful = this.#state().cable && !this.#has(CONTROL.powerDown | CONTROL.isolate) && !this.isLooped;
    this.#wiring.negotiate(hopeful ? NEGOTIATION_CYCLES : undefined);
  }

  /** Holds the PHY in reset, as CTRL.PHY_RST does: there is no link meanwhile. */
  hold(): void {
    this.#state().registers = RegisterFile.initial(PHY_REGISTERS);
    this.#lose();
    this.#wiring.negotiate(undefined);
  }

  /** The cable is plugged in, or pulled. */
  setCable(isIn: boolean): void {
    if (this.#state().cable === isIn) return;
    this.#state().cable = isIn;
    this.start();
  }

  /** The time that finding a link takes is over. */
  negotiated(): void {
    const state = this.#state();
    const found = this.#has(CONTROL.negotiate)
      ? ABILITIES.find(({ register, bit }) => (this.#file.value(register) & bit) !== 0)
      : { speed: Math.min(2, (this.#has(CONTROL.speedHigh) ? 2 : 0) + (this.#has(CONTROL.speedLow) ? 1 : 0)), fullDuplex: this.#has(CONTROL.fullDuplex) };
    if (this.#has(CONTROL.negotiate)) {
      this.#file.set('LPA', PARTNER_PAGE);
      this.#file.set('ANE', EXPANSION_COMPLETE);
    }
    if (found === undefined) return;
    state.link = true;
    state.speed = found.speed;
    state.fullDuplex = found.fullDuplex;
    if (found.speed === 2) this.#file.set('GSTATUS', GIGABIT_STATUS);
    this.#wiring.linkChanged();
  }

  #has(bits: number): boolean {
    return (this.#file.value('PCTRL') & bits) !== 0;
  }

  #lose(): void {
    const state = this.#state();
    this.#file.set('LPA', 0);
    this.#file.set('ANE', EXPANSION);
    this.#file.set('GSTATUS', 0);
    if (!state.link) return;
    state.link = false;
    state.wasLost = true;
    this.#wiring.linkChanged();
  }

  #value(name: string, kept: number): number {
    const { link, wasLost, speed, fullDuplex } = this.#state();
    if (name === 'PSTATUS') return kept | (link && !wasLost ? STATUS.link : 0) | (this.#file.value('LPA') !== 0 ? STATUS.complete : 0);
    if (name === 'PSSTAT') return link ? (speed << 14) | (fullDuplex ? 0x2000 : 0) | 0x0c00 : 0;
    return kept;
  }

  #read(name: string, kept: number): number {
    const value = this.#value(name, kept);
    if (name === 'PSTATUS') this.#state().wasLost = false;
    if (name === 'ANE') this.#file.set('ANE', kept & ~EXPANSION_PAGE);
    return value;
  }

  /**
   * What is written takes effect at once where there is no autonegotiation. A software reset keeps the settings, and looks for a link
   * anew with them.
   */
  #controlWritten(value: number, written: number, before: number): void {
    const changed = value ^ before;
    const forced = (value & CONTROL.negotiate) === 0;
    const settings = CONTROL.loopback | CONTROL.powerDown | CONTROL.isolate | CONTROL.negotiate
      | (forced ? CONTROL.speedLow | CONTROL.speedHigh | CONTROL.fullDuplex : 0);
    const restarts = !forced && (written & CONTROL.restart) !== 0;
    if ((written & CONTROL.reset) !== 0 || restarts || (changed & settings) !== 0) this.start();
  }
}
