// The named things outside functions, across all units of a file: types, global variables, functions.

import type { CompilationUnit } from "./compilation-unit";
import type { DebugInfo } from "./debug-info";
import { DW_FORM, DW_TAG } from "./dwarf-constants";
import { NameScanner } from "./name-scan";
import type { ScannedEntry } from "./name-scan";
import type { Die, Unit } from "./units";

/** A unit whose outer entries are looked through, and the compilation unit that stands for its code. */
export interface DeclaringUnit {
  readonly unit: Unit;
  /** Undefined for units without code: those with types alone, and parts that others import. */
  readonly compiled: CompilationUnit | undefined;
}

export interface Declaration {
  readonly die: Die;
  readonly unit: CompilationUnit | undefined;
}

/** An entry's place; entries themselves are decoded when they are wanted. */
interface Place {
  readonly tag: number;
  readonly offset: number;
  readonly owner: DeclaringUnit;
}

export type DeclarationKind = 'variables' | 'functions' | 'types';

/** All that has one name. */
interface Named {
  readonly name: string;
  /** The first definition of each tag: a kernel defines the same structures in thousands of units. */
  types: Place[] | undefined;
  functions: Place[] | undefined;
  variables: Place[] | undefined;
}

/** Names of all units, gathered in one walk, as far as questions need it. */
export class Declarations {
  private readonly names = new Map<string, Named>();
  /** The scopes of declarations inside namespaces and classes, which a definition elsewhere completes. */
  private readonly scopes = new Map<string, string>();
  private readonly scanner = new NameScanner();
  private readonly byOffset = new Map<DebugInfo, Map<number, Named>>();
  private waiting: Iterator<DeclaringUnit, undefined> | undefined;

  constructor(private readonly units: () => readonly DeclaringUnit[]) {}

  /**
   * The first definition of a type of that name whose tag is accepted. With namespaces, the name may be qualified:
   * `outer::name`. Units are looked through only as far as needed.
   */
  typeNamed(name: string, accepts: (tag: number) => boolean = () => true): Die | undefined {
    do {
      const place = this.names.get(name)?.types?.find(({ tag }) => accepts(tag));
      if (place !== undefined) return dieOf(place);
    } while (this.readNext());
    return undefined;
  }

  /** Functions of that name that have code. */
  functionsNamed(name: string): Declaration[] {
    return declarations(this.find(name)?.functions);
  }

  /** Variables of that name. */
  globalsNamed(name: string): Declaration[] {
    return declarations(this.find(name)?.variables);
  }

  /** All variables outside functions. */
  globals(): Declaration[] {
    this.read();
    const all = new Map<string, Declaration>();
    for (const { variables } of this.names.values()) {
      for (const declaration of declarations(variables)) all.set(`${declaration.die.unit.sectionName}${declaration.die.offset}`, declaration);
    }
    return [...all.values()].sort((a, b) => a.die.offset - b.die.offset);
  }

  /** Up to `most` names of variables outside functions, of functions, or of types, that begin so, in whatever case. */
  namesOf(kind: DeclarationKind, start: string, most: number): string[] {
    this.read();
    const wanted = start.toLowerCase();
    const found: string[] = [];
    for (const named of this.names.values()) {
      if (named[kind] === undefined || !named.name.toLowerCase().startsWith(wanted)) continue;
      if (found.push(named.name) === most) break;
    }
    return found;
  }

  private find(name: string): Named | undefined {
    this.read();
    return this.names.get(name);
  }

  private read(): void {
    while (this.readNext());
  }

  /** Looks through one unit more; false if there is none left. A broken unit throws once, and is passed over after that. */
  readNext(): boolean {
    if (this.waiting === undefined) {
      // Should the units themselves be broken, that is said once.
      this.waiting = [].values();
      this.waiting = this.units().values();
    }
    const { value: owner, done } = this.waiting.next();
    if (done === true) return false;
    const { info } = owner.unit;
    const known = this.byOffset.get(info) ?? new Map<number, Named>();
    this.byOffset.set(info, known);
    const texts = new NameCache(owner.unit, this.names, known);
    this.scanner.scan(owner.unit, entry => this.note(entry, owner, texts));
    return true;
  }

  private note(entry: ScannedEntry, owner: DeclaringUnit, texts: NameCache): void {
    const { tag, offset } = entry;
    if (entry.isDeclaration) {
      this.scopes.set(scopeKey(owner.unit, offset), entry.scope);
      return;
    }
    if (tag === DW_TAG.subprogram && !entry.hasCode) return;
    const die = entry.hasOrigin ? owner.unit.dieAt(offset) : undefined;
    const name = die?.name();
    const named = entry.name !== undefined ? texts.named(entry.name) : name === undefined ? undefined : namedAs(this.names, name);
    if (named === undefined) return;
    const place = { tag, offset, owner };
    noteAt(named, place);
    const scope = entry.scope === "" ? die && this.declaredScope(die) : entry.scope;
    if (scope !== undefined && scope !== "") noteAt(namedAs(this.names, scope + named.name), place);
  }

  /** The scope of the declaration that an entry completes: C++ defines outside of it. */
  private declaredScope(die: Die): string | undefined {
    for (const { unit, offset } of die.origins()) {
      const scope = this.scopes.get(scopeKey(unit, offset));
      if (scope !== undefined) return scope;
    }
    return undefined;
  }
}

function scopeKey(unit: Unit, offset: number): string {
  return `${unit.info.fileName} ${unit.sectionName} ${offset}`;
}

function namedAs(names: Map<string, Named>, name: string): Named {
  let named = names.get(name);
  if (named === undefined) names.set(name, named = { name, types: undefined, functions: undefined, variables: undefined });
  return named;
}

function noteAt(named: Named, place: Place): void {
  if (place.tag === DW_TAG.subprogram) (named.functions ??= []).push(place);
  else if (place.tag === DW_TAG.variable) (named.variables ??= []).push(place);
  else if (named.types?.some(({ tag }) => tag === place.tag) !== true) (named.types ??= []).push(place);
}

function dieOf({ owner, offset }: Place): Die | undefined {
  return owner.unit.dieAt(offset);
}

function declarations(places: readonly Place[] | undefined): Declaration[] {
  const found: Declaration[] = [];
  for (const place of places ?? []) {
    const die = dieOf(place);
    if (die !== undefined) found.push({ die, unit: place.owner.compiled });
  }
  return found;
}

/** Names of one unit, by their place in its file's string section, so that each is decoded once. */
class NameCache {
  constructor(private readonly unit: Unit, private readonly names: Map<string, Named>, private readonly byOffset: Map<number, Named>) {}

  named({ form, raw }: NonNullable<ScannedEntry["name"]>): Named | undefined {
    const isShared = form === DW_FORM.strp && typeof raw === "number";
    const known = isShared ? this.byOffset.get(raw) : undefined;
    if (known !== undefined) return known;
    const text = this.unit.textOf(form, raw);
    if (text === undefined) return undefined;
    const named = namedAs(this.names, text);
    if (isShared) this.byOffset.set(raw, named);
    return named;
  }
}
