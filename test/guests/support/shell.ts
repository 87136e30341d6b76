/** The shell of the guests with busybox (scripts/fetch-test-guests.mjs), as a test types into it. */
import type { Guest } from '../harness';

/** What a command prints. */
export function askShell(guest: Guest, command: string): string {
  const before = guest.serial.length;
  // The echo of what is typed does not look like the end; with the prompt behind that, what is typed next is not taken for an answer.
  guest.send(`${command}; echo; echo do''ne\n`);
  guest.run({ until: () => /\ndone\r?\n[^]*guest# /.test(guest.serial.slice(before)) });
  return guest.serial.slice(before).replaceAll('\r', '').replace(/^[^]*?do''ne\n/, '').replace(/\n\ndone[^]*$/, '');
}
