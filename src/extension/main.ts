// The extension's front door: what VS Code calls when Shadowbox starts, and where its parts are put together.
import * as vscode from 'vscode';
import { AdapterProcessFactory } from './adapterProcess';
import { registerAddressCommands } from './addressCommands';
import { DEBUG_TYPE, isScreenGuest, ShadowboxConfigurationProvider } from './debugConfiguration';
import { DebugEvents } from './debugEvents';
import { registerDiskCommands } from './disks/commands';
import { DiskFiles } from './disks/diskFiles';
import { DynamicConfigurations } from './disks/dynamicConfigurations';
import { DiskImageEditors } from './disks/imageEditor';
import { showLaunchProgress } from './launchProgress';
import { MachineTree } from './machines/machineTree';
import { MemoryWatchKeeper } from './memoryWatchKeeper';
import { ALL_PANELS, PAGE_TABLES, PANELS, PHYSICAL_MEMORY, SCREEN } from './panels/definitions';
import { Panel, type PanelDefinition } from './panels/panel';
import { registerPanelMenu } from './panels/panelMenu';
import { registerSamples } from './samples';
import { registerRecordingCommands } from './recordings';
import { SerialTerminals } from './serialTerminal';
import { StatusBar } from './statusBar';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Shadowbox', { log: true });
  const events = new DebugEvents(DEBUG_TYPE);
  const panel = (definition: PanelDefinition) => new Panel(definition, context.extensionUri, events);
  const pageTables = panel(PAGE_TABLES);
  const physicalMemory = panel(PHYSICAL_MEMORY);
  const screen = panel(SCREEN);
  context.subscriptions.push(
    log,
    events,
    new SerialTerminals(events, log),
    pageTables,
    physicalMemory,
    screen,
    ...PANELS.map(panel),
    new DiskFiles(events),
    new DiskImageEditors(context.extensionUri, log),
    registerDiskCommands(),
    new MemoryWatchKeeper(context.workspaceState, events),
    new MachineTree(events),
    registerRecordingCommands(),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, new DynamicConfigurations(), vscode.DebugConfigurationProviderTriggerKind.Dynamic),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, new ShadowboxConfigurationProvider()),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, new AdapterProcessFactory(context.extensionUri)),
    // Before the launch, so that the panel is there for what comes first.
    events.onEvent(({ session, event }) => {
      if (event !== 'initialized' || !isScreenGuest(session.configuration)) return;
      if (vscode.workspace.getConfiguration('shadowbox').get('screen.openAutomatically', true)) screen.show();
    }),
    registerAddressCommands(pageTables, physicalMemory),
    new StatusBar(events),
    showLaunchProgress(events),
    registerSamples(context.extensionUri),
    registerPanelMenu(ALL_PANELS, context.extension.packageJSON),
  );
}
