// A quick walk over the outer entries of a unit for the names that it defines. A kernel has tens of millions of them, so
// attributes are stepped over without being decoded, by a plan that is made once for each abbreviation of a unit.

import type { ByteReader } from "./bytes";
import { DW_AT, DW_FORM, DW_LANG_ASSEMBLER, DW_TAG } from "./dwarf-constants";
import { fixedFormSize, indirectForm, readForm, skipForm } from "./forms";
import type { Abbreviation, RawValue } from "./forms";
import type { Unit } from "./units";

/** What the walk tells of an entry. Declarations are passed over where no scope is around them. */
export interface ScannedEntry {
  readonly tag: number;
  readonly offset: number;
  /** DW_AT_name as it stands, for `Unit.textOf`; undefined if the entry has none of its own. */
  readonly name: { readonly form: number; readonly raw: RawValue } | undefined;
  /** Names of the namespaces and classes around it, each with `::` behind it. */
  readonly scope: string;
  readonly isDeclaration: boolean;
  /** It has DW_AT_low_pc or DW_AT_ranges. */
  readonly hasCode: boolean;
  /** It has an origin (DW_AT_specification, DW_AT_abstract_origin), which may have the name. */
  readonly hasOrigin: boolean;
}

/** DW_LANG values of C in all its versions, and of assembly: their structures hold nothing with a name of its own. */
const C_LANGUAGES: ReadonlySet<number> = new Set([0x01, 0x02, 0x0c, 0x1d, 0x2c, 0x3e, DW_LANG_ASSEMBLER]);
const MAXIMUM_NESTING = 32;
/** Codes up to here index an array; compilers number abbreviations from 1. */
const MOST_PLANS = 0x10000;

type Step =
  | { readonly kind: "bytes"; readonly count: number }
  | { readonly kind: "form" | "name" | "sibling" | "declaration"; readonly form: number };

interface Plan {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly steps: readonly Step[];
  readonly isWanted: boolean;
  readonly isNamespace: boolean;
  readonly isClass: boolean;
  /** A declaration whatever the data says (DW_FORM_flag_present). */
  readonly isDeclaration: boolean;
  readonly hasCode: boolean;
  readonly hasOrigin: boolean;
}

const WANTED: ReadonlySet<number> = new Set([
  DW_TAG.structure_type, DW_TAG.union_type, DW_TAG.class_type, DW_TAG.enumeration_type, DW_TAG.typedef, DW_TAG.base_type,
  DW_TAG.subprogram, DW_TAG.variable,
]);

function stepOf(name: number, form: number, unit: Unit): Step {
  if (name === DW_AT.name) return { kind: "name", form };
  if (name === DW_AT.sibling) return { kind: "sibling", form };
  if (name === DW_AT.declaration && form === DW_FORM.flag) return { kind: "declaration", form };
  const count = fixedFormSize(form, unit);
  return count === undefined ? { kind: "form", form } : { kind: "bytes", count };
}

function makePlan({ tag, hasChildren, attributes }: Abbreviation, unit: Unit): Plan {
  const steps: Step[] = [];
  for (const { name, form } of attributes) {
    const step = stepOf(name, form, unit);
    const last = steps[steps.length - 1];
    if (step.kind === "bytes" && last?.kind === "bytes") steps[steps.length - 1] = { kind: "bytes", count: last.count + step.count };
    else steps.push(step);
  }
  const has = (name: number): boolean => attributes.some(attribute => attribute.name === name);
  return {
    tag, hasChildren, steps,
    isWanted: WANTED.has(tag),
    isNamespace: tag === DW_TAG.namespace,
    isClass: tag === DW_TAG.structure_type || tag === DW_TAG.class_type || tag === DW_TAG.union_type,
    isDeclaration: attributes.some(({ name, form }) => name === DW_AT.declaration && form !== DW_FORM.flag),
    hasCode: has(DW_AT.low_pc) || has(DW_AT.ranges),
    hasOrigin: has(DW_AT.specification) || has(DW_AT.abstract_origin),
  };
}

/** Walks units, one after the other. */
export class NameScanner {
  /** Whether the unit's classes have functions and types inside. */
  private hasScopedClasses = false;
  /** By code, for the unit that is being walked. */
  private plans: (Plan | undefined)[] = [];
  private name: ScannedEntry["name"];
  private sibling = 0;
  private isDeclaration = false;

  /** Tells the definitions of a unit, and of its namespaces. Throws `SymbolFileError` where the unit is broken. */
  scan(unit: Unit, found: (entry: ScannedEntry) => void): void {
    const { root } = unit;
    if (!root.hasChildren) return;
    this.plans = [];
    this.hasScopedClasses = !C_LANGUAGES.has(root.number(DW_AT.language) ?? 0);
    const reader = unit.info.unitReader(unit);
    reader.seek(root.contentEnd);
    this.children(reader, unit, "", 0, found);
  }

  private children(reader: ByteReader, unit: Unit, scope: string, depth: number, found: (entry: ScannedEntry) => void): void {
    const abbreviations = unit.abbreviations();
    while (reader.remaining > 0) {
      const offset = reader.offset;
      const code = reader.uleb();
      if (code === 0) return;
      let plan = code < MOST_PLANS ? this.plans[code] : undefined;
      if (plan === undefined) {
        plan = makePlan(abbreviations.get(code) ?? reader.fail(`abbreviation ${code} is not in the table`, offset), unit);
        if (code < MOST_PLANS) this.plans[code] = plan;
      }
      this.runSteps(plan, reader, unit);
      const isDeclaration = plan.isDeclaration || this.isDeclaration;
      if (plan.isWanted && (!isDeclaration || scope !== "")) {
        found({ tag: plan.tag, offset, name: this.name, scope, isDeclaration, hasCode: plan.hasCode, hasOrigin: plan.hasOrigin });
      }
      if (!plan.hasChildren) continue;
      if ((plan.isNamespace || (plan.isClass && this.hasScopedClasses)) && depth < MAXIMUM_NESTING) {
        const name = this.name === undefined ? "" : unit.textOf(this.name.form, this.name.raw) ?? "";
        this.children(reader, unit, name === "" ? scope : `${scope}${name}::`, depth + 1, found);
      } else this.leave(reader, unit, offset);
    }
  }

  private runSteps({ steps }: Plan, reader: ByteReader, unit: Unit): void {
    this.name = undefined;
    this.sibling = 0;
    this.isDeclaration = false;
    for (const step of steps) {
      switch (step.kind) {
        case "bytes": reader.skip(step.count); break;
        case "form": skipForm(reader, step.form, unit); break;
        case "declaration": this.isDeclaration = reader.u8() !== 0; break;
        case "sibling": this.sibling = Number(readForm(reader, step.form, unit)); break;
        case "name": {
          const form = step.form === DW_FORM.indirect ? indirectForm(reader) : step.form;
          this.name = { form, raw: readForm(reader, form, unit) };
        }
      }
    }
  }

  /** Goes past an entry's children. */
  private leave(reader: ByteReader, unit: Unit, offset: number): void {
    const next = this.sibling === 0 ? unit.endOfChildren(reader.offset) : unit.start + this.sibling;
    if (next <= offset) reader.fail("an entry whose sibling does not come after it", offset);
    reader.seek(next);
  }
}
