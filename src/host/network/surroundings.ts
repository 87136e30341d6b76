/** What the network stack needs of the host: sockets, name resolution, files, chance. Tests give it others than Node's. */

/** Why a connection could not be made, or broke. */
export type StreamFailure = 'refused' | 'reset' | 'unreachable' | 'failed';

export interface StreamEvents {
  connected(): void;
  data(bytes: Uint8Array): void;
  /** The other side sends no more. */
  ended(): void;
  /** Nothing more comes, in neither direction. */
  failed(why: StreamFailure): void;
}

/** One end of a TCP connection of the host. */
export interface HostStream {
  /** Sends; `taken` is called when the operating system has the bytes. */
  write(bytes: Uint8Array, taken: () => void): void;
  /** Sends no more. */
  end(): void;
  /** No more `data` (but for what is under way) until `resume`. */
  pause(): void;
  resume(): void;
  /** Gives the connection up; the other side sees a reset, as far as the host can do that. No more events come. */
  reset(): void;
}

/** A UDP socket of the host. */
export interface HostDatagrams {
  /** `failed` is called when the host has no way there. */
  send(bytes: Uint8Array, address: number, port: number, failed: () => void): void;
  close(): void;
}

export interface HostFile {
  readonly size: number;
  /** Fewer bytes at the end of the file. */
  read(offset: number, count: number): Promise<Uint8Array>;
  close(): void;
}

export interface HostNetwork {
  /** An unpredictable number of 32 bits. */
  random(): number;
  connect(address: number, port: number, events: StreamEvents): HostStream;
  /** A UDP socket: on the loopback interface, or for the rest of the world. */
  openDatagrams(where: 'loopback' | 'outside', receive: (bytes: Uint8Array, address: number, port: number) => void): HostDatagrams;
  /** Has the host's resolver answer a DNS message; undefined: it does not. */
  resolve(query: Uint8Array): Promise<Uint8Array | undefined>;
  /** Where the host's resolver takes DNS over TCP; undefined: nowhere. */
  readonly resolverAddress: { readonly address: number; readonly port: number } | undefined;
  /** Whether a host answers an echo request. */
  ping(address: number): Promise<boolean>;
  /** A file for TFTP; undefined: there is none of this name. */
  openFile(name: string): Promise<HostFile | undefined>;
}
