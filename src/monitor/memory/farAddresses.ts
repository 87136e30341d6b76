/**
 * Linear addresses of 57 bits as numbers. Numbers are exact below 2^53, so an address of 48 bits is its own number. With five
 * levels, addresses from 2^52 up have stand-ins: their region of 2^47 bytes is put in the place of one near the end of
 * exact numbers, with both its neighbours beside it, so that sums with what an instruction adds stay right. Ten regions of
 * each half have a place at a time; one that is new takes the oldest place. A stand-in holds for one instruction: what is to last is
 * kept as page and offset, or in the state block.
 */
import { PAGE_BYTES } from './layout';

const TWO32 = 2 ** 32;
/** Upper halves of addresses in one region: 2^47 bytes. */
const REGION_BITS = 15;
const REGION = 2 ** (32 + REGION_BITS);
/** Regions -32 to 31 are themselves; the outermost of them have a place besides, for what crosses their border. */
const NEAR = 32;
/** Regions of canonical addresses of 57 bits: -512 to 511. */
const CANONICAL = 512;
const PLACES = 10;
/** Upper halves below which an address is its own number. */
const NEAR_HIGH = (NEAR - 1) * 2 ** REGION_BITS;
const NEAR_PAGES = (NEAR * REGION) / PAGE_BYTES;

/** Region that stands in the middle of a place, as its own number would say. */
const placeOf = (index: number): number => (index < PLACES ? NEAR + 1 + 3 * index : -NEAR - 2 - 3 * (index - PLACES));

export class FarAddresses {
  /** Whether addresses have 57 bits. */
  enabled = false;
  /** Region in the middle of each place, the upper half's behind; 0 for none. */
  private readonly centres = new Int32Array(2 * PLACES);
  /** The place of each half that is given away next. */
  private readonly next = [0, 0];
  private last = 0;

  /** An address by its upper half (signed) and its lower. What is not canonical keeps its number, which is not exact. */
  near(high: number, low: number): number {
    if (!this.enabled || (high >= -NEAR_HIGH && high < NEAR_HIGH)) return high * TWO32 + low;
    const region = high >> REGION_BITS;
    if (region < -CANONICAL || region >= CANONICAL) return high * TWO32 + low;
    const shift = placeOf(this.find(region)) - region;
    return (high + shift * 2 ** REGION_BITS) * TWO32 + low;
  }

  nearOf(address: bigint): number {
    return this.near(Number(BigInt.asIntN(64, address) >> 32n), Number(address & 0xffffffffn));
  }

  /** Upper half of an address, signed. */
  high(near: number): number {
    return Math.floor(near / TWO32) + this.shift(near / REGION) * 2 ** REGION_BITS;
  }

  exact(near: number): bigint {
    return BigInt(near) + BigInt(this.shift(near / REGION)) * BigInt(REGION);
  }

  /** Number of an address's page. */
  page(near: number): number {
    const page = Math.floor(near / PAGE_BYTES);
    return page >= -NEAR_PAGES && page < NEAR_PAGES ? page : page + (this.shift(near / REGION) * REGION) / PAGE_BYTES;
  }

  /** First address of a page. */
  ofPage(page: number): number {
    return this.near(Math.floor(page / (TWO32 / PAGE_BYTES)), (page << 12) >>> 0);
  }

  isCanonical(near: number): boolean {
    const region = Math.floor(near / REGION);
    if (region < -2 * NEAR || region >= 2 * NEAR) return false;
    const exact = region + this.shift(region);
    return exact >= -CANONICAL && exact < CANONICAL;
  }

  /** How many regions further away an address lies than its number says. */
  private shift(region: number): number {
    if (!this.enabled || (region >= -NEAR && region < NEAR) || region < -2 * NEAR || region >= 2 * NEAR) return 0;
    const index = region > 0 ? Math.floor((region - NEAR) / 3) : PLACES + Math.floor((-NEAR - 1 - Math.floor(region)) / 3);
    return (this.centres[index] ?? 0) - placeOf(index);
  }

  /** The place of a region; a new one when it has none. */
  private find(region: number): number {
    if (this.centres[this.last] === region) return this.last;
    const half = region < 0 ? 1 : 0;
    const first = half * PLACES;
    let index = this.centres.indexOf(region, first);
    if (index < 0) {
      const next = this.next[half] ?? 0;
      this.next[half] = (next + 1) % PLACES;
      index = first + next;
      this.centres[index] = region;
    }
    this.last = index;
    return index;
  }
}
