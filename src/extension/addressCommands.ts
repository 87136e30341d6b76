// The commands on an address: from a variable, a watch or the text in an editor to its walk, its code, its memory.
import * as vscode from 'vscode';
import type { PanelRequests } from '../../debugger/panelProtocol';
import { activeSession } from './activeSession';
import { addressExpression, addressOfVariable, clickedBytes, clickedPart, expressionOfVariable, type ClickedBytes } from './addressText';
import { askAndWatch, watchWrites } from './memoryWatches';
import { openCode, viewMemory } from './places';
import type { Panel } from './panels/panel';

/** What counts as one word under the cursor: names and numbers, whatever the language. */
const WORD = /[\w$]+/;

/** Something to be done with an address: `0x…`, or any expression that the debugger evaluates. */
interface AddressAction {
  /** Command ids: `onVariable` for context menus of variables and watches, `onSelection` for editors, `onAddress` for our own panels. */
  readonly onVariable?: string;
  readonly onSelection?: string;
  readonly onAddress?: string;
  /** The same for context menus in memory: the hex editor's, and those of our panels. */
  readonly inMemory?: string;
  /** For rows of page tables: the entries themselves, and the address that they translate. */
  readonly onEntry?: string;
  readonly onLinear?: string;
  /** What of a variable is meant: by default what it points at, or where it lies. */
  readonly ofVariable?: (argument: unknown) => string | undefined;
  /** `bytes`: how many are meant, where that was said. */
  act(linear: string, bytes?: number): void | Thenable<void>;
}

/** The selection, or else the word under the cursor. */
function textAtCursor({ document, selection }: vscode.TextEditor): string {
  if (!selection.isEmpty) return document.getText(selection);
  const word = document.getWordRangeAtPosition(selection.active, WORD);
  return word === undefined ? '' : document.getText(word);
}

/** The file that the active tab shows in a custom editor, as the hex editor is one. */
function shownFile(): vscode.Uri | undefined {
  const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
  return input instanceof vscode.TabInputCustom ? input.uri : undefined;
}

async function attempt(action: AddressAction, meant: ClickedBytes | undefined, otherwise: string): Promise<void> {
  if (meant === undefined) {
    void vscode.window.showInformationMessage(otherwise);
    return;
  }
  try {
    await action.act(meant.reference, meant.bytes);
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}

const whole = (reference: string | undefined): ClickedBytes | undefined => (reference === undefined ? undefined : { reference });

function register(action: AddressAction): readonly vscode.Disposable[] {
  const command = (id: string | undefined, run: (argument: unknown) => unknown): readonly vscode.Disposable[] => (id === undefined ? [] : [vscode.commands.registerCommand(id, run)]);
  const { onSelection } = action;
  const noMemory = vscode.l10n.t('This is no memory of a guest, so it has no address in one.');
  return [
    ...command(action.onVariable, (argument) => attempt(action, whole((action.ofVariable ?? addressOfVariable)(argument)),
      vscode.l10n.t('This value has no address in memory, so there is nothing to show.'))),
    ...(onSelection === undefined ? [] : [vscode.commands.registerTextEditorCommand(onSelection, (editor) => {
      void attempt(action, whole(addressExpression(textAtCursor(editor))), vscode.l10n.t('Put the cursor on an address (0x…) or a name, or select an expression, then it can be shown.'));
    })]),
    ...command(action.onAddress, (linear) => (typeof linear === 'string' ? attempt(action, whole(linear), '') : undefined)),
    ...command(action.inMemory, (context) => attempt(action, clickedBytes(context, shownFile()), noMemory)),
    ...command(action.onEntry, (context) => attempt(action, clickedPart(context, 'entry'), noMemory)),
    ...command(action.onLinear, (context) => attempt(action, clickedPart(context, 'linear'), noMemory)),
  ];
}

/** The guest that an address is in. */
function session(): vscode.DebugSession {
  const active = activeSession();
  if (active === undefined) throw new Error(vscode.l10n.t('No guest is running. Start one with F5.'));
  return active;
}

/** The frame that names are looked up in. */
function frameOf(item: vscode.DebugThread | vscode.DebugStackFrame | undefined): { readonly frameId?: number } {
  return item instanceof vscode.DebugStackFrame ? { frameId: item.frameId } : {};
}

/** A reference to guest-physical memory, as registers and device memory have it. */
const PHYSICAL = /^phys:(0x[0-9a-f]+)$/i;

/** The guest-physical address behind a linear one, through the guest's present page tables. Rejects, with the walk's own words, where nothing is mapped. */
async function physicalOf(linear: string): Promise<string> {
  const [, physical] = PHYSICAL.exec(linear) ?? [];
  if (physical !== undefined) return physical;
  const walk = await session().customRequest('shadowbox.walk', { linear }) as PanelRequests['shadowbox.walk']['answer'];
  if (walk.physical === undefined) throw new Error(vscode.l10n.t('{0} leads to no physical memory: {1}', linear, walk.story));
  return `0x${walk.physical.toString(16)}`;
}

/** Registers the commands. Another place that an address can be shown at is one more entry here, and its commands in package.json. */
export function registerAddressCommands(pageTables: Panel, physicalMemory: Panel): vscode.Disposable {
  const actions: readonly AddressAction[] = [
    {
      onVariable: 'shadowbox.walkVariable', onSelection: 'shadowbox.walkSelection', onAddress: 'shadowbox.walkAddress', inMemory: 'shadowbox.walkMemory',
      act: (linear) => { pageTables.tell({ event: 'walk', body: { linear } }); },
    },
    {
      onVariable: 'shadowbox.showFrameOfVariable', onSelection: 'shadowbox.showFrameOfSelection', onAddress: 'shadowbox.showFrameOfAddress', inMemory: 'shadowbox.showFrameOfMemory',
      act: async (linear) => { physicalMemory.tell({ event: 'frame', body: { physical: await physicalOf(linear) } }); },
    },
    {
      onVariable: 'shadowbox.openCodeOfVariable', onSelection: 'shadowbox.openCodeOfSelection', onAddress: 'shadowbox.openCodeAtAddress',
      act: (linear) => openCode(session(), linear),
    },
    {
      onVariable: 'shadowbox.viewMemoryOfVariable', onSelection: 'shadowbox.viewMemoryOfSelection', onAddress: 'shadowbox.viewMemoryAtAddress', inMemory: 'shadowbox.viewMemoryHere',
      onEntry: 'shadowbox.viewEntry',
      act: (linear) => viewMemory(session(), linear),
    },
    {
      onVariable: 'shadowbox.whoWroteVariable', onSelection: 'shadowbox.whoWroteSelection', onAddress: 'shadowbox.whoWroteAddress', inMemory: 'shadowbox.whoWroteMemory',
      onEntry: 'shadowbox.whoWroteEntry', ofVariable: expressionOfVariable,
      act: async (expression, bytes) => {
        await session().customRequest('shadowbox.whoWrote', { expression, ...(bytes === undefined ? {} : { bytes }), ...frameOf(vscode.debug.activeStackItem) });
      },
    },
    { inMemory: 'shadowbox.breakOnWrite', onEntry: 'shadowbox.breakOnWriteToEntry', act: (expression, bytes) => watchWrites(session(), { expression, ...(bytes === undefined ? {} : { bytes }) }) },
    { inMemory: 'shadowbox.breakOnAccess', onSelection: 'shadowbox.breakOnAccessOfSelection', act: (expression, bytes) => askAndWatch(session(), { expression, bytes }) },
    { inMemory: 'shadowbox.copyAddress', onEntry: 'shadowbox.copyEntryAddress', onLinear: 'shadowbox.copyLinearAddress', act: (address) => vscode.env.clipboard.writeText(address) },
  ];
  return vscode.Disposable.from(
    ...actions.flatMap(register),
    vscode.commands.registerCommand('shadowbox.showFrameAt', (physical: unknown) => {
      if (typeof physical === 'string') physicalMemory.tell({ event: 'frame', body: { physical } });
    }),
  );
}
