/** What translated modules import of the base module, and with which signatures. */
import { I32, I64, V128, type WasmType } from './wasm/encoding';
import { ZERO_VECTOR, type Expression } from './wasm/expressions';

/**
 * The last parameter of everything that regions import, which nobody looks at. V8 compiles a wrapper for JavaScript for each
 * signature that a module imports, before it knows what will be imported, and with its optimising compiler: seven of them took
 * 350 to 550 µs of each module's compilation. A signature with a vector, which JavaScript cannot give, gets none.
 */
const VEIL: WasmType = V128;

/** A region's function, and what goes to it, takes the address of a record. */
const REGION_IMPORTS = {
  enter: { parameters: [I32, VEIL], results: [] },
  stray: { parameters: [I32, VEIL], results: [] },
  refuse: { parameters: [I32, VEIL], results: [] },
  follow: { parameters: [I32, I32, I32, VEIL], results: [] },
  leap: { parameters: [I32, I32, VEIL], results: [] },
  jump: { parameters: [I64, VEIL], results: [] },
  back: { parameters: [I64, I32, VEIL], results: [] },
  service: { parameters: [I32, I32, VEIL], results: [I32] },
  beside: { parameters: [I32, I32, I32, VEIL], results: [I32] },
  access: { parameters: [I32, I32, I32, I32, VEIL], results: [I32] },
  commit: { parameters: [I32, VEIL], results: [] },
} as const satisfies Readonly<Record<string, { readonly parameters: readonly WasmType[]; readonly results: readonly WasmType[] }>>;

export type RegionImport = keyof typeof REGION_IMPORTS;

export const REGION_IMPORT_NAMES = Object.keys(REGION_IMPORTS) as readonly RegionImport[];

export const regionImportSignature = (name: RegionImport): { readonly parameters: readonly WasmType[]; readonly results: readonly WasmType[] } => REGION_IMPORTS[name];

/** The name under which the base module exports it. */
export const regionImportName = (name: RegionImport): string => `region.${name}`;

/** What a region passes to it. */
export const veiled = (parameters: readonly Expression[]): readonly Expression[] => [...parameters, ZERO_VECTOR];
