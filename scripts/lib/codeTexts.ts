/**
 * Words of the extension's code and of the panels: `vscode.l10n.t('…')`, and in panels `t('…')` and `plural(count, '…|…')`, find their translation
 * by the English words. This collects them for l10n/bundle.l10n.json, the file that a translation is made from.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** Whether a call is `….l10n.t(…)`. */
function isTranslation({ expression }: ts.CallExpression): boolean {
  return ts.isPropertyAccessExpression(expression) && expression.name.text === 't' && /(^|\.)l10n$/.test(expression.expression.getText());
}

/** Which argument of a call has a panel's words (webviews/ui/words.ts); undefined for other calls. */
function panelWordsAt({ expression }: ts.CallExpression): number | undefined {
  if (!ts.isIdentifier(expression)) return undefined;
  return expression.text === 't' ? 0 : expression.text === 'plural' ? 1 : undefined;
}

/** Members of definitions that are translated where they are shown, by `l10n.t(title)`. */
const TRANSLATED_MEMBERS = new Set(['title', 'hint']);
const DEFINITIONS = path.join('panels', 'definitions.ts');

/** The words of `title: '…'` in the panels' definitions. */
function definedText(node: ts.Node): string[] {
  const isWords = ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && TRANSLATED_MEMBERS.has(node.name.text) && ts.isStringLiteralLike(node.initializer);
  return isWords && ts.isStringLiteralLike(node.initializer) ? [node.initializer.text] : [];
}

function textsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTranslation(node)) {
      const [text] = node.arguments;
      if (ts.isIdentifier(text) && TRANSLATED_MEMBERS.has(text.text)) return;
      if (!ts.isStringLiteralLike(text)) {
        throw new Error(`${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: l10n.t needs its words as one literal, with {0} for what changes`);
      }
      texts.push(text.text);
    }
    const at = ts.isCallExpression(node) ? panelWordsAt(node) : undefined;
    if (ts.isCallExpression(node) && at !== undefined) {
      const text = node.arguments[at];
      if (!ts.isStringLiteralLike(text)) {
        throw new Error(`${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: t and plural need their words as one literal, with {0} for what changes`);
      }
      texts.push(text.text);
    }
    if (file.endsWith(DEFINITIONS)) texts.push(...definedText(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

/** The words of all sources of some folders, each with itself as its translation, sorted. Throws when words are put together at run time. */
export function codeTexts(...folders: readonly string[]): Readonly<Record<string, string>> {
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const texts = files.flatMap((entry) => textsIn(path.join(entry.parentPath, entry.name)));
  return Object.fromEntries([...new Set(texts)].sort().map((text) => [text, text]));
}
