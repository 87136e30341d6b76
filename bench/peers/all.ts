/** The engines in the order in which they run and are shown. */
import type { Architecture } from '../ownGuest';
import type { EngineName, Peer } from './peer';
import { qemu } from './qemu';
import { interpreter, ours } from './shadowbox';
import { v86 } from './v86';

export const PEERS: readonly Peer[] = [ours, interpreter, qemu, v86];

/** Whom we compare ourselves with when nobody says otherwise: v86 knows no 64-bit code. */
export const USUAL_PEERS: Readonly<Record<Architecture, readonly EngineName[]>> = { i386: ['ours', 'tcg', 'v86'], amd64: ['ours', 'interpreter', 'tcg'] };
