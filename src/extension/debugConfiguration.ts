// What VS Code asks before a debug session starts: which configuration to run.
import type * as vscode from 'vscode';

/** The `type` of our launch configurations (package.json, contributes.debuggers). */
export const DEBUG_TYPE = 'shadowbox';

/**
 * Whether a guest is to be talked to by its screen and keyboard rather than over a serial line: it boots from a disk, as
 * a PC does, instead of being handed a kernel; or its serial port does not lead to a terminal.
 */
export function isScreenGuest(configuration: vscode.DebugConfiguration): boolean {
  const { kernel, multiboot, serial } = configuration;
  return (kernel === undefined && multiboot === undefined) || (serial !== undefined && serial !== 'terminal');
}

export class ShadowboxConfigurationProvider implements vscode.DebugConfigurationProvider {
  /**
   * F5 without a launch.json comes here with an empty configuration. There is no guest to guess, so the answer
   * is null, on which VS Code opens launch.json with the snippets that package.json offers.
   * Everything else goes on as it is: the debug adapter checks it, and says which field is wrong.
   */
  resolveDebugConfiguration(
    _folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration | null {
    const isEmpty = !configuration.type && !configuration.request && !configuration.name;
    return isEmpty ? null : configuration;
  }
}
