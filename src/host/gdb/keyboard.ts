/** Text as keys that go down and up. */
import { keysOf } from '../../keyboard/usLayout';
import type { MachineInput } from '../../monitor/devices/device';

/** The keys that type a text; undefined, and which character, when there is one that no key has. */
export function keysFor(text: string): { readonly inputs: readonly MachineInput[] } | { readonly unknown: string } {
  const inputs: MachineInput[] = [];
  for (const character of text) {
    const codes = keysOf(character);
    if (!codes) return { unknown: character };
    inputs.push(...codes.map((code): MachineInput => ({ kind: 'key', code, down: true })));
    inputs.push(...[...codes].reverse().map((code): MachineInput => ({ kind: 'key', code, down: false })));
  }
  return { inputs };
}
