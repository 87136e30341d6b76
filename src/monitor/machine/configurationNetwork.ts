/** The launch configuration's field `network`: which card there is. */
import { Refusal, choice, quoted } from './configurationKinds';
import type { Kind } from './configurationKinds';

export interface UserNetwork {
  readonly card: 'e1000';
  /** Six bytes in hexadecimal with colons, small letters. */
  readonly mac: string;
}

export type NetworkSetting = 'none' | UserNetwork;

const DEFAULT_MAC = '52:54:00:12:34:56';
// The lowest bit of the first byte would make it a group's address.
const MAC = /^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$/;

/** No card, or one with its address. */
export function networkSetting(): Kind<NetworkSetting> {
  const words = choice({ none: 'No card.' });
  const properties = { card: { const: 'e1000' }, mac: { type: 'string', pattern: MAC.source } };
  return {
    schema: { anyOf: [words.schema, { type: 'object', properties, additionalProperties: false }] },
    label: '`"none"` or object',
    read(value, context) {
      if (typeof value !== 'object' || value === null) return words.read(value, context);
      const { card = 'e1000', mac = DEFAULT_MAC } = { ...value } as Readonly<Record<string, unknown>>;
      if (card !== 'e1000') throw new Refusal(`"card": ${quoted(card)} is not known`, 'write "e1000"');
      if (typeof mac !== 'string' || !MAC.test(mac)) throw new Refusal(`"mac": ${quoted(mac)} is no address of a network card`, `write e.g. "${DEFAULT_MAC}"`);
      return { card, mac: mac.toLowerCase() };
    },
  };
}
