/** The launch configuration's kind of value for the CPU: a model, and features added to it or taken from it. */
import { SWITCHABLE_NAMES } from '../cpu/models/features';
import { MODELS, MODEL_NAMES } from '../cpu/models/models';
import { selectProcessor, type Selection, type SelectionProblem } from '../cpu/models/selection';
import { Refusal, quoted, wordRemedy, type Kind } from './configurationKinds';
import { nearestWord } from './configurationSpelling';

const models = MODEL_NAMES.map((name) => `\`"${name}"\``).join(', ');

/** Features are many: the nearest, or where to find them. */
function featureRemedy(name: string, sign: string): string {
  const nearest = nearestWord(name, SWITCHABLE_NAMES);
  return nearest === undefined ? `write one of ${SWITCHABLE_NAMES.join(', ')}` : `did you mean "${sign}${nearest}"?`;
}

function refusal({ kind, word, known }: SelectionProblem): Refusal {
  switch (kind) {
    case 'unknown-model':
      return new Refusal(`${quoted(word)} is not known`, wordRemedy(word, known));
    case 'no-sign':
      return new Refusal(`${quoted(word)} has no sign`, `write "+${word}" to add the feature, or "-${word}" to take it out`);
    case 'unknown-feature':
      return new Refusal(`there is no feature ${quoted(word.slice(1))}`, featureRemedy(word.slice(1), word.slice(0, 1)));
    case 'too-new':
      return new Refusal(`the model is too old for ${quoted(word)}`, 'take it out, or choose a later model');
    case 'not-emulated':
      return new Refusal(`${quoted(word)} is not emulated yet, or needs something that is not`, 'take it out');
  }
}

/** A model by name and switches of features: `x86-64-v2,-sse4.2,+pku`. The value is the text. */
export function cpuSelection(): Kind<string> {
  return {
    schema: {
      anyOf: [
        { type: 'string', enum: MODEL_NAMES, enumDescriptions: MODEL_NAMES.map((name) => MODELS[name].doc) },
        { type: 'string', pattern: `^\\s*(${MODEL_NAMES.join('|')})\\s*(,\\s*[+-][A-Za-z0-9._-]+\\s*)*$` },
      ],
    },
    label: `${models}, each with \`,+feature\` and \`,-feature\``,
    read(value) {
      if (typeof value !== 'string') throw new Refusal(`${quoted(value)} is not the name of a CPU model`, wordRemedy(value, MODEL_NAMES));
      selectionOf(value);
      return value;
    },
  };
}

/** What a checked value selects. */
export function selectionOf(text: string): Selection {
  const selection = selectProcessor(text);
  if ('problem' in selection) throw refusal(selection.problem);
  return selection;
}
