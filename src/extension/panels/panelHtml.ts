// The page that a panel's webview loads: nothing but its script and style, and a policy that lets nothing else in.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** The folder that a panel may load from: its bundles, nothing else of the extension or the workspace. */
export function webviewFolder(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webviews');
}

/** As an attribute's value. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

/**
 * A complete HTML page for the panel `name`, which runs dist/webviews/<name>.js with <name>.css.
 * Its script finds an empty element with the id `root`. Inline scripts, inline styles and anything from the network
 * are refused by the page's Content-Security-Policy. Where VS Code has the extension's words in another language,
 * the element carries them (webviews/ui/words.ts).
 */
export function panelHtml(webview: vscode.Webview, extensionUri: vscode.Uri, name: string, title: string): string {
  const nonce = randomBytes(16).toString('base64');
  const address = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(webviewFolder(extensionUri), file)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource} data:`,
    `img-src ${webview.cspSource} data:`,
  ].join('; ');
  const { bundle } = vscode.l10n;
  const words = bundle === undefined ? '' : ` data-words="${escaped(JSON.stringify(bundle))}"`;
  return `<!DOCTYPE html>
<html lang="${bundle === undefined ? 'en' : vscode.env.language}">
<head>
  <meta charset="UTF-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escaped(title)}</title>
  <link rel="stylesheet" href="${address(`${name}.css`)}">
</head>
<body>
  <div id="root"${words}></div>
  <script nonce="${nonce}" src="${address(`${name}.js`)}"></script>
</body>
</html>`;
}
