/** Tags of execute tables: no two that are in use together are alike, even when tags have to be given again. */
import assert from 'node:assert/strict';
import { CodeBanks } from '../../../src/monitor/memory/codeBanks';
import { CODE_BANKS, MAX_SPACES } from '../../../src/monitor/memory/layout';

describe('tags of execute tables', () => {
  it('are all different, and never again what they were before all that goes by them was forgotten', () => {
    const BANKS = MAX_SPACES + CODE_BANKS;
    let forgotten = 0;
    let given = new Set<number>();
    const banks = new CodeBanks(() => undefined, () => {
      forgotten++;
      given = new Set();
    }, 4 * BANKS);
    const own = Array.from({ length: MAX_SPACES }, (_, slot) => banks.of(slot)).flat();
    for (let round = 0; round < 1000; round++) {
      const bank = own[round % own.length];
      assert.ok(bank);
      const before = forgotten;
      banks.renewTag(bank);
      assert.ok(bank.tag > 0 && bank.tag % 2 === 0);
      assert.ok(!given.has(bank.tag), `tag ${bank.tag} has been given before`);
      given.add(bank.tag);
      assert.equal(new Set(own.map(({ tag }) => tag)).size, own.length, 'no two are alike');
      if (forgotten > before) given = new Set(own.map(({ tag }) => tag));
    }
    assert.ok(forgotten > 1);
  });
});
