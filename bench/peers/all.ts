/** The engines in the order in which they run and are shown: ours : QEMU TCG : v86. */
import type { Peer } from './peer';
import { qemu } from './qemu';
import { shadowbox } from './shadowbox';
import { v86 } from './v86';

export const PEERS: readonly Peer[] = [shadowbox, qemu, v86];
