/** Whether a machine has a network behind its card. */
import type { UserNetwork } from '../../monitor/machine/configurationNetwork';
import type { MachineImages } from '../../monitor/machine/images';

/** The network that a machine has; none while a recording is replayed, whose frames come out of the recording. */
export function networkOf({ configuration, recording }: MachineImages): UserNetwork | undefined {
  return configuration.network === 'none' || recording !== undefined ? undefined : configuration.network;
}
