/**
 * The panels' own words in the person's language. They stand in the code in English; a translation is found by the English words, in the
 * table that the extension hands to the page (src/extension/panels/panelHtml.ts). Without one they stay English.
 */

/** What may stand in a sentence's place. Numbers are written as they are: what is to be grouped or padded comes as text. */
type Filling = string | number | bigint;

interface Language {
  /** BCP 47: 'de'. */
  readonly name: string;
  readonly words: Readonly<Record<string, string>>;
}

/** Between the forms of a sentence with a count, in the order in which `Intl.PluralRules` names the language's categories. */
const FORMS = '|';
const ENGLISH: Language = { name: 'en', words: {} };

/** What the page says of its language; English where there is no page. */
function languageOfPage(): Language {
  if (typeof document === 'undefined') return ENGLISH;
  const text = document.getElementById('root')?.dataset['words'];
  if (text === undefined) return ENGLISH;
  const words: unknown = JSON.parse(text);
  if (typeof words !== 'object' || words === null) return ENGLISH;
  const translated = Object.entries(words).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { name: document.documentElement.lang || ENGLISH.name, words: Object.fromEntries(translated) };
}

const language = languageOfPage();
const rules = new Intl.PluralRules(language.name);
/** Categories in one order for all: zero, one, two, few, many, other, those that the language has. */
const ORDER = ['zero', 'one', 'two', 'few', 'many', 'other'] as const;
const categories = ORDER.filter((category) => rules.resolvedOptions().pluralCategories.includes(category));
const englishRules = new Intl.PluralRules(ENGLISH.name);

function filled(text: string, fillings: readonly Filling[]): string {
  return text.replaceAll(/\{(\d+)\}/g, (place, index: string) => (Number(index) < fillings.length ? String(fillings[Number(index)]) : place));
}

/** These English words in the person's language; `{0}`, `{1}` are the places of what changes. */
export function t(english: string, ...fillings: readonly Filling[]): string {
  return filled(language.words[english] ?? english, fillings);
}

/**
 * Words that depend on a count: `plural(n, '{0} page|{0} pages')`. English has two forms, one and other; a translation has as many as its
 * language has categories (in the order of CLDR: zero, one, two, few, many, other). `{0}` is the count, unless `fillings` say what stands there.
 */
export function plural(count: number, english: string, ...fillings: readonly Filling[]): string {
  const translated = language.words[english]?.split(FORMS);
  const forms = translated ?? english.split(FORMS);
  const form = translated?.length === categories.length ? categories.indexOf(rules.select(count)) : englishRules.select(count) === 'one' ? 0 : 1;
  return filled(forms[form] ?? forms[forms.length - 1], fillings.length > 0 ? fillings : [count]);
}
