/**
 * Reads what a configuration says of the CPU: a model and switches of single features, `x86-64-v2,-sse4.2,+pku`.
 *
 * Switches are taken from left to right. `+x` brings what x needs; `-x` takes along, without a word, all that cannot
 * be without x (`-sse` ends everything from SSE up, 64-bit mode with it). A generation (32 bits, protected mode)
 * belongs to the model: it cannot be switched, and what needs it cannot be added to an older model.
 */
import { NOT_EMULATED } from './emulated';
import { SWITCHABLE_NAMES, definitionOf, switchableFeature, withNeeds, without, writtenName, type Feature } from './features';
import { MODELS, MODEL_NAMES, isModelName } from './models';
import type { Processor } from './processor';

/** What is wrong with a selection: the word, and the words that would have been known in its place. */
export interface SelectionProblem {
  readonly kind: 'unknown-model' | 'unknown-feature' | 'no-sign' | 'too-new' | 'not-emulated';
  readonly word: string;
  readonly known: readonly string[];
}

export interface Selection {
  readonly processor: Processor;
  /** Usual spellings of what the model has and the monitor cannot do yet; the processor goes without. */
  readonly missing: readonly string[];
}

interface Switched {
  readonly features: ReadonlySet<Feature>;
  readonly problem?: SelectionProblem;
}

function switched(features: ReadonlySet<Feature>, word: string): Switched {
  const fail = (kind: SelectionProblem['kind'], known: readonly string[]): Switched => ({ features, problem: { kind, word, known } });
  const sign = word[0];
  const name = word.slice(1);
  if (sign !== '+' && sign !== '-') return fail('no-sign', SWITCHABLE_NAMES);
  const feature = switchableFeature(name);
  if (feature === undefined) return fail('unknown-feature', SWITCHABLE_NAMES);
  if (sign === '-') return { features: without(features, [feature]) };
  const brought = withNeeds([feature]);
  if ([...brought].some((each) => NOT_EMULATED.has(each))) return fail('not-emulated', []);
  if ([...brought].some((each) => definitionOf(each).fixed && !features.has(each))) return fail('too-new', []);
  return { features: new Set([...features, ...brought]) };
}

/** The processor that a text selects, or the first thing that is wrong with it. */
export function selectProcessor(text: string): Selection | { readonly problem: SelectionProblem } {
  const [name = '', ...words] = text.split(',').map((word) => word.trim());
  if (!isModelName(name)) return { problem: { kind: 'unknown-model', word: name, known: MODEL_NAMES } };
  const model = MODELS[name];
  const done = without(model.features, NOT_EMULATED);
  let features: ReadonlySet<Feature> = done;
  for (const word of words) {
    const next = switched(features, word);
    if (next.problem) return { problem: next.problem };
    features = next.features;
  }
  const missing = [...model.features].filter((feature) => !done.has(feature)).map(writtenName);
  return { processor: { model, features }, missing };
}
