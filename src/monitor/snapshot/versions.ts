/**
 * What units of a store (pages of memory, sectors of a disk) held at the moments of snapshots. The store itself holds the present;
 * of the past only what is different is kept, copied when a unit changes for the first time after a snapshot. So a snapshot
 * costs nothing by itself, and going to one costs as much as lies between.
 */

/** A store whose units are followed. Whoever changes a unit calls `before` of its versions first. */
export interface UnitStore<Image extends object | number | string> {
  /** What a unit holds now, as an image that stays as it is. */
  save(unit: number): Image;
  /** Gives a unit the contents of an image. Does not call `before`. */
  put(unit: number, image: Image): void;
  /** An image is not needed any more. */
  free(image: Image): void;
}

/** How many snapshots there are, and the number of that after which the present lies; -1 for none. */
export interface VersionsShape {
  readonly count: number;
  readonly present: number;
}

/**
 * Snapshots are numbered from 0, oldest first. Of snapshot i a map is kept with what units held then that change between it and the
 * next one; for the last one, all that changes later or is not there now. So what a unit held at i is in the first map from i
 * on that has the unit, and if none has it, it is what the unit holds now.
 */
export class Versions<Image extends object | number | string> {
  private readonly steps: Map<number, Image>[];
  /** Units that may have changed since the present was at the snapshot `base`. */
  private readonly changed = new Set<number>();
  private base: number;

  /** @param shape of snapshots at which all units held what they hold now */
  constructor(private readonly store: UnitStore<Image>, shape: VersionsShape = { count: 0, present: -1 }) {
    this.steps = Array.from({ length: shape.count }, () => new Map<number, Image>());
    this.base = shape.present;
  }

  /** The snapshot after which the present lies. */
  get present(): number {
    return this.base;
  }

  get shape(): VersionsShape {
    return { count: this.steps.length, present: this.base };
  }

  /** Units that have changed since then. */
  get changedUnits(): ReadonlySet<number> {
    return this.changed;
  }

  /** How many units something is kept of for a snapshot. */
  unitsOf(index: number): number {
    return this.steps[index]?.size ?? 0;
  }

  /** Whether a unit may change without `before`: it has been told, or nobody wants to know. */
  has(unit: number): boolean {
    return this.base < 0 || this.changed.has(unit);
  }

  /** A unit is about to change. */
  before(unit: number): void {
    const { base, changed } = this;
    if (base < 0 || changed.has(unit)) return;
    changed.add(unit);
    const step = this.steps[base];
    if (!step || step.has(unit)) return;
    step.set(unit, this.store.save(unit));
    // When the same is run through again the same changes: if not, later snapshots still hold what is here now.
    if (base < this.last && this.imageAt(unit, base + 1) === undefined) this.lastStep.set(unit, this.store.save(unit));
  }

  /** Takes a snapshot of the present, right behind snapshot `present`: the next number is the new one's. */
  add(): void {
    const { base, changed, store } = this;
    const step = new Map<number, Image>();
    const old = this.steps[base];
    if (old && base < this.last) {
      // In between: what has not changed yet was the same at both, and the rest may change again before the next one.
      for (const [unit, image] of old) {
        if (changed.has(unit)) step.set(unit, store.save(unit));
        else {
          old.delete(unit);
          step.set(unit, image);
        }
      }
    } else if (old) this.forgetUnchanged(old);
    this.steps.splice(base + 1, 0, step);
    this.base++;
    changed.clear();
  }

  /**
   * The present has come to lie behind snapshot `index`, a later one than before, by running on. Gives the units that have not
   * changed since: the next change of one of them is to be told again.
   */
  passed(index: number): readonly number[] {
    const step = this.steps[index];
    if (!step || index <= this.base) return [];
    this.base = index;
    const unchanged = [...this.changed].filter((unit) => !step.has(unit));
    for (const unit of unchanged) this.changed.delete(unit);
    return unchanged;
  }

  /** Makes the store what it was at a snapshot. Gives the units that it has put. */
  restore(index: number): ReadonlySet<number> {
    const { base, store } = this;
    const units = new Set(this.changed);
    for (let i = Math.min(base, index); i < Math.max(base, index); i++) for (const unit of this.steps[i]?.keys() ?? []) units.add(unit);
    for (const unit of units) {
      const image = this.imageAt(unit, index);
      if (image === undefined) continue;
      // What the unit held from snapshot `base` on to the last one may be here only.
      if (index < base && this.imageAt(unit, base) === undefined) this.lastStep.set(unit, store.save(unit));
      store.put(unit, image);
    }
    this.changed.clear();
    this.base = index;
    return units;
  }

  /** Forgets a snapshot that is neither the first one nor the one that the present lies behind. */
  remove(index: number): void {
    const step = this.steps[index];
    const older = this.steps[index - 1];
    if (!step || !older || index === this.base) return;
    for (const [unit, image] of step) {
      if (older.has(unit)) this.store.free(image);
      else older.set(unit, image);
    }
    this.steps.splice(index, 1);
    if (this.base > index) this.base--;
  }

  /** Forgets all snapshots behind the present. */
  truncate(): void {
    for (const step of this.steps.splice(this.base + 1)) for (const image of step.values()) this.store.free(image);
    const step = this.steps[this.base];
    if (step) this.forgetUnchanged(step);
  }

  /** Of the last snapshot: what its units held is what they hold now, or they have changed since. */
  private forgetUnchanged(step: Map<number, Image>): void {
    for (const [unit, image] of step) {
      if (this.changed.has(unit)) continue;
      this.store.free(image);
      step.delete(unit);
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const step of this.steps) for (const image of step.values()) this.store.free(image);
    this.steps.length = 0;
    this.changed.clear();
    this.base = -1;
  }

  /** Units that may hold something else at a snapshot than at an earlier one. */
  unitsBetween(earlier: number, later: number): ReadonlySet<number> {
    return new Set(this.steps.slice(earlier, later).flatMap((step) => [...step.keys()]));
  }

  private get last(): number {
    return this.steps.length - 1;
  }

  private get lastStep(): Map<number, Image> {
    const step = this.steps[this.last];
    if (!step) throw new Error('There is no snapshot');
    return step;
  }

  /** What a unit held at a snapshot; undefined if it is what it holds now. */
  imageAt(unit: number, index: number): Image | undefined {
    for (let i = index; i < this.steps.length; i++) {
      const image = this.steps[i]?.get(unit);
      if (image !== undefined) return image;
    }
    return undefined;
  }
}
