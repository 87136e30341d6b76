// The machines that could be started: launch configurations of all folders, and files that can be booted without one.
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debugConfiguration';
import { configurationsIn } from '../disks/dynamicConfigurations';
import { isRecord } from '../records';

export interface ConfiguredMachine {
  readonly folder: vscode.WorkspaceFolder | undefined;
  readonly configuration: vscode.DebugConfiguration;
  /** Written in a launch.json, or made from a file that was found. */
  readonly origin: 'launch.json' | 'found';
}

function isOurs(value: unknown): value is vscode.DebugConfiguration {
  return isRecord(value) && value.type === DEBUG_TYPE && typeof value.name === 'string' && typeof value.request === 'string';
}

/** All of them; what is written comes before what was found, and files that are in a written one are left out of the others. */
export async function configuredMachines(): Promise<readonly ConfiguredMachine[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const perFolder = await Promise.all(folders.map(async (folder): Promise<readonly ConfiguredMachine[]> => {
    const written = vscode.workspace.getConfiguration('launch', folder.uri).get<readonly unknown[]>('configurations', []).filter(isOurs);
    const text = JSON.stringify(written);
    const found = (await configurationsIn(folder)).filter((configuration) => !filesOf(configuration).every((file) => text.includes(file)));
    return [
      ...written.map((configuration) => ({ folder, configuration, origin: 'launch.json' as const })),
      ...found.map((configuration) => ({ folder, configuration, origin: 'found' as const })),
    ];
  }));
  return perFolder.flat();
}

/** Files that a configuration names, as they are written behind the workspace folder. */
export function filesOf(configuration: vscode.DebugConfiguration): readonly string[] {
  const { kernel, multiboot, floppy, floppyB, cdrom, disks } = configuration;
  const named: readonly unknown[] = [kernel, multiboot, ...[floppy, floppyB, cdrom].filter((drive) => drive !== 'empty'), ...(Array.isArray(disks) ? disks : [])];
  return named.flatMap((each) => {
    const file = isRecord(each) ? each.path : each;
    return typeof file === 'string' ? [file.replace(/^\$\{workspaceFolder\}\//, '')] : [];
  });
}

/** Shows where a configuration stands in its launch.json. */
export async function openConfiguration({ folder, configuration }: ConfiguredMachine): Promise<void> {
  if (folder === undefined) return;
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, '.vscode', 'launch.json'));
  const at = document.getText().indexOf(JSON.stringify(configuration.name));
  const place = document.positionAt(Math.max(at, 0));
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(place, place) });
}
