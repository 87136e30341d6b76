/** The names in an expression, whether or not its value depends on them. */
import type { Expression } from './syntax';

/** Variables, registers and symbols as they stand in an expression, each time that they do. Names of members are not among them. */
export type NameLeaf = Extract<Expression, { kind: 'name' | 'register' }>;

/** `$retired`: how many instructions have retired. It is no register, and does not hide a variable of that name. */
export const RETIRED = 'retired';

/** Whether an expression asks for `$retired`. */
export function asksForRetired(tree: Expression): boolean {
  return namesIn(tree).some(({ kind, name }) => kind === 'register' && name.toLowerCase() === RETIRED);
}

export function namesIn(tree: Expression): readonly NameLeaf[] {
  switch (tree.kind) {
    case 'name':
    case 'register': return [tree];
    default: return partsOf(tree).flatMap(namesIn);
  }
}

function partsOf(tree: Expression): readonly Expression[] {
  switch (tree.kind) {
    case 'unary':
    case 'cast': return [tree.operand];
    case 'binary': return [tree.left, tree.right];
    case 'conditional': return [tree.condition, tree.then, tree.otherwise];
    case 'member': return [tree.object];
    case 'index': return [tree.object, tree.index];
    case 'memory': return [tree.address];
    case 'space': return tree.cr3 ? [tree.cr3, tree.address] : [tree.address];
    case 'segmented': return [tree.segment, tree.offset];
    case 'sizeof': return tree.operand ? [tree.operand] : [];
    default: return [];
  }
}
