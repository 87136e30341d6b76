/** The user-mode network behind a guest's card, while the guest runs in this process. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CARD, NetworkService, stackOptions } from '../../../src/host/network/service';
import { after, nodeHost } from '../../../src/host/node/network/open';
import { tftpFiles } from '../../../src/host/node/network/tftpFiles';
import type { StopReason } from '../../../src/monitor/machine/session';
import type { Guest } from '../harness';

const SLICE_CYCLES = 1_000_000;
const CYCLES_OF_A_MILLISECOND = 1_000_000;

export interface RunOptions {
  /** A folder for TFTP, and the file of it that DHCP names. */
  readonly tftp?: string;
  readonly bootFile?: string;
  /** Real time in which the guest has to come to the end, in milliseconds. */
  readonly longest: number;
  /** Where the run ends; it also ends when the machine stops by itself. */
  readonly until?: () => boolean;
}

/**
 * Runs a guest with the network. Idle time keeps to the clock on the wall: answers take that long, and a guest that idled faster would
 * think them lost.
 */
export async function runWithNetwork(guest: Guest, { tftp, bootFile, longest, until = () => false }: RunOptions): Promise<StopReason | undefined> {
  const { machine } = guest;
  const files = tftp === undefined ? undefined : await tftpFiles(tftp);
  const options = stackOptions({ card: 'e1000', mac: '', forwards: [], restrict: false, ...(bootFile === undefined ? {} : { bootFile }) });
  const service = new NetworkService(options, { host: nodeHost(files), now: () => performance.now(), after, epoch: 1_700_000_000 });
  service.attach({
    inputs: (inputs) => Promise.resolve(inputs.map((input) => {
      machine.input(input);
      return guest.time;
    })),
  });
  guest.onOutput = (channel, bytes) => {
    if (channel === CARD) service.receive({ kind: 'device', channel, bytes, moments: [] });
  };
  const end = performance.now() + longest;
  service.setRunning(true);
  try {
    while (performance.now() < end) {
      const before = { time: guest.time, retired: guest.retired, real: performance.now() };
      const reason = guest.run({ time: guest.time + SLICE_CYCLES });
      if (reason !== undefined || until()) return reason;
      // Cycles in which nothing was executed.
      const idle = guest.time - before.time - (guest.retired - before.retired);
      const left = idle / CYCLES_OF_A_MILLISECOND - (performance.now() - before.real);
      await sleep(Math.max(0, left));
    }
  } finally {
    service.close();
  }
  assert.fail(`no end in ${String(longest)} ms; screen:\n${guest.screen}\nserial:\n${guest.serial}`);
}
