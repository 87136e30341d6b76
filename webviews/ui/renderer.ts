/**
 * Makes a part of the page agree with a description, touching only what differs from the description before: so
 * focus, selection and scroll positions stay, and an equal description writes nothing.
 */
import type { Description, ElementDescription } from './description';

const SVG = 'http://www.w3.org/2000/svg';
/** Attributes that speak of an element's first state only; what they mean now is a property. */
const LIVE_PROPERTIES = new Set(['value', 'checked', 'selected']);
/** On an element: its children stay as they are while it has the focus (a list that hangs open must not move). */
const HOLD = 'data-hold-while-focused';

function create(description: Description, svg: boolean): Node {
  if (typeof description === 'string') return document.createTextNode(description);
  const inSvg = svg || description.tag === 'svg';
  const element = inSvg ? document.createElementNS(SVG, description.tag) : document.createElement(description.tag);
  for (const [name, value] of Object.entries(description.attributes)) setAttribute(element, name, value);
  setStyle(element, {}, description.style);
  for (const child of description.children) element.append(create(child, inSvg));
  // A select has its value only once its options are there.
  const { value } = description.attributes;
  if (value !== undefined) setAttribute(element, 'value', value);
  return element;
}

function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (LIVE_PROPERTIES.has(name) && setProperty(element, name, value)) return;
  if (value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Whether the element has this as a live property; what a person has typed is overwritten only by another text. */
function setProperty(element: Element, name: string, value: string | undefined): boolean {
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement) {
    if (name === 'value') {
      if (element.value !== (value ?? '')) element.value = value ?? '';
      return true;
    }
    if (name === 'checked' && element instanceof HTMLInputElement) {
      element.checked = value !== undefined;
      return true;
    }
  }
  if (name === 'selected' && element instanceof HTMLOptionElement) {
    element.selected = value !== undefined;
    return true;
  }
  return false;
}

function setStyle(element: Element, before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): void {
  if (!(element instanceof HTMLElement || element instanceof SVGElement)) return;
  for (const name of Object.keys(before)) {
    if (!(name in after)) element.style.removeProperty(name);
  }
  for (const [name, value] of Object.entries(after)) {
    if (before[name] !== value) element.style.setProperty(name, value);
  }
}

/** Same element, seen over time: its tag and key agree. */
function same(before: Description, after: Description): boolean {
  if (typeof before === 'string' || typeof after === 'string') return typeof before === typeof after;
  return before.tag === after.tag && before.key === after.key;
}

function patchElement(element: Element, before: ElementDescription, after: ElementDescription): void {
  for (const name of Object.keys(before.attributes)) {
    if (!(name in after.attributes)) setAttribute(element, name, undefined);
  }
  const held = HOLD in after.attributes && element === document.activeElement;
  if (!held) patchChildren(element, before.children, after.children);
  for (const [name, value] of Object.entries(after.attributes)) {
    if (before.attributes[name] !== value) setAttribute(element, name, value);
  }
  setStyle(element, before.style, after.style);
}

function patchNode(node: Node, before: Description, after: Description): void {
  if (before === after) return;
  if (typeof after === 'string') {
    if (node.nodeValue !== after) node.nodeValue = after;
  } else if (node instanceof Element && typeof before !== 'string') {
    patchElement(node, before, after);
  }
}

/** Which child before is which child after: by key where there is one, else by the order among those without. */
function matches(before: readonly Description[], after: readonly Description[]): (number | undefined)[] {
  const keyed = new Map<string, number>();
  const rest: number[] = [];
  before.forEach((child, at) => {
    if (typeof child !== 'string' && child.key !== undefined) keyed.set(`${child.tag} ${child.key}`, at);
    else rest.push(at);
  });
  let next = 0;
  return after.map((child) => {
    if (typeof child !== 'string' && child.key !== undefined) return keyed.get(`${child.tag} ${child.key}`);
    const at = rest[next];
    if (at === undefined || !same(before[at], child)) return undefined;
    next++;
    return at;
  });
}

function patchChildren(parent: Element, before: readonly Description[], after: readonly Description[]): void {
  if (before === after) return;
  const nodes = [...parent.childNodes];
  const found = matches(before, after);
  const kept = new Set(found);
  before.forEach((_, at) => {
    if (!kept.has(at)) nodes[at]?.remove();
  });
  const svg = parent.namespaceURI === SVG;
  let place: ChildNode | null = parent.firstChild;
  after.forEach((child, index) => {
    const at = found[index];
    const node = at === undefined ? undefined : nodes[at];
    if (at === undefined || node === undefined) {
      parent.insertBefore(create(child, svg), place);
      return;
    }
    if (node === place) place = node.nextSibling;
    else parent.insertBefore(node, place);
    patchNode(node, before[at], child);
  });
}

/** A function that shows descriptions in `root`, one after another. Nobody else may change what is in it. */
export function rendererFor(root: Element): (children: readonly Description[]) => void {
  let shown: readonly Description[] = [];
  root.replaceChildren();
  return (children) => {
    patchChildren(root, shown, children);
    shown = children;
  };
}
