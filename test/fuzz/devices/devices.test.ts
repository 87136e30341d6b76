/** A short run of the device fuzzer. */
import { fuzzBoard } from './campaign';

describe('whole boards under random accesses, structures, inputs and time', function () {
  this.timeout(60_000);

  for (const seed of [1, 2, 3]) {
    it(`raise nothing, come to rest, stay bounded, and go on alike from a copy (seed ${String(seed)})`, () => fuzzBoard(seed, 12_000));
  }
});
