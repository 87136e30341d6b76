// The view 'Machines' beside the call stack: what runs, in which state and with what, and what could be started.
import * as vscode from 'vscode';
import type { DebugEvents } from '../debugEvents';
import { configuredMachines, filesOf, type ConfiguredMachine } from './configuredMachines';
import { RunningMachines, type MachineFacts, type RunningMachine } from './runningMachines';

/** A line of the tree. */
export type MachineItem =
  | { readonly kind: 'running'; readonly machine: RunningMachine }
  | { readonly kind: 'configured'; readonly machine: ConfiguredMachine }
  | { readonly kind: 'fact'; readonly label: string; readonly description: string; readonly icon: string; readonly command?: vscode.Command };

const ICONS: Readonly<Record<RunningMachine['state'], string>> = { starting: 'loading~spin', running: 'vm-running', stopped: 'debug-pause', off: 'vm-outline' };
const WORDS: Readonly<Record<RunningMachine['state'], string>> = {
  starting: vscode.l10n.t('starting'), running: vscode.l10n.t('running'), stopped: vscode.l10n.t('stopped'), off: vscode.l10n.t('powered off'),
};
/** File events come in crowds. */
const SETTLE_MS = 300;

const mebibytes = (bytes: number): string => (bytes % 1024 ** 3 === 0 ? `${bytes / 1024 ** 3} GiB` : `${Math.round(bytes / 1024 ** 2)} MiB`);
const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

/** What a running machine is made of, each as a line. */
export function factItems({ cpus, memoryBytes, disks, timeline }: MachineFacts): readonly MachineItem[] {
  const show = (command: string, title: string): vscode.Command => ({ command, title });
  return [
    { kind: 'fact', label: cpus === 1 ? '1 CPU' : `${cpus} CPUs`, description: '', icon: 'chip' },
    { kind: 'fact', label: 'Memory', description: mebibytes(memoryBytes), icon: 'circuit-board', command: show('shadowbox.showPageTables', 'Show Page Tables') },
    ...disks.map((disk): MachineItem => ({
      kind: 'fact', label: disk.name, description: disk.image === undefined ? 'empty' : `${fileName(disk.image)}, ${disk.activity.reads} reads, ${disk.activity.writes} writes`,
      icon: disk.kind === 'disk' ? 'database' : disk.kind === 'cdrom' ? 'record' : 'save', command: show('shadowbox.showDisks', 'Show Disks'),
    })),
    {
      kind: 'fact', label: 'Snapshots', icon: 'history',
      description: timeline.moments.length === 0 ? 'none: time travel is off' : `${timeline.moments.length}, ${mebibytes(timeline.bytes)}, back to instruction ${timeline.moments[0].retired}`,
    },
  ];
}

export class MachineTree implements vscode.TreeDataProvider<MachineItem>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<MachineItem | undefined>();
  private readonly registrations: vscode.Disposable;
  private readonly running: RunningMachines;
  private refreshing: NodeJS.Timeout | undefined;
  readonly onDidChangeTreeData = this.emitter.event;

  constructor(events: DebugEvents) {
    this.running = new RunningMachines(events);
    const files = vscode.workspace.createFileSystemWatcher('**/*.{img,iso,qcow2,vhd,vhdx,bin,elf,json}');
    const later = (): void => { this.later(); };
    this.registrations = vscode.Disposable.from(
      this.running, files, files.onDidCreate(later), files.onDidDelete(later), files.onDidChange(({ path }) => { if (path.endsWith('launch.json')) later(); }),
      this.running.onDidChange(later),
      vscode.workspace.onDidChangeConfiguration((change) => { if (change.affectsConfiguration('launch')) later(); }),
      vscode.workspace.onDidChangeWorkspaceFolders(later),
      vscode.window.registerTreeDataProvider('shadowbox.machines', this),
      vscode.commands.registerCommand('shadowbox.refreshMachines', () => { this.emitter.fire(undefined); }),
      ...commands(),
    );
  }

  private later(): void {
    clearTimeout(this.refreshing);
    this.refreshing = setTimeout(() => { this.emitter.fire(undefined); }, SETTLE_MS);
  }

  async getChildren(item?: MachineItem): Promise<MachineItem[]> {
    if (item === undefined) {
      const configured = await configuredMachines();
      return [...this.running.all.map((machine): MachineItem => ({ kind: 'running', machine })), ...configured.map((machine): MachineItem => ({ kind: 'configured', machine }))];
    }
    if (item.kind !== 'running') return [];
    const facts = await this.running.facts(item.machine);
    return facts === undefined ? [] : [...factItems(facts)];
  }

  getTreeItem(item: MachineItem): vscode.TreeItem {
    switch (item.kind) {
      case 'running': return runningItem(item.machine);
      case 'configured': return configuredItem(item.machine);
      case 'fact': return Object.assign(new vscode.TreeItem(item.label), {
        description: item.description, iconPath: new vscode.ThemeIcon(item.icon), contextValue: 'fact', ...(item.command === undefined ? {} : { command: item.command }),
      });
    }
  }

  dispose(): void {
    clearTimeout(this.refreshing);
    this.registrations.dispose();
    this.emitter.dispose();
  }
}

function runningItem({ session, state, why }: RunningMachine): vscode.TreeItem {
  const item = new vscode.TreeItem(session.name, vscode.TreeItemCollapsibleState.Expanded);
  item.id = session.id;
  item.description = why === undefined ? WORDS[state] : `${WORDS[state]}: ${why}`;
  item.iconPath = new vscode.ThemeIcon(ICONS[state]);
  item.contextValue = `machine.${state}`;
  return item;
}

function configuredItem({ folder, configuration, origin }: ConfiguredMachine): vscode.TreeItem {
  const item = new vscode.TreeItem(configuration.name);
  item.description = origin === 'found' ? vscode.l10n.t('found in the workspace') : filesOf(configuration).map(fileName).join(', ');
  item.tooltip = `${folder?.name ?? ''}: ${filesOf(configuration).join(', ')}`;
  item.iconPath = new vscode.ThemeIcon(origin === 'found' ? 'file-binary' : 'vm');
  item.contextValue = 'configured';
  return item;
}

/** Commands of the view's lines; each is called with the line that it is on. */
function commands(): readonly vscode.Disposable[] {
  const onRunning = (command: string, act: (session: vscode.DebugSession) => Thenable<unknown>): vscode.Disposable => (
    vscode.commands.registerCommand(command, async (item: MachineItem) => {
      if (item.kind !== 'running') return;
      try {
        await act(item.machine.session);
      } catch (error) {
        void vscode.window.showErrorMessage(`${item.machine.session.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }));
  return [
    vscode.commands.registerCommand('shadowbox.machineStart', async (item: MachineItem) => {
      if (item.kind === 'configured') await vscode.debug.startDebugging(item.machine.folder, item.machine.origin === 'found' ? item.machine.configuration : item.machine.configuration.name);
    }),
    onRunning('shadowbox.machineContinue', (session) => session.customRequest('continue', { threadId: 1 })),
    onRunning('shadowbox.machinePause', (session) => session.customRequest('pause', { threadId: 1 })),
    onRunning('shadowbox.machineStop', (session) => vscode.debug.stopDebugging(session)),
    onRunning('shadowbox.machineReset', (session) => session.customRequest('restart', {})),
    onRunning('shadowbox.machinePower', (session) => session.customRequest('shadowbox.button', { button: 'power' })),
  ];
}
