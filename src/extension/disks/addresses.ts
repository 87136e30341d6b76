// How disks are named in URIs: shadowbox-disk://<which disk>/<path on it>.
import * as vscode from 'vscode';

export const DISK_SCHEME = 'shadowbox-disk';

/** An image file of this computer, or a drive of a running machine. */
export type DiskAddress =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'machine'; readonly session: string; readonly disk: string };

/** In hexadecimal, because an authority knows no slashes and no case. */
const hexOf = (text: string): string => Buffer.from(text, 'utf8').toString('hex');
const textOf = (hex: string): string => Buffer.from(hex, 'hex').toString('utf8');

export function diskUri(address: DiskAddress, path = '/'): vscode.Uri {
  const authority = address.kind === 'image' ? `image-${hexOf(address.path)}` : `machine-${hexOf(address.session)}-${hexOf(address.disk)}`;
  return vscode.Uri.from({ scheme: DISK_SCHEME, authority, path: path.startsWith('/') ? path : `/${path}` });
}

/** Undefined for what is no URI of ours. */
export function addressOf({ scheme, authority }: vscode.Uri): DiskAddress | undefined {
  if (scheme !== DISK_SCHEME) return undefined;
  const [kind, first, second] = authority.split('-');
  if (kind === 'image' && first !== undefined) return { kind, path: textOf(first) };
  if (kind === 'machine' && first !== undefined && second !== undefined) return { kind, session: textOf(first), disk: textOf(second) };
  return undefined;
}
