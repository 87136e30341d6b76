/** Versions of units against a model that keeps whole copies: random changes, snapshots, ways there and back. */
import assert from 'node:assert/strict';
import { PageImages, ZEROS } from '../../../src/monitor/snapshot/pageImages';
import { copyPlain } from '../../../src/monitor/snapshot/plainCopy';
import { leastMissed } from '../../../src/monitor/snapshot/thinning';
import { Versions } from '../../../src/monitor/snapshot/versions';

const UNITS = 12;

function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** A store whose images are counted. */
class Store {
  readonly units = new Array<number>(UNITS).fill(0);
  kept = 0;
  readonly versions = new Versions<{ readonly value: number }>({
    save: (unit) => {
      this.kept++;
      return { value: this.units[unit] ?? 0 };
    },
    put: (unit, image) => { this.units[unit] = image.value; },
    free: () => { this.kept--; },
  });

  write(unit: number, value: number): void {
    this.versions.before(unit);
    this.units[unit] = value;
  }
}

describe('versions', () => {
  for (let seed = 1; seed <= 40; seed++) {
    it(`hold what was there at each snapshot (${seed})`, () => {
      const random = randomNumbers(seed);
      const store = new Store();
      // A run is a list of writes that are the same each time; a snapshot is a place in it.
      const run = Array.from({ length: 400 }, (_, i) => ({ unit: random(UNITS), value: i + 1 }));
      const at = (place: number): number[] => {
        const units = new Array<number>(UNITS).fill(0);
        for (const { unit, value } of run.slice(0, place)) units[unit] = value;
        return units;
      };
      let places = [0];
      let place = 0;
      store.versions.add();
      const present = (): number => places.reduce((last, each, i) => (each <= place ? i : last), 0);
      for (let action = 0; action < 300; action++) {
        const choice = random(10);
        if (choice < 5) for (let left = random(30); left > 0 && place < run.length; left--, place++) store.write(run[place]?.unit ?? 0, run[place]?.value ?? 0);
        else if (choice < 7) {
          store.versions.passed(present());
          if (places[present()] === place) continue;
          store.versions.add();
          places.splice(present() + 1, 0, place);
        } else if (choice < 9) {
          const index = random(places.length);
          store.versions.restore(index);
          place = places[index] ?? 0;
        } else if (random(4) > 0) {
          store.versions.passed(present());
          const index = 1 + random(places.length);
          if (index >= places.length || index === present()) continue;
          store.versions.remove(index);
          places.splice(index, 1);
        } else {
          store.versions.passed(present());
          store.versions.truncate();
          places = places.slice(0, present() + 1);
        }
        assert.deepEqual(store.units, at(place), `after action ${action}`);
      }
      for (let index = places.length - 1; index >= 0; index--) {
        store.versions.restore(index);
        assert.deepEqual(store.units, at(places[index] ?? 0));
      }
      store.versions.clear();
      assert.equal(store.kept, 0, 'every image was given back');
    });
  }
});

describe('page images', () => {
  it('give room back, and take none for zeros', () => {
    const images = new PageImages();
    const kept = Array.from({ length: 600 }, (_, i) => images.keep(new Uint8Array(4096).fill(i)));
    assert.deepEqual(kept.map((image) => images.bytes(image)[4095]), kept.map((_, i) => i & 0xff));
    images.free(ZEROS);
    images.free(kept[3] ?? 0);
    assert.equal(images.count, 599);
    const again = images.keep(new Uint8Array(4096).fill(9));
    assert.deepEqual([images.count, images.bytes(again)[0]], [600, 9]);
  });
});

describe('copies of plain data', () => {
  const state = (): object => ({ a: 1, b: [1, { c: 2n }], bytes: Uint8Array.of(1, 2), map: new Map([['x', [1]]]), set: new Set([1, 2]), nothing: undefined, none: null });

  it('are equal and independent', () => {
    const one = state();
    const copy = copyPlain(one);
    assert.deepEqual(copy, one);
    Object.assign(one, { a: 2 });
    assert.notDeepEqual(copy, one);
  });

  it('share what has not changed', () => {
    const one = { quiet: { bytes: new Uint8Array(9) }, busy: [1] };
    const first = copyPlain(one);
    assert.equal(copyPlain(one, first), first);
    one.busy[0] = 2;
    const second = copyPlain(one, first);
    assert.deepEqual([second.quiet === first.quiet, second.busy, first.busy], [true, [2], [1]]);
    assert.equal(copyPlain(state(), copyPlain(state())) instanceof Object, true);
  });

  it('tell 0 from -0, a key that is missing from one that is undefined, and orders of a map', () => {
    assert.ok(Object.is(copyPlain({ a: -0 }, { a: 0 }).a, -0));
    assert.deepEqual(Object.keys(copyPlain({ a: undefined }, { b: undefined })), ['a']);
    assert.deepEqual([...copyPlain(new Map([['b', 1], ['a', 1]]), new Map([['a', 1], ['b', 1]])).keys()], ['b', 'a']);
  });

  it('refuse what is not plain', () => assert.throws(() => copyPlain({ call: () => 1 }), TypeError));
});

describe('thinning', () => {
  it('keeps snapshots the closer the nearer they are to the present', () => {
    let times = Array.from({ length: 1001 }, (_, i) => i);
    while (times.length > 20) times = times.filter((_, i) => i !== leastMissed(times, 1000, () => false));
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    assert.deepEqual([times[0], times[times.length - 1]], [0, 1000]);
    assert.ok((gaps[0] ?? 0) > 100 && (gaps[gaps.length - 1] ?? 0) <= 2, gaps.join());
  });

  it('takes none that has to stay', () => assert.equal(leastMissed([0, 1, 2, 3], 3, () => true), -1));
});
