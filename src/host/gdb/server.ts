/**
 * The GDB server of one machine: one client at a time, which has the machine for as long as it is there. Talks to the machine as
 * any session does, and knows nothing of who else does.
 */
import type { MachineSession, StopReport } from '../../monitor/machine/session';
import { GdbConnection } from './connection';
import { packet } from './packets';
import type { GdbArchitecture } from './registers';

/** A connection's way out. */
export interface GdbLink {
  send(bytes: Uint8Array): void;
  /** Closes when what was sent is out. */
  close(): void;
}

export interface GdbServerOptions {
  /** How registers are described; 'auto': by the guest's mode when the client comes, and by what is booted. */
  readonly architecture: GdbArchitecture | 'auto';
  /** What is booted is made for this architecture, as far as is known. */
  readonly booted?: GdbArchitecture;
  /** A client has come, or has gone. */
  onAttached(attached: boolean): void;
  /** The last client has left in good order: the machine may go on. */
  onDetached(): void;
  /** A client wants the machine to end. */
  onKill(): void;
  /** A sentence for the person. */
  tell(text: string): void;
}

/** What a client sends to us. */
export interface GdbClient {
  receive(bytes: Uint8Array): void;
  /** The connection is gone. */
  closed(): void;
}

const REFUSAL = 'E.Another GDB has this machine; detach it there first.';

export class GdbServer {
  private connection: GdbConnection | undefined;
  private lastStop: StopReport | undefined;
  /** Whether the client that is there has the machine. */
  private hasMachine = false;

  constructor(private readonly session: MachineSession, private readonly options: GdbServerOptions) {
    session.onEvent((event) => {
      if (event.kind === 'running') this.lastStop = undefined;
      if (event.kind !== 'stopped') return;
      this.lastStop = event.report;
      this.connection?.stopped(event.report);
    });
  }

  /** Why the machine stands, if that is known. */
  get stop(): StopReport | undefined {
    return this.lastStop;
  }

  get isAttached(): boolean {
    return this.hasMachine;
  }

  /** Takes a client; one that comes while there is another is told so, and gone. */
  connect(link: GdbLink): GdbClient {
    if (this.connection) return this.refuse(link);
    const { options } = this;
    this.hand(true);
    const connection = new GdbConnection(this.session, {
      ...link,
      lastStop: this.lastStop,
      architecture: (session) => this.architecture(session),
      failed: (message) => options.tell(`GDB cannot have the machine: ${message}`),
      detached: () => this.leave(connection, () => options.onDetached()),
      released: () => {
        this.hand(false);
        options.onDetached();
      },
      taken: () => this.hand(true),
      kill: () => this.leave(connection, () => options.onKill()),
    });
    this.connection = connection;
    return {
      receive: (bytes) => connection.receive(bytes),
      closed: () => {
        void connection.closed();
        this.leave(connection, () => this.lost());
      },
    };
  }

  private refuse(link: GdbLink): GdbClient {
    this.options.tell('a second GDB has been refused: one is connected already');
    return {
      receive: () => {
        link.send(packet(REFUSAL));
        link.close();
      },
      closed: () => undefined,
    };
  }

  private leave(connection: GdbConnection, act: () => void): void {
    if (this.connection !== connection) return;
    this.connection = undefined;
    if (!this.hasMachine) return;
    this.hand(false);
    act();
  }

  private hand(over: boolean): void {
    this.hasMachine = over;
    this.options.onAttached(over);
  }

  /** After its end GDB leaves a guest without a word. */
  private lost(): void {
    const ended = this.lastStop && ['power-off', 'exit'].includes(this.lastStop.reason.kind);
    if (ended) this.options.onDetached();
    else this.options.tell('GDB has gone without detaching: the machine stays as it is, for the next one');
  }

  private async architecture({ inspect }: MachineSession): Promise<GdbArchitecture> {
    const { architecture, booted = 'i386' } = this.options;
    if (architecture !== 'auto') return architecture;
    const { flags } = await inspect.cpu();
    return flags.name === 'rflags' ? 'amd64' : booted;
  }
}
