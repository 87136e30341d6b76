// What VS Code asks before a debug session starts: which configuration to run.
import type * as vscode from 'vscode';

/** The `type` of our launch configurations (package.json, contributes.debuggers). */
export const DEBUG_TYPE = 'shadowbox';

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
