// The commands 'Show in Page Tables': from a variable, a watch or the text in an editor to the walk of its address.
import * as vscode from 'vscode';
import { addressExpression, addressOfVariable } from './addressText';
import type { PageTablesPanel } from './panels/pageTablesPanel';

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

function walkVariable(panel: PageTablesPanel, argument: unknown): void {
  const address = addressOfVariable(argument);
  if (address === undefined) tell('This value has no address in memory, so there is nothing to show in the page tables.');
  else panel.walk(address);
}

function walkText(panel: PageTablesPanel, editor: vscode.TextEditor): void {
  const address = addressExpression(textAtCursor(editor));
  if (address === undefined) tell('Put the cursor on an address (0x…) or select an expression, then it can be shown in the page tables.');
  else panel.walk(address);
}

/** Registers both commands. */
export function registerWalkCommands(panel: PageTablesPanel): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand('shadowbox.walkVariable', (argument: unknown) => { walkVariable(panel, argument); }),
    vscode.commands.registerTextEditorCommand('shadowbox.walkSelection', (editor) => { walkText(panel, editor); }),
  );
}
