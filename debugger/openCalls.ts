/** The calls that are open in one activation of a function, and what they are called. */
import type { Program, SourceLine } from './program';
import type { ScopeFrame } from './symbols/functions';
import type { Frame } from './unwinder';

export interface OpenCall {
  /** What debug information says of it; undefined without. */
  readonly scope: ScopeFrame | undefined;
  readonly line: SourceLine | undefined;
}

/** Those inlined into an activation, innermost first, and the function itself. */
export function openCalls(frame: Frame, program: Pick<Program, 'lineAt' | 'sourceOf'>): OpenCall[] {
  const scopes = frame.image?.ask((table) => table.scopesAt(frame.lookup)) ?? [];
  let line = program.lineAt(frame.lookup);
  if (scopes.length === 0) return [{ scope: undefined, line }];
  return scopes.map((scope) => {
    const shown = { scope, line };
    const call = scope.callSite;
    const source = call && program.sourceOf(call.file);
    if (call && source) line = { source, line: call.line, column: call.column };
    return shown;
  });
}

/** A call's name as symbols have it; undefined where none is for its code. */
export function callName(scope: ScopeFrame | undefined, { lookup }: Frame, program: Pick<Program, 'functionAt' | 'nameOf'>): string | undefined {
  if (scope) return scope.kind === 'inlined' ? `${scope.name} (inlined)` : scope.name;
  return program.functionAt(lookup)?.name ?? program.nameOf(lookup);
}
