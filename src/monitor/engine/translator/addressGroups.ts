/**
 * Accesses of a region that lie near one another: those at constant distances from one value of a register (fields of a structure, a
 * stack frame) are looked up in the TLB once, all of their bytes together, where the first of them is. For that, registers are followed
 * as distances from values that are not known, through additions of constants, pushes and pops.
 *
 * Nothing but the monitor changes what the TLB says, so a lookup holds until it is asked: a service, a callout. Bytes that a
 * conditional way only may reach are not looked up before it.
 */
import { ACCESS, latestOf, lookUp, type Access } from '../memoryAccess';
import { I32, I64, OP } from '../wasm/encoding';
import { binary, i32, type Anchored, type Expression, type Local } from '../wasm/expressions';
import type { FunctionBuilder } from '../wasm/functionBuilder';
import { OpenConstant, OpenLocal } from '../wasm/openOperands';

/** Most bytes that are looked up together: the more there are, the more often they lie in two pages. */
const MOST_BYTES = 128;
/** Most groups that are known at once: those that were looked up last. */
const MOST_GROUPS = 12;
/**
 * From a group's host address back to what it is reached from, so that no distance is negative: a group begins no farther in front of its first access.
 * Less than 128, so that the host's instructions have a byte for it and for most distances.
 */
const BIAS = 64;

/** Accesses that have been looked up together. */
interface Group {
  readonly anchor: number;
  /** Of the first access, and of the first byte and behind the last one of all. */
  readonly at: number;
  from: number;
  to: number;
  writes: boolean;
  /** The straight piece of code that it is looked up in. */
  readonly piece: number;
  /** Host address of the first access, less BIAS. */
  readonly host: Local;
  readonly first: OpenConstant;
  /** The last offset in a page at which all of them may begin. */
  readonly latest: OpenConstant;
  readonly table: OpenLocal;
}

/** What is known at a place of the region. */
export interface AddressKnowledge {
  readonly registers: readonly Anchored[];
  readonly groups: readonly Group[];
  readonly hosts: number;
}

export class AddressGroups {
  private registers: Anchored[] = [];
  private groups: Group[] = [];
  private anchors = 0;
  private piece = 0;
  /** Locals for host addresses, and how many of them are in use. */
  private readonly hosts: Local[] = [];
  private inUse = 0;

  constructor(
    private readonly code: FunctionBuilder,
    private readonly bits: 32 | 64,
    private readonly tables: { readonly read: Local; readonly write: Local },
  ) {}

  /** What is known here, for a way that is emitted later. */
  get knowledge(): AddressKnowledge {
    return { registers: [...this.registers], groups: this.groups, hosts: this.inUse };
  }

  /** Goes on with a piece of code of its own behind a place of which so much is known. */
  continueFrom({ registers, groups, hosts }: AddressKnowledge): void {
    this.registers = [...registers];
    this.groups = [...groups];
    this.inUse = hosts;
    this.piece++;
  }

  /** Goes on where nothing is known; what was known at a place that leads there is still in use. */
  forget({ hosts }: AddressKnowledge): void {
    this.registers = [];
    this.groups = [];
    this.inUse = hosts;
    this.piece++;
  }

  /** The monitor has been asked. */
  forgetLookups(): void {
    this.groups = [];
  }

  /** The monitor has been asked, and may have changed registers. */
  forgetAll(): void {
    this.groups = [];
    this.registers = [];
  }

  /** What a general register holds. */
  register(number: number): Anchored {
    return (this.registers[number] ??= this.unknown());
  }

  /** A general register gets a value: one that is not known, without `value`. */
  setRegister(number: number, value: Anchored | undefined): void {
    this.registers[number] = value?.bits === this.bits ? value : this.unknown();
  }

  /** Host address of an access; `miss` leaves before its instruction. Undefined if its address is no distance from anything. */
  access(linear: Expression, { bytes, kind }: Access, miss: (condition: Expression) => void): Expression | undefined {
    const { anchored } = linear;
    if (!anchored) return undefined;
    const { anchor, offset } = anchored;
    const writes = kind !== ACCESS.read;
    const group = this.groups.find((each) => each.anchor === anchor && this.join(each, offset, bytes, writes)) ?? this.open(linear, anchored, bytes, writes, miss);
    return this.hostAt(group, offset);
  }

  private unknown(): Anchored {
    return { anchor: this.anchors++, offset: 0, bits: this.bits };
  }

  /** Takes an access into a group, if it is near enough, and certain enough. */
  private join(group: Group, offset: number, bytes: number, writes: boolean): boolean {
    const from = Math.min(group.from, offset), to = Math.max(group.to, offset + bytes);
    if (to - from > MOST_BYTES || group.at - from > BIAS) return false;
    const isCovered = from === group.from && to === group.to && (group.writes || !writes);
    if (isCovered) return true;
    if (group.piece !== this.piece) return false;
    group.from = from;
    group.to = to;
    group.first.set(from - group.at);
    group.latest.set(latestOf(to - from));
    if (writes && !group.writes) {
      group.writes = true;
      group.table.set(this.tables.write);
    }
    return true;
  }

  private open(linear: Expression, { anchor, offset }: Anchored, bytes: number, writes: boolean, miss: (condition: Expression) => void): Group {
    const { code } = this;
    const type = this.bits === 64 ? I64 : I32;
    const group: Group = {
      anchor, at: offset, from: offset, to: offset + bytes, writes, piece: this.piece, host: this.newHost(),
      first: new OpenConstant(type, 0), latest: new OpenConstant(type, latestOf(bytes)), table: new OpenLocal(writes ? this.tables.write : this.tables.read),
    };
    const { hit, low, addend } = lookUp(code, linear, group);
    miss(hit);
    code.set(group.host, binary(OP.i32_add, I32, binary(OP.i32_sub, I32, low, i32(BIAS)), addend));
    this.groups = [group, ...this.groups].slice(0, MOST_GROUPS);
    return group;
  }

  private hostAt({ host, at }: Group, offset: number): Expression {
    const distance = BIAS + offset - at;
    return binary(OP.i32_add, I32, host, i32(distance)).known(undefined, { base: host, offset: distance });
  }

  private newHost(): Local {
    const host = this.hosts[this.inUse] ?? this.code.local(I32);
    this.hosts[this.inUse++] = host;
    return host;
  }
}
