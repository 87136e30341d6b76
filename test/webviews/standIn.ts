/**
 * What runs in the page before the panel's script: VS Code's variables and its API, with `askMachine` behind it. As text,
 * because it is compiled by nobody on its way into the page.
 */
export function standInScript(variables: Readonly<Record<string, string>>, kept: unknown): string {
  return `(() => {
    const variables = ${JSON.stringify(variables)};
    window.keptState = ${JSON.stringify(kept) ?? 'undefined'};
    document.addEventListener('DOMContentLoaded', () => {
      for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty('--vscode-' + name, value);
    });
    window.acquireVsCodeApi = () => ({
      postMessage: (message) => { window.askMachine(message).then((reply) => window.postMessage(reply)); },
      getState: () => window.keptState,
      setState: (state) => { window.keptState = state; },
    });
  })()`;
}
