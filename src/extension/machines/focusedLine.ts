// The line of a tree that the keyboard is on. VS Code tells an extension which lines are selected, and arrow keys do not select.
import * as vscode from 'vscode';

/**
 * The line that has the keyboard, found by selecting it, or the reverse, and back: it is the one whose selection changes. Undefined
 * when there is none. The tree has to have the keyboard.
 */
export async function focusedLine<Line>(view: vscode.TreeView<Line>): Promise<Line | undefined> {
  const before = view.selection;
  await vscode.commands.executeCommand('list.toggleSelection');
  const after = view.selection;
  await vscode.commands.executeCommand('list.toggleSelection');
  return after.find((line) => !before.includes(line)) ?? before.find((line) => !after.includes(line));
}
