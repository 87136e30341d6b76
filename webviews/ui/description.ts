/**
 * What a panel's picture looks like as plain data: a view returns descriptions, the renderer makes the page agree
 * with them, and tests read them without a browser.
 */

/** What an attribute may be given as; `false` and `undefined` leave it out, `true` makes it empty. */
export type AttributeValue = string | number | boolean | undefined;

export interface ElementDescription {
  readonly tag: string;
  /** Tells children of one parent apart when they move, come and go. */
  readonly key: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /** CSS properties, set through the CSSOM because the page's policy forbids style attributes. */
  readonly style: Readonly<Record<string, string>>;
  readonly children: readonly Description[];
}

export type Description = ElementDescription | string;

/** A child as views write it: what is nothing is left out. */
export type Child = Description | undefined | false | readonly Child[];

export interface Attributes {
  readonly key?: string;
  readonly style?: Readonly<Record<string, string>>;
  readonly [name: string]: AttributeValue | Readonly<Record<string, string>>;
}

function flatten(children: readonly Child[], into: Description[]): void {
  for (const child of children) {
    if (child === undefined || child === false) continue;
    if (typeof child === 'string' || 'tag' in child) into.push(child);
    else flatten(child, into);
  }
}

/** Describes one element. Its namespace (HTML or SVG) follows from where it stands. */
export function h(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): ElementDescription {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'key' || typeof value === 'object' || value === undefined || value === false) continue;
    plain[name] = value === true ? '' : String(value);
  }
  const flat: Description[] = [];
  flatten(children, flat);
  return { tag, key: attributes.key, attributes: plain, style: attributes.style ?? {}, children: flat };
}

/** Class names in one string; what is nothing is left out. */
export function classes(...names: readonly (string | false | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}
