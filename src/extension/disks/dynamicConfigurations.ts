// Launch configurations for what lies in the workspace and can be booted, without a launch.json.
import path from 'node:path';
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debugConfiguration';
import { BOOT_FILES, bootFieldsOf, identifyFile } from './bootFile';

/** Files that are looked into: more are not what one folder's guests are. */
const MOST_FILES = 200;
const LEFT_OUT = '**/{node_modules,.git,.cache}/**';

/** A configuration for each file of the folder that can be booted, by path. */
export async function configurationsIn(folder: vscode.WorkspaceFolder, token?: vscode.CancellationToken): Promise<vscode.DebugConfiguration[]> {
  if (folder.uri.scheme !== 'file') return [];
  const files = await vscode.workspace.findFiles(new vscode.RelativePattern(folder, BOOT_FILES), new vscode.RelativePattern(folder, LEFT_OUT), MOST_FILES, token);
  const found = files.flatMap(({ fsPath }) => {
    const relative = path.relative(folder.uri.fsPath, fsPath);
    try {
      const fields = bootFieldsOf(identifyFile(fsPath), `\${workspaceFolder}/${relative.split(path.sep).join('/')}`);
      return fields === undefined ? [] : [{ type: DEBUG_TYPE, request: 'launch', name: `Boot ${relative}`, ...fields }];
    } catch {
      // It is gone, or must not be read: nothing to offer.
      return [];
    }
  });
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

export class DynamicConfigurations implements vscode.DebugConfigurationProvider {
  /** VS Code asks for each folder, and once more for the settings of the user, which have no files. */
  provideDebugConfigurations(folder: vscode.WorkspaceFolder | undefined, token?: vscode.CancellationToken): Promise<vscode.DebugConfiguration[]> {
    return folder === undefined ? Promise.resolve([]) : configurationsIn(folder, token);
  }
}
