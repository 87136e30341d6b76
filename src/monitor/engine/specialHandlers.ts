/** Functions of the base module that records name as handlers without being instructions: what stands in front of blocks, behind them, and in their way. */

/** Entries of the function table that are no handlers of instructions with a name, in their order. */
export const SPECIAL = ['crossing', 'breakpoint', 'stop', 'onward', 'profile', 'bridge'] as const;
/**
 * Table entries by what they are for; `onward` goes on at the record's offset: the end of a block without a transfer;
 * `profile` stands in front of a block that may be translated; `bridge` leads to an instruction that crosses the page's end.
 */
export const SPECIAL_HANDLERS = { crossing: 0, breakpoint: 1, stop: 2, onward: 3, profile: 4, bridge: 5 } as const satisfies Record<(typeof SPECIAL)[number], number>;
