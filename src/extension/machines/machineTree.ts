// The view 'Machines' beside the call stack: what runs, in which state and with what, and what could be started.
import * as vscode from 'vscode';
import type { DebugEvents } from '../debugEvents';
import { changeDisc, takeOut } from '../disks/changeDisc';
import { askAndWatch } from '../memoryWatches';
import { configuredMachines, filesOf, openConfiguration, type ConfiguredMachine } from './configuredMachines';
import { focusedLine } from './focusedLine';
import { addBookmark, isInThePast, momentItem, momentsOf, removeBookmark, renameBookmark, travel, type Moment, type Timeline } from './moments';
import { RunningMachines, type MachineFacts, type RunningMachine } from './runningMachines';
import { changeWatch, watchesItem, watchItem } from './watches';

type Watch = MachineFacts['watches'][number];

/** Lines that are about a running machine and can be acted on, by their kind. */
interface RunningItems {
  readonly running: { readonly kind: 'running'; readonly machine: RunningMachine };
  readonly past: { readonly kind: 'past'; readonly machine: RunningMachine; readonly timeline: Timeline };
  readonly moment: { readonly kind: 'moment'; readonly machine: RunningMachine; readonly moment: Moment };
  readonly drive: { readonly kind: 'drive'; readonly machine: RunningMachine; readonly disk: MachineFacts['disks'][number] };
  readonly watches: { readonly kind: 'watches'; readonly machine: RunningMachine; readonly watches: readonly Watch[] };
  /** With its place as commands on memory take it (clickedBytes). */
  readonly watch: { readonly kind: 'watch'; readonly machine: RunningMachine; readonly watch: Watch; readonly reference: string; readonly bytes: number };
}

/** A line of the tree. */
export type MachineItem =
  | RunningItems[keyof RunningItems]
  | { readonly kind: 'configured'; readonly machine: ConfiguredMachine }
  | { readonly kind: 'fact'; readonly label: string; readonly description: string; readonly icon: string; readonly command?: vscode.Command };

const ICONS: Readonly<Record<RunningMachine['state'], string>> = { starting: 'loading~spin', running: 'vm-running', stopped: 'debug-pause', off: 'vm-outline' };
const WORDS: Readonly<Record<RunningMachine['state'], string>> = {
  starting: vscode.l10n.t('starting'), running: vscode.l10n.t('running'), stopped: vscode.l10n.t('stopped'), off: vscode.l10n.t('powered off'),
};
/** File events come in crowds. */
const SETTLE_MS = 300;

function sizeText(bytes: number): string {
  if (bytes > 0 && bytes % 1024 ** 3 === 0) return `${bytes / 1024 ** 3} GiB`;
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / 1024 ** 2)} MiB`;
}
const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

const cpuCount = (cpus: number): string => (cpus === 1 ? vscode.l10n.t('1 CPU') : vscode.l10n.t('{0} CPUs', cpus));

/** What a machine would be made of, as far as its configuration says. */
function planItems({ configuration }: ConfiguredMachine): readonly MachineItem[] {
  const { cpus, memory } = configuration as Readonly<Record<string, unknown>>;
  return [
    ...(typeof cpus === 'number' ? [{ kind: 'fact', label: cpuCount(cpus), description: '', icon: 'chip' } as const] : []),
    ...(typeof memory === 'string' || typeof memory === 'number' ? [{ kind: 'fact', label: vscode.l10n.t('Memory'), description: String(memory), icon: 'circuit-board' } as const] : []),
    ...filesOf(configuration).map((file): MachineItem => ({ kind: 'fact', label: fileName(file), description: file, icon: 'file-binary' })),
  ];
}

/** What a running machine is made of, each as a line. */
export function factItems(machine: RunningMachine, { cpus, memoryBytes, disks, timeline, watches }: MachineFacts): readonly MachineItem[] {
  const show = (command: string, title: string): vscode.Command => ({ command, title });
  return [
    { kind: 'fact', label: cpuCount(cpus), description: '', icon: 'chip', command: show('shadowbox.showRegisters', vscode.l10n.t('Show Registers')) },
    { kind: 'fact', label: vscode.l10n.t('Memory'), description: sizeText(memoryBytes), icon: 'circuit-board', command: show('shadowbox.showPhysicalMemory', vscode.l10n.t('Show Physical Memory')) },
    ...disks.map((disk): MachineItem => ({ kind: 'drive', machine, disk })),
    { kind: 'watches', machine, watches },
    { kind: 'past', machine, timeline },
  ];
}

export class MachineTree implements vscode.TreeDataProvider<MachineItem>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<MachineItem | undefined>();
  private readonly registrations: vscode.Disposable;
  private readonly running: RunningMachines;
  private readonly view: vscode.TreeView<MachineItem>;
  private refreshing: NodeJS.Timeout | undefined;
  /** How many times VS Code waits for the lines below another. */
  private asking = 0;
  readonly onDidChangeTreeData = this.emitter.event;

  constructor(events: DebugEvents) {
    this.running = new RunningMachines(events);
    this.view = vscode.window.createTreeView('shadowbox.machines', { treeDataProvider: this, manageCheckboxStateManually: true });
    const files = vscode.workspace.createFileSystemWatcher('**/*.{img,iso,qcow2,vhd,vhdx,bin,elf,json}');
    const later = (): void => { this.later(); };
    this.registrations = vscode.Disposable.from(
      this.running, files, files.onDidCreate(later), files.onDidDelete(later), files.onDidChange(({ path }) => { if (path.endsWith('launch.json')) later(); }),
      this.running.onDidChange(later),
      vscode.workspace.onDidChangeConfiguration((change) => { if (change.affectsConfiguration('launch')) later(); }),
      vscode.workspace.onDidChangeWorkspaceFolders(later),
      this.view,
      this.view.onDidChangeCheckboxState(({ items }) => {
        for (const [item, state] of items) void vscode.commands.executeCommand(state === vscode.TreeItemCheckboxState.Checked ? 'shadowbox.machineEnableWatch' : 'shadowbox.machineDisableWatch', item);
      }),
      vscode.commands.registerCommand('shadowbox.refreshMachines', later),
      ...commands(this.view),
    );
  }

  /** Has all lines asked for anew, when things have settled and what was asked for is there: VS Code takes what comes after that for nothing, and a machine would be empty. */
  private later(): void {
    clearTimeout(this.refreshing);
    this.refreshing = setTimeout(() => {
      if (this.asking > 0) this.later();
      else this.emitter.fire(undefined);
    }, SETTLE_MS);
  }

  async getChildren(item?: MachineItem): Promise<MachineItem[]> {
    this.asking++;
    try {
      return await this.below(item);
    } finally {
      this.asking--;
    }
  }

  /** The lines below one; without one those of the first level. */
  private async below(item: MachineItem | undefined): Promise<MachineItem[]> {
    if (item === undefined) {
      const configured = await configuredMachines();
      return [...this.running.all.map((machine): MachineItem => ({ kind: 'running', machine })), ...configured.map((machine): MachineItem => ({ kind: 'configured', machine }))];
    }
    if (item.kind === 'past') return momentsOf(item.timeline).map((moment) => ({ kind: 'moment', machine: item.machine, moment }));
    if (item.kind === 'watches') return item.watches.map((watch) => ({ kind: 'watch', machine: item.machine, watch, reference: watch.memoryReference, bytes: watch.bytes }));
    if (item.kind === 'configured') return [...planItems(item.machine)];
    if (item.kind !== 'running') return [];
    try {
      const facts = await this.running.facts(item.machine);
      return facts === undefined ? [] : [...factItems(item.machine, facts)];
    } catch (error) {
      return [{ kind: 'fact', label: vscode.l10n.t('The machine does not answer'), description: error instanceof Error ? error.message : String(error), icon: 'warning', command: { command: 'shadowbox.refreshMachines', title: vscode.l10n.t('Refresh') } }];
    }
  }

  getTreeItem(item: MachineItem): vscode.TreeItem {
    switch (item.kind) {
      case 'running': return runningItem(item.machine);
      case 'configured': return configuredItem(item.machine);
      case 'past': return pastItem(item.machine, item.timeline);
      case 'moment': return momentItem(item.moment);
      case 'drive': return driveItem(item.disk);
      case 'watches': return watchesItem(item.machine, item.watches);
      case 'watch': return watchItem(item.machine, item.watch);
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

/** What time travel has of a machine's run; its moments are below. */
function pastItem({ session }: RunningMachine, timeline: Timeline): vscode.TreeItem {
  const { moments, bytes } = timeline;
  const item = new vscode.TreeItem(vscode.l10n.t('Snapshots'), moments.length === 0 ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${session.id}/past`;
  item.description = moments.length === 0 ? vscode.l10n.t('none: time travel is off') : vscode.l10n.t('{0}, {1}, back to instruction {2}', moments.length, sizeText(bytes), moments[0].retired);
  item.iconPath = new vscode.ThemeIcon('history');
  item.contextValue = moments.length === 0 ? 'fact' : isInThePast(timeline) ? 'past.behind' : 'past';
  return item;
}

function configuredItem({ folder, configuration, origin }: ConfiguredMachine): vscode.TreeItem {
  const item = new vscode.TreeItem(configuration.name, vscode.TreeItemCollapsibleState.Collapsed);
  item.description = origin === 'found' ? vscode.l10n.t('found in the workspace') : filesOf(configuration).map(fileName).join(', ');
  item.tooltip = `${folder?.name ?? ''}: ${filesOf(configuration).join(', ')}`;
  item.iconPath = new vscode.ThemeIcon(origin === 'found' ? 'file-binary' : 'vm');
  item.contextValue = origin === 'found' ? 'configured.found' : 'configured.written';
  return item;
}

/** A drive; a disc or floppy in it can be changed. */
function driveItem({ name, kind, image, activity }: RunningItems['drive']['disk']): vscode.TreeItem {
  const item = new vscode.TreeItem(name);
  item.description = image === undefined ? vscode.l10n.t('empty') : vscode.l10n.t('{0}, {1} reads, {2} writes', fileName(image), activity.reads, activity.writes);
  item.iconPath = new vscode.ThemeIcon(kind === 'disk' ? 'database' : kind === 'cdrom' ? 'record' : 'save');
  item.contextValue = `drive.${kind}${image === undefined ? '.empty' : ''}`;
  item.command = { command: 'shadowbox.showDisks', title: vscode.l10n.t('Show Disks') };
  return item;
}

function isOfKind<Kind extends keyof RunningItems>(item: MachineItem, kind: Kind): item is RunningItems[Kind] {
  return item.kind === kind;
}

/** Starts a machine as its configuration says. */
const start = ({ folder, configuration, origin }: ConfiguredMachine): Thenable<unknown> => vscode.debug.startDebugging(folder, origin === 'found' ? configuration : configuration.name);

/** Commands of the view's lines. Each is called with the line that it is on from a menu, without one by a key: then it is for the line that has the keyboard. */
function commands(view: vscode.TreeView<MachineItem>): readonly vscode.Disposable[] {
  const on = <Kind extends keyof RunningItems>(kind: Kind, command: string, act: (item: RunningItems[Kind]) => Thenable<unknown>): vscode.Disposable => (
    vscode.commands.registerCommand(command, async (given?: MachineItem) => {
      const item = given ?? await focusedLine(view);
      if (item === undefined || !isOfKind(item, kind)) return;
      try {
        await act(item);
      } catch (error) {
        void vscode.window.showErrorMessage(`${item.machine.session.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }));
  const onRunning = (command: string, act: (session: vscode.DebugSession) => Thenable<unknown>): vscode.Disposable => on('running', command, ({ machine }) => act(machine.session));
  return [
    vscode.commands.registerCommand('shadowbox.machineStart', async (item: MachineItem) => {
      if (item.kind === 'configured') await start(item.machine);
    }),
    vscode.commands.registerCommand('shadowbox.machineEdit', async (item: MachineItem) => {
      if (item.kind === 'configured') await openConfiguration(item.machine);
    }),
    // Enter does what a line is for, the space bar ticks it and Delete removes it; on others keys are what they always are.
    vscode.commands.registerCommand('shadowbox.machineOpenLine', async () => {
      const item = await focusedLine(view);
      if (item?.kind === 'configured') await start(item.machine);
      else if (item?.kind === 'moment') await vscode.commands.executeCommand('shadowbox.machineGoToMoment', item);
      else if (item?.kind === 'watch') await vscode.commands.executeCommand('shadowbox.showFrameOfMemory', item);
      else await vscode.commands.executeCommand('list.select');
    }),
    vscode.commands.registerCommand('shadowbox.machineTickLine', async () => {
      const item = await focusedLine(view);
      if (item?.kind !== 'watch') await vscode.commands.executeCommand('list.toggleExpand');
      else await vscode.commands.executeCommand(item.watch.enabled ? 'shadowbox.machineDisableWatch' : 'shadowbox.machineEnableWatch', item);
    }),
    vscode.commands.registerCommand('shadowbox.machineRemoveLine', async (given?: MachineItem) => {
      const item = given ?? await focusedLine(view);
      if (item?.kind === 'moment' && item.moment.kind === 'bookmark') await vscode.commands.executeCommand('shadowbox.machineRemoveBookmark', item);
      else if (item?.kind === 'watch') await vscode.commands.executeCommand('shadowbox.machineRemoveWatch', item);
    }),
    on('drive', 'shadowbox.machineChangeDisc', ({ machine, disk }) => changeDisc(machine.session, disk.name)),
    on('drive', 'shadowbox.machineTakeOut', ({ machine, disk }) => takeOut(machine.session, disk.name)),
    onRunning('shadowbox.machineContinue', (session) => session.customRequest('continue', { threadId: 1 })),
    onRunning('shadowbox.machinePause', (session) => session.customRequest('pause', { threadId: 1 })),
    onRunning('shadowbox.machineStop', (session) => vscode.debug.stopDebugging(session)),
    onRunning('shadowbox.machineReset', (session) => session.customRequest('restart', {})),
    onRunning('shadowbox.machinePower', (session) => session.customRequest('shadowbox.button', { button: 'power' })),
    on('past', 'shadowbox.machineAddBookmark', ({ machine }) => addBookmark(machine)),
    on('past', 'shadowbox.machineGoToFurthest', ({ machine }) => travel(machine.session, { furthest: true })),
    on('watches', 'shadowbox.machineWatchMemory', ({ machine }) => askAndWatch(machine.session, {})),
    on('watch', 'shadowbox.machineEnableWatch', ({ machine, watch }) => changeWatch(machine, watch, 'enable')),
    on('watch', 'shadowbox.machineDisableWatch', ({ machine, watch }) => changeWatch(machine, watch, 'disable')),
    on('watch', 'shadowbox.machineRemoveWatch', ({ machine, watch }) => changeWatch(machine, watch, 'remove')),
    on('moment', 'shadowbox.machineGoToMoment', ({ machine, moment }) => travel(machine.session, moment.travel)),
    on('moment', 'shadowbox.machineRenameBookmark', ({ machine, moment }) => renameBookmark(machine, moment)),
    on('moment', 'shadowbox.machineRemoveBookmark', ({ machine, moment }) => removeBookmark(machine, moment)),
  ];
}
