/** The launch configuration's field `network`: how it is checked, described, and what comes of it. */
import { Refusal, choice, flag, integer, list, path, quoted, text, wordRemedy } from './configurationKinds';
import type { Kind, ReadContext } from './configurationKinds';

/** A port of the host that leads to one of the guest's. */
export interface PortForward {
  readonly protocol: 'tcp' | 'udp';
  /** Address of the host to listen on: its loopback interface unless the configuration says otherwise. */
  readonly address: string;
  /** 0: any that is free. */
  readonly host: number;
  readonly guest: number;
  readonly guestAddress: string;
}

export interface UserNetwork {
  readonly card: 'e1000' | 'virtio';
  /** Six bytes in hexadecimal with colons, small letters. */
  readonly mac: string;
  /** The card's expansion ROM. */
  readonly rom?: string;
  readonly forwards: readonly PortForward[];
  /** A file that takes all frames. */
  readonly capture?: string;
  readonly restrict: boolean;
  /** A folder, or one file. */
  readonly tftp?: string;
  readonly bootFile?: string;
  readonly hostname?: string;
  readonly domain?: string;
}

export type NetworkSetting = 'none' | UserNetwork;

const FIRST_GUEST = '10.0.2.15';
const LOOPBACK = '127.0.0.1';
const DEFAULT_MAC = '52:54:00:12:34:56';

/** A text of a form; `example` is what to write instead. */
function pattern(form: RegExp, label: string, example: string): Kind<string> {
  return {
    schema: { type: 'string', pattern: form.source },
    label,
    read(value) {
      if (typeof value !== 'string' || !form.test(value)) throw new Refusal(`${quoted(value)} is no ${label}`, `write e.g. "${example}"`);
      return value;
    },
  };
}

const ADDRESS = pattern(/^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$/, 'IPv4 address', LOOPBACK);
const GUEST_ADDRESS = pattern(/^10\.0\.2\.(25[0-4]|2[0-4]\d|1\d\d|[4-9]|[1-9]\d)$/, 'address of the guest\'s network', FIRST_GUEST);
// The lowest bit of the first byte would make it a group's address.
const MAC = pattern(/^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$/, 'address of a network card', DEFAULT_MAC);
const HOST_PORT = integer({ minimum: 0, maximum: 65_535, note: '0 is any that is free' });
const GUEST_PORT = integer({ minimum: 1, maximum: 65_535 });
const PROTOCOL = choice({ tcp: 'TCP.', udp: 'UDP.' });
const NAME = pattern(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 'host name', 'guest');
const DOMAIN = pattern(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?$/, 'domain', 'example.org');

interface Property<T> {
  readonly kind: Kind<T>;
  readonly doc: string;
}

function property<T>(kind: Kind<T>, doc: string): Property<T> {
  return { kind, doc };
}

function schemaOf(properties: Readonly<Record<string, Property<unknown>>>, required: readonly string[]): object {
  const described = Object.entries(properties).map(([name, { kind, doc }]) => [name, { ...kind.schema, description: doc }]);
  return { type: 'object', properties: Object.fromEntries(described), additionalProperties: false, ...(required.length > 0 ? { required } : {}) };
}

function recordOf(value: unknown, names: readonly string[], example: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal(`${quoted(value)} is not known`, `write ${example}`);
  const stranger = Object.keys(value).find((name) => !names.includes(name));
  if (stranger !== undefined) throw new Refusal(`'${stranger}' is not known in it`, wordRemedy(stranger, names));
  return { ...value };
}

/** The value of a property; a refusal names the property. */
function valueOf<T>(record: Readonly<Record<string, unknown>>, name: string, { kind }: Property<T>, context: ReadContext): T | undefined {
  const written = record[name];
  if (written === undefined || written === null) return undefined;
  try {
    return kind.read(written, context);
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(`"${name}": ${error.message}`, error.remedy) : error;
  }
}

const FORWARD = {
  protocol: property(PROTOCOL, 'Default: tcp.'),
  address: property(ADDRESS, `Address of the host to listen on. Default: ${LOOPBACK}, which only programs of this computer reach.`),
  host: property(HOST_PORT, 'Port of the host; 0: any that is free.'),
  guest: property(GUEST_PORT, 'Port of the guest.'),
  guestAddress: property(GUEST_ADDRESS, `Address of the guest. Default: ${FIRST_GUEST}, which DHCP gives to the first card.`),
} as const;

const FORWARD_TEXT = /^(?:(tcp|udp):)?(?:(\d[\d.]*\.\d+):)?(\d{1,5}):(\d{1,5})$/;
const FORWARD_EXAMPLE = '"8080:80", "udp:5353:53" or { "host": 8080, "guest": 80 }';

function forwardRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'string') return recordOf(value, Object.keys(FORWARD), FORWARD_EXAMPLE);
  const parts = FORWARD_TEXT.exec(value);
  if (parts === null) throw new Refusal(`${quoted(value)} is no forwarded port`, `write ${FORWARD_EXAMPLE}`);
  const [, protocol, address, host, guest] = parts;
  return { protocol, address, host: Number(host), guest: Number(guest) };
}

const FORWARD_KIND: Kind<PortForward> = {
  schema: { anyOf: [{ type: 'string', pattern: FORWARD_TEXT.source }, schemaOf(FORWARD, ['host', 'guest'])] },
  label: '`"[tcp:|udp:][ADDRESS:]HOST:GUEST"` or `{ "host": …, "guest": … }`',
  read(value, context) {
    const record = forwardRecord(value);
    const host = valueOf(record, 'host', FORWARD.host, context);
    const guest = valueOf(record, 'guest', FORWARD.guest, context);
    if (host === undefined || guest === undefined) throw new Refusal(`it has no "${host === undefined ? 'host' : 'guest'}"`, `write ${FORWARD_EXAMPLE}`);
    return {
      protocol: valueOf(record, 'protocol', FORWARD.protocol, context) ?? 'tcp',
      address: valueOf(record, 'address', FORWARD.address, context) ?? LOOPBACK,
      host,
      guest,
      guestAddress: valueOf(record, 'guestAddress', FORWARD.guestAddress, context) ?? FIRST_GUEST,
    };
  },
};

const NETWORK = {
  card: property(choice({ e1000: 'Intel 82540EM, for which nearly every system has a driver.', virtio: 'Virtio, for guests that know it.' }), 'Which card the guest finds. Default: e1000.'),
  mac: property(MAC, `The card's address. Default: ${DEFAULT_MAC}.`),
  rom: property(path(), 'Path of the card\'s expansion ROM, by which firmware boots from the network (iPXE). Only an e1000 has one. Default: none.'),
  forwards: property(list(FORWARD_KIND, '["8080:80"]'), 'Ports of this computer that lead to ports of the guest: `"8080:80"`, `"udp:5353:53"`, `"192.168.1.5:8080:80"`.'),
  capture: property(path(), 'Path of a file that takes all frames, for tcpdump and Wireshark. It is written anew.'),
  restrict: property(flag(), 'Let the guest reach nothing but DHCP, TFTP and what is forwarded to it. Default: no.'),
  tftp: property(path(), 'Path of a folder whose files the guest may read by TFTP from 10.0.2.2, or of one file.'),
  bootFile: property(text(), 'Name of the file that DHCP tells PXE to boot. Default: the file that `tftp` names, if it is one.'),
  hostname: property(NAME, 'What DHCP tells the guest its name is.'),
  domain: property(DOMAIN, 'What DHCP tells the guest its domain is.'),
} as const;

const DEFAULTS: UserNetwork = { card: 'e1000', mac: DEFAULT_MAC, forwards: [], restrict: false };

function readUserNetwork(value: unknown, context: ReadContext): UserNetwork {
  const record = recordOf(value, Object.keys(NETWORK), '"none", "user" or { "forwards": ["8080:80"] }');
  const read = <Name extends keyof typeof NETWORK>(name: Name): (typeof NETWORK)[Name] extends Property<infer T> ? { readonly [Key in Name]?: T } : never => {
    const found = valueOf<unknown>(record, name, NETWORK[name], context);
    // The property's kind gives the property's type; nothing else holds that over all of them.
    return (found === undefined ? {} : { [name]: found }) as never;
  };
  const setting: UserNetwork = {
    ...DEFAULTS, ...read('card'), ...read('mac'), ...read('rom'), ...read('forwards'), ...read('capture'), ...read('restrict'),
    ...read('tftp'), ...read('bootFile'), ...read('hostname'), ...read('domain'),
  };
  if (setting.rom !== undefined && setting.card === 'virtio') throw new Refusal('"rom" is for an e1000, and a virtio card has none', 'take "rom" out, or set "card" to "e1000"');
  if (setting.bootFile !== undefined && setting.tftp === undefined) throw new Refusal('"bootFile" needs a place to load it from', 'add "tftp"');
  // An option's value has at most 255 bytes, BOOTP's field 127.
  if (setting.bootFile !== undefined && setting.bootFile.length > 127) throw new Refusal('"bootFile" is too long', 'write at most 127 characters');
  const seen = new Set<string>();
  for (const { protocol, address, host } of setting.forwards) {
    const key = `${protocol}:${address}:${host}`;
    if (host !== 0 && seen.has(key)) throw new Refusal(`"forwards": port ${host} is there twice`, 'take one of the two out');
    seen.add(key);
  }
  return { ...setting, mac: setting.mac.toLowerCase() };
}

/** No network, the user network with its defaults, or with what an object says about it. */
export function networkSetting(): Kind<NetworkSetting> {
  const words = choice({ none: 'No card.', user: 'A card, with a network behind it that reaches what this computer reaches.' });
  return {
    schema: { anyOf: [words.schema, schemaOf(NETWORK, [])] },
    label: '`"none"`, `"user"` or object',
    read(value, context) {
      if (typeof value !== 'string') return readUserNetwork(value, context);
      return words.read(value, context) === 'none' ? 'none' : DEFAULTS;
    },
  };
}
