// The commands 'Show in Page Tables': from a variable, a watch or the text in an editor to the walk of its address.
import * as vscode from 'vscode';
import { addressExpression, addressOfVariable } from './addressText';
import type { Panel } from './panels/panel';

/** What counts as one word under the cursor: names and numbers, whatever the language. */
const WORD = /[\w$]+/;

/** The selection, or else the word under the cursor. */
function textAtCursor({ document, selection }: vscode.TextEditor): string {
  if (!selection.isEmpty) return document.getText(selection);
  const word = document.getWordRangeAtPosition(selection.active, WORD);
  return word === undefined ? '' : document.getText(word);
}

function tell(message: string): void {
  void vscode.window.showInformationMessage(message);
}

/** Shows the walk of an address: `0x…` or any expression that the debugger evaluates. */
function walk(panel: Panel, linear: string): void {
  panel.tell({ event: 'walk', body: { linear } });
}

function walkVariable(panel: Panel, argument: unknown): void {
  const address = addressOfVariable(argument);
  if (address === undefined) tell('This value has no address in memory, so there is nothing to show in the page tables.');
  else walk(panel, address);
}

function walkText(panel: Panel, editor: vscode.TextEditor): void {
  const address = addressExpression(textAtCursor(editor));
  if (address === undefined) tell('Put the cursor on an address (0x…) or select an expression, then it can be shown in the page tables.');
  else walk(panel, address);
}

/** Registers the commands; the last one is for our other panels, and in no menu. */
export function registerWalkCommands(panel: Panel): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand('shadowbox.walkVariable', (argument: unknown) => { walkVariable(panel, argument); }),
    vscode.commands.registerTextEditorCommand('shadowbox.walkSelection', (editor) => { walkText(panel, editor); }),
    vscode.commands.registerCommand('shadowbox.walkAddress', (linear: unknown) => { if (typeof linear === 'string') walk(panel, linear); }),
  );
}
