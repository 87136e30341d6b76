/** Answers the guest's DNS questions by the host's name servers, or, if they cannot be asked, by the host's own look-up. */
import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { DNS_CODE, DNS_TYPE, addressAnswer, failure, questionOf } from '../../network/dns';
import { ipv4 } from '../../network/plan';

const PATIENCE_MS = 2000;
const MOST_SERVERS = 3;
const DNS_PORT = 53;

export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** 'address', 'address:port' or '[address]:port', as Node lists them. */
export function nameServerOf(text: string): NameServer {
  if (isIP(text) !== 0) return { address: text, port: DNS_PORT };
  const parts = /^\[?(.*?)\]?:(\d+)$/.exec(text);
  return parts === null ? { address: text, port: DNS_PORT } : { address: parts[1], port: Number(parts[2]) };
}

/** The name servers that this computer uses. */
export function hostNameServers(): readonly NameServer[] {
  return getServers().slice(0, MOST_SERVERS).map(nameServerOf);
}

/** The first name server that the stack can connect to by TCP. */
export function tcpNameServer(servers: readonly NameServer[]): { readonly address: number; readonly port: number } | undefined {
  const server = servers.find(({ address }) => isIPv4(address));
  return server && { address: ipv4(server.address), port: server.port };
}

/** Asks one server; undefined when it does not answer. Its answer carries the question's own number. */
function ask(query: Uint8Array, { address, port }: NameServer): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv4(address) ? 'udp4' : 'udp6');
    let isOver = false;
    const end = (answer?: Uint8Array): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(), PATIENCE_MS);
    socket.on('error', () => end());
    socket.on('message', (bytes) => { if (bytes.length >= 12 && bytes[0] === query[0] && bytes[1] === query[1]) end(new Uint8Array(bytes)); });
    // Connected, so that nobody else can answer, and a server that is not there is known at once.
    socket.connect(port, address, () => socket.send(query));
  });
}

function bytesOf(address: string): Uint8Array {
  return isIPv4(address) ? Uint8Array.from(address.split('.').map(Number)) : ipv6Bytes(address);
}

function ipv6Bytes(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head, tail] = address.split('%')[0].split('::');
  const groups = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(':'));
  const put = (group: string, at: number): void => bytes.set([Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff], 2 * at);
  groups(head).forEach(put);
  const last = groups(tail);
  last.forEach((group, at) => put(group, 8 - last.length + at));
  return bytes;
}

/** Answers with what getaddrinfo finds, which knows more sources than DNS. */
async function lookedUp(query: Uint8Array): Promise<Uint8Array | undefined> {
  const question = questionOf(query);
  if (question === undefined || (question.type !== DNS_TYPE.a && question.type !== DNS_TYPE.aaaa)) return undefined;
  try {
    const found = await lookup(question.name, { all: true, family: question.type === DNS_TYPE.a ? 4 : 6 });
    return addressAnswer(query, question, found.map(({ address }) => bytesOf(address)));
  } catch (error) {
    const isUnknown = error instanceof Error && 'code' in error && error.code === 'ENOTFOUND';
    return isUnknown ? failure(query, DNS_CODE.noSuchName) : undefined;
  }
}

/** The answer to a DNS message from the first server that gives one. */
export async function resolveQuery(query: Uint8Array, servers: readonly NameServer[]): Promise<Uint8Array | undefined> {
  for (const server of servers) {
    const answer = await ask(query, server);
    if (answer !== undefined) return answer;
  }
  return lookedUp(query);
}
