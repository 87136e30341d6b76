// Call sites (DWARF 5, 3.4; before, GNU's): what a caller says of the values that it passed, which is often all that is
// left of an optimised function's parameters.

import { DW_AT, DW_TAG } from "./dwarf-constants";
import type { Die } from "./units";

const MAXIMUM_DEPTH = 200;
const SITES: ReadonlySet<number> = new Set([DW_TAG.call_site, DW_TAG.GNU_call_site]);
const PARAMETERS: ReadonlySet<number> = new Set([DW_TAG.call_site_parameter, DW_TAG.GNU_call_site_parameter]);

/** The call in a function that comes back to a (file) address. */
export function callSiteAt(fn: Die, returnAddress: bigint, depth = 0): Die | undefined {
  for (const child of fn.children()) {
    if (SITES.has(child.tag)) {
      if ((child.address(DW_AT.call_return_pc) ?? child.address(DW_AT.low_pc)) === returnAddress) return child;
      continue;
    }
    const mayHold = child.tag === DW_TAG.lexical_block || child.tag === DW_TAG.inlined_subroutine;
    const found = mayHold && depth < MAXIMUM_DEPTH ? callSiteAt(child, returnAddress, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a call leads to a function: false if it names another, from which a jump must have led here. */
export function callsFunction(site: Die, callee: Die): boolean {
  const target = site.reference(DW_AT.call_origin) ?? site.reference(DW_AT.abstract_origin);
  return target === undefined || target.name() === callee.name();
}

/** The expression for what was passed in a place (a register, as an expression), in the caller's frame. */
export function passedIn(site: Die, place: Uint8Array): Uint8Array | undefined {
  return valueOf(site, parameter => sameBytes(parameter.block(DW_AT.location), place));
}

/** The same for a parameter, by the offset of its entry in the section. */
export function passedFor(site: Die, offset: number): Uint8Array | undefined {
  return valueOf(site, parameter => (parameter.reference(DW_AT.call_parameter) ?? parameter.reference(DW_AT.abstract_origin))?.offset === offset);
}

function valueOf(site: Die, isWanted: (parameter: Die) => boolean): Uint8Array | undefined {
  for (const parameter of site.children()) {
    if (PARAMETERS.has(parameter.tag) && isWanted(parameter)) return parameter.block(DW_AT.call_value) ?? parameter.block(DW_AT.GNU_call_site_value);
  }
  return undefined;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, index) => byte === b[index]);
}
