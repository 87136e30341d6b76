/** The network of a configuration: its stack on this computer's sockets, its open ports, and the file that takes its frames. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { LoadError } from '../../../monitor/firmware/platform';
import type { UserNetwork } from '../../../monitor/machine/configurationNetwork';
import { captureHeader } from '../../network/pcap';
import { NetworkService, stackOptions } from '../../network/service';
import type { HostNetwork } from '../../network/surroundings';
import { fileFault } from '../fileFault';
import { openForwards } from './forwards';
import { ping } from './ping';
import { hostNameServers, resolveQuery, tcpNameServer } from './resolver';
import type { NameServer } from './resolver';
import { connectStream, openDatagrams } from './sockets';
import { tftpFiles } from './tftpFiles';
import type { TftpFiles } from './tftpFiles';

export interface OpenNetwork {
  readonly service: NetworkService;
  /** What a person should know: which ports were chosen. */
  readonly notices: readonly string[];
  close(): Promise<void>;
}

/** This computer, for the stack. */
export function nodeHost(files?: TftpFiles, servers: readonly NameServer[] = hostNameServers()): HostNetwork {
  return {
    random: () => randomBytes(4).readUInt32LE(0),
    connect: connectStream,
    openDatagrams,
    resolve: (query) => resolveQuery(query, servers),
    resolverAddress: tcpNameServer(servers),
    ping,
    openFile: (name) => files?.open(name) ?? Promise.resolve(undefined),
  };
}

/** A timer that does not keep the process alive. */
export function after(milliseconds: number, action: () => void): () => void {
  const timer = setTimeout(action, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}

async function openCapture(file: string): Promise<WriteStream> {
  const stream = createWriteStream(file);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new LoadError(`"capture": ${fileFault(file, error)}`, 'network');
  }
  // The disk is full: the guest goes on without its frames being kept.
  stream.on('error', () => undefined);
  stream.write(captureHeader());
  return stream;
}

/**
 * Opens what a configuration asks for.
 * @param epoch what the guest's clock shows at power-on, seconds since 1970
 * @throws LoadError (field 'network') about ports and files that cannot be used
 */
export async function openNetwork(setting: UserNetwork, epoch: number): Promise<OpenNetwork> {
  const files = setting.tftp === undefined ? undefined : await tftpFiles(setting.tftp);
  const bootFile = setting.bootFile ?? files?.only;
  const capture = setting.capture === undefined ? undefined : await openCapture(setting.capture);
  const service = new NetworkService(stackOptions({ ...setting, ...(bootFile === undefined ? {} : { bootFile }) }), {
    host: nodeHost(files),
    now: () => performance.now(),
    after,
    epoch,
    ...(capture === undefined ? {} : { capture: (bytes) => void capture.write(bytes) }),
  });
  const close = async (forwards: readonly { close(): void }[]): Promise<void> => {
    for (const forward of forwards) forward.close();
    service.close();
    if (capture === undefined) return;
    await new Promise<void>((resolve) => { capture.end(resolve); });
  };
  try {
    const forwards = await openForwards(setting.forwards, service.stack);
    const chosen = forwards.filter(({ forward }) => forward.host === 0);
    const notices = chosen.map(({ forward, port }) => `${forward.protocol} port ${port} of ${forward.address} leads to port ${forward.guest} of the guest`);
    return { service, notices, close: () => close(forwards) };
  } catch (error) {
    await close([]);
    throw error;
  }
}
