/** The list of workloads; the first is the one that `npm run bench` takes by itself. */
import { bootDebianI386 } from './boot-debian-i386';
import type { Workload } from './workload';

export const WORKLOADS: readonly [Workload, ...Workload[]] = [bootDebianI386];
