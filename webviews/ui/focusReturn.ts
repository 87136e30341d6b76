/**
 * The keyboard comes back to where it was: VS Code gives it to a webview's page as a whole, after a stop has opened a source for example.
 */

/** Remembers what on the page had the focus last, and gives it back when the page gets it and nothing on it has. */
export function returnFocus(): void {
  let last: Element | undefined;
  document.addEventListener('focusin', ({ target }) => { if (target instanceof Element) last = target; });
  window.addEventListener('focus', () => {
    const isLost = document.activeElement === null || document.activeElement === document.body;
    if (isLost && last?.isConnected === true && (last instanceof HTMLElement || last instanceof SVGElement)) last.focus({ preventScroll: true });
  });
}
