// The numbers by which DWARF names x86 registers (System V psABI for i386, table 2.14; for x86-64, figure 3.36).

import type { Machine } from "./elf";

const NAMES: Record<Machine, readonly string[]> = {
  "386": ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags"],
  "x86-64": ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip"],
};

/** First numbers of the register files beyond the general registers. */
const FILES: Record<Machine, readonly { readonly first: number; readonly count: number; readonly prefix: string }[]> = {
  "386": [{ first: 11, count: 8, prefix: "st" }, { first: 21, count: 8, prefix: "xmm" }, { first: 29, count: 8, prefix: "mm" }],
  "x86-64": [{ first: 17, count: 16, prefix: "xmm" }, { first: 33, count: 8, prefix: "st" }, { first: 41, count: 8, prefix: "mm" }],
};
const SEGMENTS: Record<Machine, number> = { "386": 40, "x86-64": 50 };
const SEGMENT_NAMES = ["es", "cs", "ss", "ds", "fs", "gs"];

/** Names of the general registers, the instruction pointer and the flags that have DWARF numbers. */
export function dwarfGeneralNames(machine: Machine): readonly string[] {
  return machine === "386" ? NAMES["386"] : [...NAMES["x86-64"], "rflags"];
}

/** The name of a register by its DWARF number (`eax`, `rip`, `st0`, `xmm3`); undefined for numbers that no x86 register has. */
export function dwarfRegisterName(machine: Machine, register: number): string | undefined {
  const general = NAMES[machine][register];
  if (general !== undefined) return general;
  if (machine === "x86-64" && register === 49) return "rflags";
  const file = FILES[machine].find(({ first, count }) => register >= first && register < first + count);
  return file === undefined ? SEGMENT_NAMES[register - SEGMENTS[machine]] : `${file.prefix}${register - file.first}`;
}

/** The DWARF number of a register by its name; undefined for names without one. */
export function dwarfRegisterNumber(machine: Machine, name: string): number | undefined {
  for (let register = 0; register < 56; register++) if (dwarfRegisterName(machine, register) === name) return register;
  return undefined;
}

/** The registers with the bases of FS and GS, which point at a thread's own variables, by name and DWARF number. */
export const SEGMENT_BASES: Record<Machine, readonly (readonly [name: string, register: number])[]> = {
  "386": [["fs.base", 93], ["gs.base", 94]],
  "x86-64": [["fs.base", 58], ["gs.base", 59]],
};

/** The register with a thread's base by convention: GS in 32-bit code, FS in 64-bit code. */
export function threadRegister(machine: Machine): number {
  return machine === "386" ? 94 : 58;
}
