// The messages between a panel's webview and the extension: the only types that the two sides share.

/**
 * From the webview: a custom request for the debug session, or one that the extension itself answers ('editor.…', editorRequests.ts).
 * `id` is the webview's own, and comes back in the reply.
 */
export interface PanelRequest {
  readonly id: number;
  readonly request: string;
  readonly arguments?: unknown;
}

/** What a panel may ask of the editor, by request: arguments and answer. What is not about a guest needs no session. */
export interface EditorRequests {
  'editor.copy': { arguments: { readonly text: string }; answer: Record<string, never> };
  /** The clipboard's text. */
  'editor.paste': { arguments: Record<string, never>; answer: { readonly text: string } };
  /** Asks the person for a file's place and writes it (`data` in base64). No `path` when they thought better of it. */
  'editor.saveFile': { arguments: { readonly name: string; readonly data: string }; answer: { readonly path?: string } };
  'editor.showInPageTables': { arguments: { readonly linear: string }; answer: Record<string, never> };
  /** Shows the frame of a guest-physical address ('0x…') in the panel Physical Memory. */
  'editor.showInPhysicalMemory': { arguments: { readonly physical: string }; answer: Record<string, never> };
  /** Opens the source, or a listing, of the code at an address. */
  'editor.openCode': { arguments: { readonly linear: string }; answer: Record<string, never> };
  /** Opens the bytes at a memory reference ('0x…', 'phys:0x…', an expression) in the hex editor. */
  'editor.viewMemory': { arguments: { readonly reference: string }; answer: Record<string, never> };
  /** Shows a file on a disk of the machine (`path` as the explorer has them). */
  'editor.openDiskFile': { arguments: { readonly disk: string; readonly path: string }; answer: Record<string, never> };
  /** Lets the person choose another disc for a drive. */
  'editor.changeDisc': { arguments: { readonly drive: string }; answer: Record<string, never> };
}

/** To the webview: the debug adapter's answer to the request with this `id`, or why there is none. */
export type PanelReply =
  | { readonly id: number; readonly body: unknown }
  | { readonly id: number; readonly error: string };

/**
 * To the webview, unasked: something has happened, so that a picture may be out of date.
 * `stopped`, `continued` and `shadowbox.changed` are the session's DAP events with their bodies; `session` says
 * which session the panel shows (or none): when that changes, and to a page that has just been loaded; `walk` says that the user wants an address (0x… or any
 * expression that the debugger evaluates) looked at, `frame` a guest-physical one (0x…).
 */
export type PanelEvent =
  | { readonly event: 'stopped' | 'continued' | 'shadowbox.changed'; readonly body?: unknown }
  | { readonly event: 'session'; readonly body: { readonly id: string; readonly name: string } | null }
  | { readonly event: 'walk'; readonly body: { readonly linear: string } }
  | { readonly event: 'frame'; readonly body: { readonly physical: string } };

export type MessageToPanel = PanelReply | PanelEvent;
