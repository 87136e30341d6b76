/**
 * The processor that both sides are given: x86-64-v2 with what else both know. QEMU's TCG has neither VME nor PCID.
 */
export const OUR_PROCESSOR = 'x86-64-v2,-vme,-apic,-pcid,+smep,+smap,+umip,+fsgsbase';
export const QEMU_PROCESSOR = 'Nehalem,-vme,-apic,+rdtscp,+pdpe1gb,+smep,+smap,+umip,+fsgsbase';
