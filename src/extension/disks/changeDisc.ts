// Another disc for the CD-ROM drive of a running machine, or another floppy: which file, and where what the guest writes shall go.
import * as vscode from 'vscode';

/** Lets the person choose another disc for a drive, and puts it in. */
export async function changeDisc(session: vscode.DebugSession, drive: string): Promise<void> {
  if (drive.startsWith('floppy')) return changeFloppy(session, drive);
  const filters = { [vscode.l10n.t('CD images')]: ['iso', 'img'], [vscode.l10n.t('All files')]: ['*'] };
  const [disc] = await vscode.window.showOpenDialog({ title: vscode.l10n.t('Disc for the CD-ROM Drive'), openLabel: vscode.l10n.t('Insert'), filters }) ?? [];
  if (disc !== undefined) await session.customRequest('shadowbox.changeDisc', { drive, image: disc.fsPath });
}

/** The same for a floppy, to which the guest may write: where that goes is asked, too. */
async function changeFloppy(session: vscode.DebugSession, drive: string): Promise<void> {
  const filters = { [vscode.l10n.t('Floppy images')]: ['img', 'ima', 'flp', 'vfd', 'dsk'], [vscode.l10n.t('All files')]: ['*'] };
  const [disk] = await vscode.window.showOpenDialog({ title: vscode.l10n.t('Floppy for the Drive'), openLabel: vscode.l10n.t('Insert'), filters }) ?? [];
  if (disk === undefined) return;
  const ways = [
    { label: vscode.l10n.t('Keep It in Memory'), description: vscode.l10n.t('The image stays as it is.'), writable: false },
    { label: vscode.l10n.t('Write It to the Image'), description: disk.fsPath, writable: true },
  ];
  const way = await vscode.window.showQuickPick(ways, { title: vscode.l10n.t('What the Guest Writes to the Floppy'), placeHolder: vscode.l10n.t('Keep it in memory, or write it to the image?') });
  if (way !== undefined) await session.customRequest('shadowbox.changeDisc', { drive, image: disk.fsPath, writable: way.writable });
}

/** Takes out what is in a drive. */
export const takeOut = (session: vscode.DebugSession, drive: string): Thenable<unknown> => session.customRequest('shadowbox.changeDisc', { drive });
