// Which guest the user means where a command names none.
import * as vscode from 'vscode';
import { DEBUG_TYPE } from './debugConfiguration';

/** The session chosen in the debug views, if it is one of ours. */
export function activeSession(): vscode.DebugSession | undefined {
  const active = vscode.debug.activeDebugSession;
  return active?.type === DEBUG_TYPE ? active : undefined;
}
