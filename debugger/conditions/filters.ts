/**
 * Who a stop is about, as conditions say it: `cr3 == 0x1000`, `cpl == 3`, `$cpu == 1`, joined by && with anything else. These parts
 * become filters of the stop, which cost nothing where they do not hold. Of a CR3 the page of the root counts, not the flags below.
 */
import type { StopFilter } from '../../src/monitor/machine/session';
import type { Expression } from '../expressions/syntax';

export interface Filtered {
  readonly filter: StopFilter;
  /** What the filter does not say. */
  readonly rest: Expression | undefined;
}

/** Takes the filters out of a condition. `isVariable`: whether a bare name means a variable of the program. */
export function takeFilters(tree: Expression, isVariable: (name: string) => boolean): Filtered {
  if (tree.kind === 'binary' && tree.operator === '&&') {
    const [left, right] = [takeFilters(tree.left, isVariable), takeFilters(tree.right, isVariable)];
    const doubled = Object.keys(left.filter).some((key) => key in right.filter);
    if (doubled) return { filter: {}, rest: tree };
    return { filter: { ...left.filter, ...right.filter }, rest: joined(left.rest, right.rest) };
  }
  const filter = filterOf(tree, isVariable);
  return filter ? { filter, rest: undefined } : { filter: {}, rest: tree };
}

const VALUES_BEFORE: ReadonlySet<string> = new Set(['before', 'old']), VALUES_AFTER: ReadonlySet<string> = new Set(['after', 'new']);

/** Takes `before != after` out of the condition of a data breakpoint: the machine sees changes itself, of however many bytes. */
export function takeChange(tree: Expression, isVariable: (name: string) => boolean): { readonly isChange: boolean; readonly rest: Expression | undefined } {
  if (tree.kind !== 'binary') return { isChange: false, rest: tree };
  const { operator, left, right } = tree;
  if (operator === '&&') {
    const [first, second] = [takeChange(left, isVariable), takeChange(right, isVariable)];
    return { isChange: first.isChange || second.isChange, rest: joined(first.rest, second.rest) };
  }
  const names = [left, right].map((side) => (side.kind === 'register' || (side.kind === 'name' && !isVariable(side.name)) ? side.name.replace(/^[$%]/, '').toLowerCase() : ''));
  const isChange = operator === '!=' && [names, [names[1], names[0]]].some(([one, other]) => VALUES_BEFORE.has(one) && VALUES_AFTER.has(other));
  return { isChange, rest: isChange ? undefined : tree };
}

function joined(left: Expression | undefined, right: Expression | undefined): Expression | undefined {
  return left && right ? { kind: 'binary', operator: '&&', left, right } : left ?? right;
}

function filterOf(tree: Expression, isVariable: (name: string) => boolean): StopFilter | undefined {
  if (tree.kind !== 'binary' || (tree.left.kind !== 'name' && tree.left.kind !== 'register') || tree.right.kind !== 'number') return undefined;
  if (tree.left.kind === 'name' && isVariable(tree.left.name)) return undefined;
  const name = tree.left.name.replace(/^[$%]/, '').toLowerCase();
  const value = Number(tree.right.value);
  const is = `${name} ${tree.operator} ${value}`;
  if (is === 'cpl == 3') return { privilege: 'user' };
  if (is === 'cpl == 0' || is === 'cpl != 3' || is === 'cpl < 3') return { privilege: 'kernel' };
  if (tree.operator !== '==' || !Number.isSafeInteger(value)) return undefined;
  if (name === 'cr3') return { cr3: value };
  return name === 'cpu' ? { cpu: value } : undefined;
}
