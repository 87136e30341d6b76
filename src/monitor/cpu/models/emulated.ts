/**
 * What the monitor cannot do (yet), although CPUID has a bit for it. Models go without these features, and a
 * configuration that asks for one is refused. A feature leaves this list with the change that makes it work.
 */
import type { Feature } from './features';

export const NOT_EMULATED: ReadonlySet<Feature> = new Set<Feature>([
  // Virtualization inside the guest.
  'vmx', 'svm',
]);
