/**
 * The webview's end of the line to the extension: requests with their answers, events, and the state that VS Code
 * keeps for a panel over a reload.
 */
import type { MessageToPanel, PanelRequest } from '../../src/extension/panels/messages';
import { returnFocus } from './focusReturn';

interface VsCodeApi {
  postMessage(message: PanelRequest): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export interface Host {
  ask(request: PanelRequest): void;
  /** What `keep` was last given, in this window or before the reload. */
  kept(): unknown;
  keep(state: unknown): void;
}

function isMessage(data: unknown): data is MessageToPanel {
  return typeof data === 'object' && data !== null && ('event' in data || 'id' in data);
}

/** Connects to the extension; `receive` gets every message of it. The page keeps its focus. May be called once in a page. */
export function connect(receive: (message: MessageToPanel) => void): Host {
  const api = acquireVsCodeApi();
  returnFocus();
  window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (isMessage(data)) receive(data);
  });
  return {
    ask: (request) => { api.postMessage(request); },
    kept: () => api.getState(),
    keep: (state) => { api.setState(state); },
  };
}
