// The named things outside functions, across all units of a file: types, global variables, functions.

import type { CompilationUnit } from "./compilation-unit";
import { DW_AT, DW_TAG } from "./dwarf-constants";
import type { Die } from "./units";

const TYPE_TAGS: ReadonlySet<number> = new Set([
  DW_TAG.structure_type, DW_TAG.union_type, DW_TAG.class_type, DW_TAG.enumeration_type, DW_TAG.typedef, DW_TAG.base_type,
]);

export interface Declaration {
  readonly die: Die;
  readonly unit: CompilationUnit;
}

/** Names of all units, gathered in one walk when first asked. */
export class Declarations {
  private readonly types = new Map<string, Declaration[]>();
  private readonly functions = new Map<string, Declaration[]>();
  private readonly variables: Declaration[] = [];
  private isRead = false;

  constructor(private readonly units: readonly CompilationUnit[]) {}

  /** Definitions of types of that name. */
  typesNamed(name: string): readonly Declaration[] {
    this.read();
    return this.types.get(name) ?? [];
  }

  /** Functions of that name that have code. */
  functionsNamed(name: string): readonly Declaration[] {
    this.read();
    return this.functions.get(name) ?? [];
  }

  globals(): readonly Declaration[] {
    this.read();
    return this.variables;
  }

  private read(): void {
    if (this.isRead) return;
    this.isRead = true;
    for (const unit of this.units) for (const die of unit.declarations()) this.sort({ die, unit });
  }

  private sort(declaration: Declaration): void {
    const { die } = declaration;
    if (die.tag === DW_TAG.variable) {
      if (!die.flag(DW_AT.declaration)) this.variables.push(declaration);
    } else if (TYPE_TAGS.has(die.tag)) {
      if (!die.flag(DW_AT.declaration)) add(this.types, declaration);
    } else if (die.tag === DW_TAG.subprogram && (die.has(DW_AT.low_pc) || die.has(DW_AT.ranges))) add(this.functions, declaration);
  }
}

function add(map: Map<string, Declaration[]>, declaration: Declaration): void {
  const name = declaration.die.name();
  if (name === undefined) return;
  const same = map.get(name);
  if (same === undefined) map.set(name, [declaration]);
  else same.push(declaration);
}
