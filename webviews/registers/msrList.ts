/**
 * The list of model-specific registers has rows of one height, of which only those in view are on the page.
 */
import { rowWindow, type RowWindow } from '../ui/virtualList';

/** Height of a row in CSS pixels: main.css has it, too. */
export const MSR_ROW = 24;

export function msrWindow(viewport: { readonly top: number; readonly height: number }, rows: number): RowWindow {
  return rowWindow(viewport, Array.from({ length: rows + 1 }, (_, i) => i * MSR_ROW));
}
