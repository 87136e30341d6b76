/**
 * The panel's few icons, drawn on a 16 x 16 grid in the text's colour.
 */
import { h, type ElementDescription } from '../ui/description';

const PATHS = {
  closed: 'M6 4l4 4-4 4',
  open: 'M4 6l4 4 4-4',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  shared: 'M8 2.5v4M8 6.5L3.5 11M8 6.5l4.5 4.5M3.5 11v2.5M12.5 11v2.5M8 6.5v7',
  close: 'M4 4l8 8M12 4l-8 8',
  previous: 'M10 3.5L5.5 8l4.5 4.5',
  next: 'M6 3.5L10.5 8 6 12.5',
  plus: 'M8 3.5v9M3.5 8h9',
  minus: 'M3.5 8h9',
  all: 'M2.5 5V2.5H5M11 2.5h2.5V5M13.5 11v2.5H11M5 13.5H2.5V11',
  arrow: 'M2 8h11M9.5 4.5L13 8l-3.5 3.5',
  down: 'M8 2v11M4.5 9.5L8 13l3.5-3.5',
} as const;

export type IconName = keyof typeof PATHS;

/** An icon that says nothing by itself: its meaning is to stand in text or in a label beside it. */
export function icon(name: IconName, className = 'icon'): ElementDescription {
  return h('svg', { class: className, viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true', focusable: 'false' },
    h('path', { d: PATHS[name], fill: 'none', stroke: 'currentColor', 'stroke-width': 1.4, 'stroke-linejoin': 'round', 'stroke-linecap': 'round' }));
}
