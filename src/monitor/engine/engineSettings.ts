/** How guest code is run: which of the engine's means are used, and when. All ways give the same results. */

/** Names of the ways, as the configuration has them. */
export type EngineName = 'interpreter' | 'translator' | 'translate-all' | 'translate-again';

export interface EngineSettings {
  /** Whether hot code is translated. */
  readonly translates: boolean;
  /** Entries of a block after which it is hot. */
  readonly heat: number;
  /** Whether a block is translated as soon as it is decoded, by itself. */
  readonly eager: boolean;
  /** Rounds of the run loop after which all decoded and translated code is thrown away; 0 for never. */
  readonly lifetime: number;
  /** Most instructions of a basic block. */
  readonly longestBlock: number;
  /** Steps for which what a block leads to for sure is decoded with it (see ./codeAhead). */
  readonly ahead: number;
  /** Bytes of translated modules that are kept at most: V8's code for them takes several times as much. */
  readonly moduleBytes: number;
  /** Instructions after which the interpreter's loop for the code at hand is used; until then a function for each instruction is (see ./interpreterLoops). */
  readonly loopsAfter: number;
}

const TRANSLATOR: EngineSettings = { translates: true, heat: 3000, eager: false, lifetime: 0, longestBlock: 64, ahead: 4, moduleBytes: 48 << 20, loopsAfter: 0 };

export const ENGINES: Readonly<Record<EngineName, EngineSettings>> = {
  interpreter: { ...TRANSLATOR, translates: false },
  translator: TRANSLATOR,
  // Each block is to be translated when it is come to, which the run loop sees of those alone that are not decoded yet.
  'translate-all': { ...TRANSLATOR, eager: true, ahead: 0 },
  'translate-again': { ...TRANSLATOR, heat: 2, lifetime: 97, moduleBytes: 48 << 10 },
};
