/**
 * Completions in the console and in watches: commands and their words, registers, variables, functions, types and members.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Evaluation } from './evaluation';
import type { Threads } from './threads';
import type { Program } from './program';
import type { ReplCommands } from './replCommands';
import { registerNames } from './registers';
import type { DeclarationKind } from './symbols/declarations';
import { stripType, type Type } from './symbols/types';

const MOST_ITEMS = 200;

type Kind = NonNullable<DebugProtocol.CompletionItem['type']>;

/**
 * Items for the word before `column` (from 0) of `text`.
 */
export async function complete(
  text: string, column: number, frameId: number | undefined,
  { frames, evaluation, program, commands }: {
    readonly frames: Pick<Threads, 'scope'>; readonly evaluation: Evaluation; readonly program: Program; readonly commands: Pick<ReplCommands, 'names' | 'wordsAt'>;
  },
): Promise<DebugProtocol.CompletionItem[]> {
  const before = text.slice(0, column);
  const last = /\S*$/.exec(before)?.[0] ?? '';
  const ofCommand = matching(await commands.wordsAt(before), last, column, 'keyword');
  const member = /^(.*?)(\.|->)([\w]*)$/s.exec(before);
  if (member) {
    const [, owner, , start] = member;
    return [...ofCommand, ...matching(await memberNames(lastOperand(owner), frameId, frames, evaluation), start, column, 'property')];
  }
  const word = /[$%]?[\w]*$/.exec(before)?.[0] ?? '';
  const start = word.replace(/^[$%]/, '');
  const scope = await frames.scope(frameId);
  const registers = matching(registerNames(scope.cpu), start, column, 'variable');
  if (word !== start) return registers;
  const locals = await scope.memory.run(() => scope.variables.visible().map((variable) => variable.name));
  const described = (kind: DeclarationKind): string[] => (start === '' ? [] : program.namesOf(kind, start, MOST_ITEMS));
  const isFirstWord = before.trimStart() === word;
  return [
    ...(isFirstWord ? matching(commands.names, start, column, 'keyword') : ofCommand),
    ...matching(locals, start, column, 'variable'),
    ...registers,
    ...matching(described('variables'), start, column, 'variable'),
    ...matching(described('functions'), start, column, 'function'),
    ...matching(described('types'), start, column, 'class'),
    ...matching(start === '' ? [] : program.describedNames(start, MOST_ITEMS), start, column, 'variable'),
  ].slice(0, MOST_ITEMS);
}

/** The operand that a `.` belongs to: the text after the last operator outside of brackets. */
function lastOperand(text: string): string {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    const character = text[at];
    if (character === ')' || character === ']') depth++;
    else if (character === '(' || character === '[') depth--;
    if (depth < 0 || (depth === 0 && /[\s+*/%&|^~!<=,?:]/.test(character))) return text.slice(at + 1);
  }
  return text;
}

async function memberNames(owner: string, frameId: number | undefined, frames: Pick<Threads, 'scope'>, evaluation: Evaluation): Promise<string[]> {
  const prefix = `${owner.replace(/^[$%]/, '').toLowerCase()}.`;
  const { cpu } = await frames.scope(frameId);
  const parts = [...registerNames(cpu), ...(cpu.flags.fields ?? []).map((field) => `${cpu.flags.name}.${field.name}`)]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
  if (parts.length > 0) return parts;
  try {
    const { value } = await evaluation.evaluate(owner, frameId);
    return value.kind === 'object' ? membersOf(value.type) : [];
  } catch {
    // Half-typed expressions are the rule here; there is nothing to suggest for this one.
    return [];
  }
}

function membersOf(type: Type): string[] {
  const bare = stripType(type);
  if (bare.kind === 'pointer') return membersOf(bare.target);
  if (!('members' in bare)) return [];
  return bare.members.flatMap((member) => (member.name === undefined ? membersOf(member.type) : [member.name]));
}

function matching(names: readonly string[], start: string, column: number, type: Kind): DebugProtocol.CompletionItem[] {
  const wanted = start.toLowerCase();
  return [...new Set(names)].filter((name) => name.toLowerCase().startsWith(wanted)).slice(0, MOST_ITEMS)
    .map((label) => ({ label, type, start: column - start.length, length: start.length }));
}
