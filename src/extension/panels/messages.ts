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

/** What a panel may ask of the extension itself, by request: arguments and answer. There need be no session. */
export interface PanelServiceRequests {
  /** Asks the person for a file's place and writes it (`data` in base64). No `path` when they thought better of it. */
  'panel.saveFile': { arguments: { readonly name: string; readonly data: string }; answer: { readonly path?: string } };
  'panel.copyText': { arguments: { readonly text: string }; answer: Record<string, never> };
  /** The clipboard's text. */
  'panel.pasteText': { arguments: Record<string, never>; answer: { readonly text: string } };
}

/** To the webview: the debug adapter's answer to the request with this `id`, or why there is none. */
export type PanelReply =
  | { readonly id: number; readonly body: unknown }
  | { readonly id: number; readonly error: string };

/**
 * To the webview, unasked: something has happened, so that a picture may be out of date.
 * `stopped`, `continued` and `shadowbox.changed` are the session's DAP events with their bodies; `session` says
 * which session the panel shows (or none): when that changes, and to a page that has just been loaded; `walk` says that the user wants an address (0x… or any
 * expression that the debugger evaluates) looked at.
 */
export type PanelEvent =
  | { readonly event: 'stopped' | 'continued' | 'shadowbox.changed'; readonly body?: unknown }
  | { readonly event: 'session'; readonly body: { readonly id: string; readonly name: string } | null }
  | { readonly event: 'walk'; readonly body: { readonly linear: string } };

export type MessageToPanel = PanelReply | PanelEvent;
