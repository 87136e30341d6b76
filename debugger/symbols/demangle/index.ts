// Symbols' names as people write them: of C++ (Itanium C++ ABI) and Rust. Others stay as they are.

import { demangleItanium } from "./itanium";
import { NotMangled } from "./mangled-reader";
import { demangleLegacyRust, demangleRust, isLegacyRust } from "./rust";

const REMEMBERED = 4096;
const remembered = new Map<string, string>();

/** The readable form of a symbol's name; the name itself where it is not mangled, or says what is not understood. */
export function readableName(name: string): string {
  if (!/^_[RZ]/.test(name)) return name;
  const known = remembered.get(name);
  if (known !== undefined) return known;
  if (remembered.size >= REMEMBERED) remembered.clear();
  const readable = demangled(name) ?? name;
  remembered.set(name, readable);
  return readable;
}

/** Whether a mangled name may be that of `readable`, which need not be exact: without parameters and what a function returns. */
export function isNamed(mangled: string, readable: string): boolean {
  if (!/^_[RZ]/.test(mangled)) return false;
  // The last part stands in the mangled name as it is, but for operators and constructors.
  const [, last = ""] = /(?:^|[^~\w])([A-Za-z]\w*)(?:<.*>)?$/.exec(withoutParameters(readable)) ?? [];
  if (!mangled.includes(last)) return false;
  const whole = readableName(mangled);
  return whole === readable || withoutParameters(whole) === readable;
}

/** 'outer::Point::get<int>' of 'int outer::Point::get<int>(int) const'. */
export function withoutParameters(readable: string): string {
  const [called] = readable.split(/ \[clone /, 1);
  const end = called.lastIndexOf(")");
  if (end < 0 || !/^\)(?: const| volatile| &&?)*$/.test(called.slice(end))) return called;
  const open = openingBefore(called, end);
  const name = called.slice(0, open);
  return name.includes("operator") ? name : name.slice(startOfName(name));
}

/** Where the parenthesis opens that closes at `end`. */
function openingBefore(text: string, end: number): number {
  let depth = 0;
  for (let at = end; at >= 0; at--) {
    if (text.charAt(at) === ")") depth++;
    else if (text.charAt(at) === "(" && --depth === 0) return at;
  }
  return 0;
}

/** Behind the last space that is not in brackets: in front of it stands what a function template returns. */
function startOfName(text: string): number {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    const character = text.charAt(at);
    if (">)}]".includes(character)) depth++;
    else if ("<({[".includes(character)) depth--;
    else if (character === " " && depth === 0) return at + 1;
  }
  return 0;
}

function demangled(name: string): string | undefined {
  try {
    if (name.startsWith("_R")) return demangleRust(name);
    return isLegacyRust(name) ? demangleLegacyRust(name) : demangleItanium(name);
  } catch (error) {
    if (error instanceof NotMangled) return undefined;
    throw error;
  }
}
