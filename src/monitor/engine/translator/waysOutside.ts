/**
 * Ways out of a region that lead to offsets in CS: by a function of the base module that looks for them, or by a link (../regionLinks), which needs no looking as long as a
 * region stands where it leads. A jump takes a way for good; a call takes it on the host's stack (../../memory/returnStack).
 */
import { EIP_BASE } from '../../cpu/layout';
import { executeEntry, linearAddress } from '../controlFunctions';
import { CPU, at } from '../operandEmitter';
import { LINK_CELL_BYTES, MONITOR_WORDS, PAGE_BYTES, RETURN_ENTRY_BYTES, RETURN_STACK, RETURN_STACK_ENTRIES } from '../../memory/layout';
import { veiled } from '../regionImports';
import { returnTop, setReturnTop } from '../returns';
import { I32, I64, OP } from '../wasm/encoding';
import { binary, i32, i64, load, unary, type Expression } from '../wasm/expressions';
import type { WayOutside } from './regionGraph';
import type { RegionScope, WaysOut } from './regionScope';

/** A link: its entry of the module's table, its cell's address, the table of blocks of the page where it leads, and that page's distance from the region's first one. */
export interface Link {
  readonly entry: number;
  readonly cell: number;
  readonly table: number;
  readonly delta: number;
}

/** Links for ways out of a region, by position; the first one has the entry `first`, and the module's first cell is at `cells`. */
export function linksFor(ways: readonly WayOutside[], first: number, cells: number): ReadonlyMap<number, Link> {
  return new Map(ways.map(({ position, table }, i) => {
    const entry = first + i;
    return [position, { entry, cell: cells + entry * LINK_CELL_BYTES, table, delta: Math.floor(position / PAGE_BYTES) * PAGE_BYTES }];
  }));
}

/** A way that looks for where it leads: a function of the base module, and what it is given. */
export interface SlowWay {
  readonly fn: number;
  readonly parameters: readonly Expression[];
  /** Whether it finds the budget in the state block. */
  readonly readsBudget: boolean;
}

/** A way by a link, and the offset in CS of the page where that leads, if it is another one than where the way begins. */
export interface LinkedWay {
  readonly link: Link;
  readonly start: Expression | undefined;
}

/** How a region's code is read. */
interface Reading {
  readonly wide: boolean;
  readonly flat: boolean;
}

/** The last place that a return can be waited for at. */
const LAST_RETURN = RETURN_STACK + (RETURN_STACK_ENTRIES - 1) * RETURN_ENTRY_BYTES;

const jumpTag = (): Expression => load(OP.i32_load, I32, CPU, MONITOR_WORDS.jumpTag);

export class WaysOutside {
  constructor(
    private readonly scope: RegionScope,
    private readonly reading: Reading,
    private readonly callees: WaysOut,
    /** Number of the type that regions' functions have. */
    private readonly regionType: number,
  ) {}

  /** The way to an offset in CS that looks for it. */
  toOffset(offset: Expression): SlowWay {
    const { callees, reading, scope } = this;
    if (reading.flat) return { fn: callees.leap, parameters: [unary(OP.i32_wrap_i64, I32, offset), scope.remaining], readsBudget: false };
    return { fn: callees.jump, parameters: [offset], readsBudget: true };
  }

  /** The same to the block of a slot, at an offset in the page that the region is in. */
  toBlock(slot: number, offset: number): SlowWay {
    return { fn: this.callees.follow, parameters: [i32(slot), i32(offset), this.scope.remaining], readsBudget: false };
  }

  /**
   * Whether a page of code is not where it was: its table of blocks is not the one that the execute TLB has for the linear address of an offset in CS (i64). Only
   * where no offset is beyond a segment's end.
   */
  isElsewhere(start: Expression, table: number): Expression {
    const { builder: b } = this.scope;
    // 64-bit code has no base either.
    const linear = this.reading.flat || this.reading.wide ? start : b.let(linearAddress(start));
    const entry = b.let(executeEntry(unary(OP.i32_wrap_i64, I32, linear)));
    // Differences are less code than comparisons.
    const moved = binary(OP.i64_xor, I64, load(OP.i64_load, I64, entry, 0), linear);
    const other = binary(OP.i32_xor, I32, load(OP.i32_load, I32, entry, 8), i32(table));
    return binary(OP.i64_ne, I32, binary(OP.i64_or, I64, moved, unary(OP.i64_extend_i32_u, I64, other)), i64(0n));
  }

  /** Leaves by a link, with so many registers dirty, or by `otherwise` where it leads nowhere. */
  leave({ link, start }: LinkedWay, dirty: number, otherwise: () => void): void {
    const { scope, regionType } = this;
    const { builder: b } = scope;
    const { closed, left } = this.ask({ link, start });
    b.rarely(closed, otherwise);
    scope.spill(dirty);
    this.pass(left, start);
    b.returnCallIndirect(regionType, [i32(0)], i32(link.entry));
  }

  /**
   * Calls what stands where a way leads, and comes back where a return leads to an offset in CS; until then all is in the state block. `elsewhere` leaves for that offset where
   * it may have other code than it had.
   */
  call(slow: SlowWay, linked: LinkedWay | undefined, dirty: number, behind: Expression, elsewhere: () => void): void {
    const { scope, regionType } = this;
    const { builder: b } = scope;
    scope.spill(dirty);
    if (slow.readsBudget) scope.spillBudget();
    const top = b.let(returnTop());
    b.rarely(binary(OP.i32_eq, I32, top, i32(LAST_RETURN)), () => { b.returnCall(slow.fn, veiled(slow.parameters)); });
    const tag = b.let(jumpTag());
    b.store(OP.i64_store, top, RETURN_ENTRY_BYTES, behind);
    setReturnTop(b, binary(OP.i32_add, I32, top, i32(RETURN_ENTRY_BYTES)));
    const callSlowly = (): void => b.call(slow.fn, veiled(slow.parameters));
    if (linked) {
      const { closed, left } = this.ask(linked);
      b.if(closed, callSlowly, () => {
        this.pass(left, linked.start);
        b.callIndirect(regionType, [i32(0)], i32(linked.link.entry));
      }, true);
    } else callSlowly();
    // To TypeScript, or to a call before this one.
    b.rarely(binary(OP.i32_ne, I32, returnTop(), top), () => b.return());
    scope.reloadBudget();
    b.if(binary(OP.i32_ne, I32, jumpTag(), tag), elsewhere);
  }

  /** Whether a link leads nowhere, or the budget does not reach through the block there, and what it leaves of that. */
  private ask({ link: { cell, table }, start }: LinkedWay): { readonly closed: Expression; readonly left: Expression } {
    const { scope: { builder: b, remaining } } = this;
    const left = b.let(binary(OP.i32_sub, I32, remaining, load(OP.i32_load, I32, i32(cell), 0)));
    const spent = binary(OP.i32_lt_s, I32, left, i32(0));
    return { closed: start ? binary(OP.i32_or, I32, spent, this.isElsewhere(start, table)) : spent, left };
  }

  private pass(left: Expression, start: Expression | undefined): void {
    const { builder: b } = this.scope;
    this.scope.setBudget(left);
    if (start) b.store(OP.i64_store, CPU, at(EIP_BASE), start);
  }
}
