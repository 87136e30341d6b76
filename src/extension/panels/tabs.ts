// Tabs of panels that a window which was loaded anew has, but has not looked at yet: VS Code makes such a panel when its tab is first shown.
import * as vscode from 'vscode';

/** VS Code's names for the groups of editors, in the order of their columns. */
const ORDINALS = ['First', 'Second', 'Third', 'Fourth', 'Fifth', 'Sixth', 'Seventh', 'Eighth'];

/** How VS Code calls a webview's type in its tabs. */
const typeInTabs = (viewType: string): string => `mainThreadWebview-${viewType}`;

const focusGroup = async ({ viewColumn }: vscode.TabGroup): Promise<void> => {
  const ordinal = ORDINALS.at(viewColumn - 1);
  if (ordinal !== undefined) await vscode.commands.executeCommand(`workbench.action.focus${ordinal}EditorGroup`);
};

/** The tab of a panel, if it has one. */
export function tabOf(viewType: string): vscode.Tab | undefined {
  return vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).find(({ input }) => input instanceof vscode.TabInputWebview && input.viewType === typeInTabs(viewType));
}

/** Brings a tab to the front of its group. VS Code has no call for this, so it is done as by keys; the group that was in use is the one in use again. */
export async function showTab(tab: vscode.Tab): Promise<void> {
  const { activeTabGroup } = vscode.window.tabGroups;
  await focusGroup(tab.group);
  await vscode.commands.executeCommand('workbench.action.openEditorAtIndex', tab.group.tabs.indexOf(tab));
  if (activeTabGroup !== tab.group) await focusGroup(activeTabGroup);
}
