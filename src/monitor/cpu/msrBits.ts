/** Bits of model-specific registers that more than one part of the processor goes by (Intel SDM vol. 4, table 2-2). */

/** IA32_APIC_BASE: global enable. */
export const APIC_BASE = { enable: 0x800 } as const;

/** IA32_MISC_ENABLE. */
export const MISC_ENABLE = { fastStrings: 1, branchTraceUnavailable: 0x800, pebsUnavailable: 0x1000, mwait: 0x40000, limitCpuid: 0x400000 } as const;

/** IA32_DEBUGCTL. */
export const DEBUGCTL = { lbr: 1, btf: 2 } as const;
