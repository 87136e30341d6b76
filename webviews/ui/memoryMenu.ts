/**
 * The context menu on bytes of the guest: VS Code shows the commands that package.json contributes to `webview/context`
 * for the section, and hands them the rest.
 */

/** Bytes of the guest's memory that an element shows. */
export interface ShownBytes {
  /** The place as the debugger names it: `0x…`, `phys:0x…`. */
  readonly reference: string;
  readonly bytes: number;
}

/** Attributes for an element that shows these bytes. */
export function menuOn({ reference, bytes }: ShownBytes): { readonly 'data-vscode-context': string } {
  return { 'data-vscode-context': JSON.stringify({ webviewSection: 'shadowbox.memory', reference, bytes }) };
}
