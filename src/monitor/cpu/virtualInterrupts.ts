/**
 * The virtual interrupt flag: VIF and VIP in place of IF, for virtual-8086 tasks (CR4.VME) and for protected-mode
 * programs at CPL 3 (CR4.PVI) whose IOPL does not let them at IF; and the redirection of INT n to the handlers of a
 * virtual-8086 task itself (Intel SDM vol. 3, 20.3 and 20.4).
 */
import { generalProtection, type Cpu } from './cpu';
import * as L from './layout';
import { CR4, FLAG } from './state';
import { currentFrame } from './stackFrame';
import { redirectsInterrupt } from './taskState';

/** Whether the present code is a virtual-8086 task that has VIF for IF. */
export function virtualTask(cpu: Cpu): boolean {
  const s = cpu.state;
  return s.virtual8086 && s.iopl < 3 && (s.cr4 & CR4.VME) !== 0;
}

/** Whether CLI and STI mean VIF; #GP(0) when they may mean neither VIF nor IF. */
export function usesVirtualFlag(cpu: Cpu): boolean {
  const s = cpu.state;
  if (!s.protectedMode || s.cpl <= s.iopl) return false;
  const virtual = s.virtual8086 ? s.cr4 & CR4.VME : s.cpl === 3 && s.cr4 & CR4.PVI;
  if (!virtual) throw generalProtection();
  return true;
}

/** STI and CLI on VIF. An interrupt that is pending there (VIP) is the monitor's affair: #GP(0). */
export function setVirtualFlag(cpu: Cpu, on: boolean): void {
  const s = cpu.state;
  if (on && s.systemFlags & FLAG.VIP) throw generalProtection();
  s.setU32(L.FLAGS_SYSTEM, on ? s.systemFlags | FLAG.VIF : s.systemFlags & ~FLAG.VIF);
}

/** FLAGS as a virtual-8086 task sees them: IOPL 3, and VIF in the place of IF. */
export function virtualImage(cpu: Cpu): number {
  const { flags } = cpu.state;
  return (flags & 0xffff & ~FLAG.IF) | FLAG.IOPL | (flags & FLAG.VIF ? FLAG.IF : 0);
}

/** What POPF and IRET may load of FLAGS in a virtual-8086 task; IF goes to VIF. */
const LOADED = 0xffff & ~(FLAG.IF | FLAG.IOPL);

/** Throws #GP(0) for a word that a virtual-8086 task may not load as FLAGS: with TF, or with IF while VIP is set. */
export function checkVirtualImage(cpu: Cpu, image: number): void {
  if (image & FLAG.TF || (image & FLAG.IF && cpu.state.systemFlags & FLAG.VIP)) throw generalProtection();
}

/** Loads a word that has been checked as FLAGS. */
export function loadVirtualImage(cpu: Cpu, image: number): void {
  const s = cpu.state;
  const kept = s.flags & ~LOADED & ~FLAG.VIF;
  s.flags = kept | (image & LOADED) | (image & FLAG.IF ? FLAG.VIF : 0);
}

/**
 * INT n of a virtual-8086 task with CR4.VME: true if the TSS's bit map has sent it to the task's own handler, by the
 * vector table at address 0.
 */
export function redirected(cpu: Cpu, vector: number, returnTo: number): boolean {
  const s = cpu.state;
  if (!s.virtual8086 || !(s.cr4 & CR4.VME) || !redirectsInterrupt(cpu, vector)) return false;
  const offset = cpu.readSystem(4 * vector, 2);
  const selector = cpu.readSystem(4 * vector + 2, 2);
  const virtual = virtualTask(cpu);
  const frame = currentFrame(cpu);
  frame.reserve(3, 2);
  frame.push(virtual ? virtualImage(cpu) : s.flags, 2);
  frame.push(s.selector(L.CS), 2);
  frame.push(returnTo, 2);
  frame.commit();
  s.flags = s.flags & ~(FLAG.TF | (virtual ? FLAG.VIF : FLAG.IF));
  cpu.setRealSegment(L.CS, selector);
  s.eip = offset;
  return true;
}
