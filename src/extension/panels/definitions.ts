// The panels that there are. Each has a folder in webviews/, a command in package.json, and an activation event.
import type { PanelDefinition } from './panel';

export const PAGE_TABLES: PanelDefinition = {
  name: 'page-tables', viewType: 'shadowbox.pageTables', title: 'Page Tables', command: 'shadowbox.showPageTables',
};

/** The guest's screen. Its picture would be lost in the dark, and a hidden panel asks for none: it is retained. */
export const SCREEN: PanelDefinition = {
  name: 'screen', viewType: 'shadowbox.screen', title: 'Screen', command: 'shadowbox.showScreen', retainWhenHidden: true,
};

/** All panels that need no more than their definition. */
export const PANELS: readonly PanelDefinition[] = [
  { name: 'registers', viewType: 'shadowbox.registers', title: 'Registers', command: 'shadowbox.showRegisters' },
  { name: 'descriptors', viewType: 'shadowbox.descriptors', title: 'Descriptor Tables', command: 'shadowbox.showDescriptorTables' },
  { name: 'devices', viewType: 'shadowbox.devices', title: 'Devices', command: 'shadowbox.showDevices' },
];
