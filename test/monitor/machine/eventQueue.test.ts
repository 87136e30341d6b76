/** The event queue: order, moving what is scheduled again, and taking what is due. */
import assert from 'node:assert/strict';
import { EventQueue } from '../../../src/monitor/machine/eventQueue';

const due = (queue: EventQueue, now: number): string[] => {
  const found: string[] = [];
  for (let event = queue.takeDue(now); event; event = queue.takeDue(now)) found.push(`${event.device}.${event.event}@${event.time}`);
  return found;
};

describe('the event queue', () => {
  it('hands events out by time, and those of one time in the order of scheduling', () => {
    const queue = new EventQueue();
    queue.schedule('a', 'late', 30);
    queue.schedule('b', 'tick', 10);
    queue.schedule('a', 'tick', 10);
    assert.equal(queue.nextTime, 10);
    assert.deepEqual(due(queue, 29), ['b.tick@10', 'a.tick@10']);
    assert.deepEqual(due(queue, 30), ['a.late@30']);
    assert.equal(queue.nextTime, Infinity);
    assert.equal(queue.state.handled, 3);
  });

  it('moves an event that is scheduled again, behind those of its new time', () => {
    const queue = new EventQueue();
    queue.schedule('a', 'tick', 10);
    queue.schedule('b', 'tick', 20);
    queue.schedule('a', 'tick', 20);
    assert.deepEqual(due(queue, 20), ['b.tick@20', 'a.tick@20']);
  });

  it('leaves an event where it is that is scheduled again for the same time', () => {
    const queue = new EventQueue();
    queue.schedule('a', 'tick', 10);
    queue.schedule('b', 'tick', 10);
    const before = structuredClone(queue.state);
    queue.schedule('a', 'tick', 10);
    assert.deepEqual(queue.state, before);
  });

  it('takes back what is cancelled, and nothing else', () => {
    const queue = new EventQueue();
    queue.schedule('a', 'tick', 10);
    queue.schedule('a', 'tock', 10);
    queue.cancel('a', 'tick');
    queue.cancel('a', 'tick');
    queue.cancel('b', 'tock');
    assert.deepEqual(due(queue, 10), ['a.tock@10']);
  });
});
