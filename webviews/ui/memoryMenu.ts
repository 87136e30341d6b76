/**
 * Context menus on what a panel shows of the guest's memory: VS Code shows the commands that package.json contributes to `webview/context`
 * for the section, and hands them the rest.
 */

/** Bytes of the guest's memory that an element shows. */
export interface ShownBytes {
  /** The place as the debugger names it: `0x…`, `phys:0x…`. */
  readonly reference: string;
  readonly bytes: number;
}

/** Entries of a page table, and what they lead to. */
export interface ShownEntries {
  /** Where the range begins that they translate: `0x…`. */
  readonly linear: string;
  /** The entries themselves; none for a piece of what one entry maps. */
  readonly entry: ShownBytes | undefined;
  /** What is behind them: pages, or a table; nothing where they are not present. */
  readonly target: ShownBytes | undefined;
}

/** Attributes of an element that has a context menu. */
export interface WithMenu {
  readonly 'data-vscode-context': string;
}

/** For an element that shows these bytes. */
export function menuOn({ reference, bytes }: ShownBytes): WithMenu {
  return { 'data-vscode-context': JSON.stringify({ webviewSection: 'shadowbox.memory', reference, bytes }) };
}

/** For an element that shows these entries. Sections are `shadowbox.row.` with `mapped`, `absent`, or `piece` where there is no entry. */
export function menuOnEntries({ linear, entry, target }: ShownEntries): WithMenu {
  const kind = target === undefined ? 'absent' : entry === undefined ? 'piece' : 'mapped';
  return { 'data-vscode-context': JSON.stringify({ webviewSection: `shadowbox.row.${kind}`, linear, ...target, ...(entry && { entry: entry.reference, entryBytes: entry.bytes }) }) };
}

/** What a mouse's right button is in an event. Keys that open a menu come without it. */
const RIGHT_BUTTON = 2;

/**
 * Opens the menu that is asked for by a key (Shift+F10, the menu key) on the line that the keyboard is on, where a list has the focus for its lines.
 * `lineOf` gives that line for the element with the focus; undefined for those that have menus of their own.
 */
export function menuByKey(root: HTMLElement, lineOf: (focused: Element) => Element | null | undefined): void {
  root.addEventListener('contextmenu', (event) => {
    const { target, button } = event;
    const line = button === RIGHT_BUTTON || !(target instanceof Element) ? undefined : lineOf(target);
    if (line === undefined || line === null) return;
    event.preventDefault();
    event.stopPropagation();
    const { left, bottom } = line.getBoundingClientRect();
    line.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true, composed: true, button: RIGHT_BUTTON, clientX: left, clientY: bottom }));
  });
}
