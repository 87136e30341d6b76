// The panels that there are. Each has a folder in webviews/, a command in package.json, and an activation event.
import type { PanelDefinition } from './panel';

export const PAGE_TABLES: PanelDefinition = {
  name: 'page-tables', viewType: 'shadowbox.pageTables', title: 'Page Tables', command: 'shadowbox.showPageTables',
  hint: 'The guest’s page tables beside the shadow tables that derive from them',
};

/** The guest's screen. Its picture would be lost in the dark, and a hidden panel asks for none: it is retained. */
export const SCREEN: PanelDefinition = {
  name: 'screen', viewType: 'shadowbox.screen', title: 'Screen', command: 'shadowbox.showScreen',
  hint: 'The guest’s display, with keyboard and mouse',
  retainWhenHidden: true,
};

/** What stands behind each guest-physical page. */
export const PHYSICAL_MEMORY: PanelDefinition = {
  name: 'physical-memory', viewType: 'shadowbox.physicalMemory', title: 'Physical Memory', command: 'shadowbox.showPhysicalMemory',
  hint: 'Every guest-physical page by kind and last use, and who maps it',
};

/** All panels that need no more than their definition. */
export const PANELS: readonly PanelDefinition[] = [
  {
    name: 'registers', viewType: 'shadowbox.registers', title: 'Registers', command: 'shadowbox.showRegisters',
    hint: 'All registers of a processor, decoded, to read and to set',
  },
  {
    name: 'descriptors', viewType: 'shadowbox.descriptors', title: 'Descriptor Tables', command: 'shadowbox.showDescriptorTables',
    hint: 'GDT, LDT, IDT and task-state segments beside what is loaded from them',
  },
  {
    name: 'translations', viewType: 'shadowbox.translations', title: 'Translations', command: 'shadowbox.showTranslations',
    hint: 'Translated code beside its WebAssembly, how code is run, a profile',
  },
  {
    name: 'devices', viewType: 'shadowbox.devices', title: 'Devices', command: 'shadowbox.showDevices',
    hint: 'Registers of all devices, interrupt lines, events ahead',
  },
  {
    name: 'time', viewType: 'shadowbox.time', title: 'Time', command: 'shadowbox.showTime',
    hint: 'The time line of the run, and ways to any moment of it',
  },
  {
    name: 'disks', viewType: 'shadowbox.disks', title: 'Disks', command: 'shadowbox.showDisks',
    hint: 'Partitions, files, and what the guest reads and writes',
  },
];

/** Every panel, as 'Show Panel…' lists them. */
export const ALL_PANELS: readonly PanelDefinition[] = [PAGE_TABLES, PHYSICAL_MEMORY, SCREEN, ...PANELS];
