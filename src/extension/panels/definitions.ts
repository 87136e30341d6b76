// The panels that there are. Each has a folder in webviews/, a command in package.json, and an activation event.
import type { PanelDefinition } from './panel';

export const PAGE_TABLES: PanelDefinition = {
  name: 'page-tables', viewType: 'shadowbox.pageTables', title: 'Page Tables', command: 'shadowbox.showPageTables',
};

/** All panels that need no more than their definition. */
export const PANELS: readonly PanelDefinition[] = [
  { name: 'disks', viewType: 'shadowbox.disks', title: 'Disks', command: 'shadowbox.showDisks' },
];
