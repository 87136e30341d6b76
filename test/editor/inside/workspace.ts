// The workspace that the suite inside VS Code runs in.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';

/** The one folder that is open. */
export function folder(): vscode.WorkspaceFolder {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(first, 'no folder is open');
  return first;
}

/** Waits for an event that `wanted` accepts. Ask before doing what brings it about. */
export function next<T>(event: vscode.Event<T>, what: string, wanted: (value: T) => boolean = () => true, timeoutMs = 10_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      subscription.dispose();
      reject(new Error(`waited ${timeoutMs / 1000} s for ${what}`));
    }, timeoutMs);
    const subscription = event((value) => {
      if (!wanted(value)) return;
      clearTimeout(timer);
      subscription.dispose();
      resolve(value);
    });
  });
}
