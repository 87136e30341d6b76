// Progress of a launch that takes its time: large kernels, images over a network, ROMs that are looked for.
import * as vscode from 'vscode';
import { DEBUG_TYPE } from './debugConfiguration';
import type { DebugEvents } from './debugEvents';

/** A launch that is done by then needs no words. */
const PATIENCE_MS = 1000;

/** Shows, for each session of ours, that it is being started until its machine is there; it can be cancelled. */
export function showLaunchProgress(events: DebugEvents): vscode.Disposable {
  return vscode.debug.onDidStartDebugSession((session) => {
    if (session.type !== DEBUG_TYPE || events.isLaunched(session)) return;
    const isThis = ({ id }: vscode.DebugSession) => id === session.id;
    let isOver = false;
    const over = new Promise<void>((resolve) => {
      const registrations = [events.onLaunched, events.onEnd].map((happens) => happens((other) => {
        if (!isThis(other)) return;
        isOver = true;
        for (const registration of registrations) registration.dispose();
        resolve();
      }));
    });
    setTimeout(() => {
      if (isOver) return;
      const title = vscode.l10n.t('Starting {0}', session.name);
      void vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, (_progress, token) => {
        token.onCancellationRequested(() => { void vscode.debug.stopDebugging(session); });
        return over;
      });
    }, PATIENCE_MS);
  });
}
