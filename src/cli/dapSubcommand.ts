/** `shadowbox dap` with the real debug session. */
import { ShadowboxDebugSession } from '../../debugger/session';
import { serveDap } from './adapter';
import type { Subcommand } from './command';

export const dap: Subcommand = (words, surroundings) =>
  serveDap(words, surroundings, (machines, files, kept) => new ShadowboxDebugSession(machines, files, kept));
