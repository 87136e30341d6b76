/** Holding idle virtual time (nanoseconds) to wall time (milliseconds). */
import assert from 'node:assert/strict';
import { Pacemaker } from '../../src/host/pace';

const MS = 1_000_000;

describe('the pacemaker', () => {
  let pace: Pacemaker;
  beforeEach(() => {
    pace = new Pacemaker();
    pace.align(1000, 5 * MS);
  });

  it('sleeps as long as the guest idles when both clocks agree', () => assert.equal(pace.sleep(1000, 5 * MS, 10 * MS), 10));
  it('sleeps less by what the guest has spent computing', () => assert.equal(pace.sleep(1007, 6 * MS, 10 * MS), 4));
  it('does not sleep while the guest is late', () => assert.equal(pace.sleep(1050, 6 * MS, 10 * MS), 0));
  it('sleeps longer when the guest is ahead', () => assert.equal(pace.sleep(1000, 25 * MS, 10 * MS), 30));
  it('sleeps for ever when nothing is due', () => assert.equal(pace.sleep(1000, 5 * MS, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY));

  it('forgives a guest that is later than 100 ms, so that its timers do not rush', () => {
    assert.equal(pace.sleep(3000, 6 * MS, 10 * MS), 10);
    assert.equal(pace.sleep(3000, 6 * MS, 20 * MS), 20);
  });

  it('knows how much virtual time a cut sleep has taken', () => {
    assert.equal(pace.behind(1003.5, 5 * MS), 3.5 * MS);
    assert.equal(pace.behind(999, 5 * MS), 0);
  });
});
