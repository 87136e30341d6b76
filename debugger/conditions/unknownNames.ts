/**
 * Names in conditions and log messages that mean nothing where these will be evaluated: told when they are set, as nobody would wait
 * for a stop to learn of a slip.
 */
import { namesIn, type NameLeaf } from '../expressions/names';
import type { Expression } from '../expressions/syntax';
import { hex } from '../numbers';
import { isRegisterName, registerNamed } from '../registers';
import { DESCRIBED_TASK } from '../symbolSource';
import type { GateScope } from './gateCompiler';

/**
 * What is wrong with a name in an expression, as the beginning of a sentence. Where the place at `address` has no debugging information, and where its
 * registers are not those of now, nothing is known of variables.
 */
export function unknownName(tree: Expression, address: bigint | undefined, scope: GateScope): string | undefined {
  const { program } = scope;
  const image = address === undefined ? undefined : program.imageAt(address);
  const areNamesKnown = image?.ask((table) => table.hasDebugInfo) === true && scope.codeBits === scope.cpu.codeBits;
  const unknown = namesIn(tree).find((leaf) => (leaf.kind === 'register' ? !isRegister(leaf, scope) : areNamesKnown && !isName(leaf, scope)));
  if (unknown?.kind === 'register') return `There is no register '${unknown.name}'`;
  return unknown && `There is no variable, register or symbol '${unknown.name}' at ${hex(address ?? 0n)}`;
}

function isName({ name }: NameLeaf, { local, global, events, cpu, program }: GateScope): boolean {
  return local(name) !== undefined || events.has(name.toLowerCase()) || registerNamed(cpu, name) !== undefined
    || global(name) !== undefined || program.functionsNamed(name).length > 0 || program.symbolNamed(name) !== undefined;
}

/** Also one that another mode has, and what a Linux will describe when it is there. */
function isRegister({ name }: NameLeaf, { events, cpu, global }: GateScope): boolean {
  const spelling = name.toLowerCase();
  return [spelling, `$${spelling}`].some((each) => events.has(each)) || isRegisterName(cpu, name) || `$${name}` === DESCRIBED_TASK || global(`$${name}`) !== undefined;
}
