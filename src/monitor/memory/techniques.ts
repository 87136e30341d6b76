/**
 * Techniques of memory virtualization that can be left out, to see what each of them brings (docs/memory-virtualization.md).
 * None of them shows in the guest.
 */
export const TECHNIQUES = {
  'shadow-spaces': 'Address spaces are kept when CR3 leads to another one.',
  'shadow-batching': 'Neighbours of a shadow entry that is filled are filled with it.',
  'shadow-large': 'A large page of the guest has one shadow entry.',
  'shadow-unsync': 'A table that the guest writes to all the time goes out of sync, and is compared when it is next used.',
  'shadow-flood': 'A page that is written to all the time is taken to be a table no longer.',
  'shadow-direct': 'An entry is filled from the guest\'s last table alone, where the shadow tables lead to it.',
  'shadow-graft': 'A space that is new takes over what the space before it has below equal entries of the root.',
  'shadow-marks': 'Entries of a traced table that have no shadow are written without the monitor.',
  'tlb-pairs': 'A miss fills the TLB for reading and for writing.',
  'tlb-victims': 'A page that another one puts out of the TLB is kept in a small table beside it.',
  'zero-frame': 'Pages that were never written share one frame of zeros.',
} as const;

export type Technique = keyof typeof TECHNIQUES;

/** What there is without those that are named. */
export class Techniques {
  readonly spaces: boolean;
  readonly batching: boolean;
  readonly large: boolean;
  readonly unsync: boolean;
  readonly flood: boolean;
  readonly direct: boolean;
  readonly graft: boolean;
  readonly marks: boolean;
  readonly pairs: boolean;
  readonly victims: boolean;
  readonly zeroFrame: boolean;

  constructor(without: readonly Technique[] = []) {
    const has = (technique: Technique): boolean => !without.includes(technique);
    this.spaces = has('shadow-spaces');
    this.batching = has('shadow-batching');
    this.large = has('shadow-large');
    this.unsync = has('shadow-unsync');
    this.flood = has('shadow-flood');
    this.direct = has('shadow-direct');
    this.graft = has('shadow-graft');
    this.marks = has('shadow-marks');
    this.pairs = has('tlb-pairs');
    this.victims = has('tlb-victims');
    this.zeroFrame = has('zero-frame');
  }
}
