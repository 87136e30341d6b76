// The extension's front door: what VS Code calls when Shadowbox starts, and where its parts are put together.
import * as vscode from 'vscode';
import { AdapterProcessFactory } from './adapterProcess';
import { DEBUG_TYPE, isScreenGuest, ShadowboxConfigurationProvider } from './debugConfiguration';
import { DebugEvents } from './debugEvents';
import { PAGE_TABLES, PANELS, SCREEN } from './panels/definitions';
import { Panel, type PanelDefinition } from './panels/panel';
import { SerialTerminals } from './serialTerminal';
import { registerWalkCommands } from './walkCommands';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Shadowbox', { log: true });
  const events = new DebugEvents(DEBUG_TYPE);
  const panel = (definition: PanelDefinition) => new Panel(definition, context.extensionUri, events);
  const pageTables = panel(PAGE_TABLES);
  const screen = panel(SCREEN);
  context.subscriptions.push(
    log,
    events,
    new SerialTerminals(events, log),
    pageTables,
    screen,
    ...PANELS.map(panel),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, new ShadowboxConfigurationProvider()),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, new AdapterProcessFactory(context.extensionUri)),
    // Before the launch, so that the panel is there for what comes first.
    events.onEvent(({ session, event }) => {
      if (event === 'initialized' && isScreenGuest(session.configuration)) screen.show();
    }),
    registerWalkCommands(pageTables),
  );
}
