/**
 * The panel *Screen*: puts the state, the picture's dots and the page together.
 */
import { startPanel } from '../ui/panelLoop';
import { Feed } from './feed';
import { listen } from './input';
import { Painter } from './painter';
import { begin, keep, reduce, type ScreenAct, type ScreenState } from './state';
import { view } from './view';

const painter = new Painter();
let feed: Feed | undefined;

startPanel<ScreenState, ScreenAct>({
  begin, keep, reduce, view,
  event: (event) => (event === 'session' ? { type: 'session' } : undefined),
  questions: () => [],
  listen: (root, page) => {
    feed = new Feed(page, painter);
    listen(root, page);
    const measure = () => {
      const room = root.querySelector('.room');
      if (room === null) return;
      const { paddingLeft, paddingTop } = getComputedStyle(room);
      // Twice the padding, and the frame around the screen.
      const [across, down] = [2 * parseFloat(paddingLeft) + 6, 2 * parseFloat(paddingTop) + 6];
      const size = { width: Math.max(1, room.clientWidth - across), height: Math.max(1, room.clientHeight - down) };
      const before = page.state();
      if (size.width === before.room.width && size.height === before.room.height && before.density === window.devicePixelRatio) return;
      page.act({ type: 'room', room: size, density: window.devicePixelRatio });
    };
    // The room comes with the first picture, and changes with the bar and the form above it.
    const watch = new ResizeObserver(measure);
    new MutationObserver(() => {
      const room = root.querySelector('.room');
      if (room !== null) watch.observe(room);
    }).observe(root, { childList: true });
    window.addEventListener('resize', measure);
  },
  drawn: (root, _state, inquiries) => {
    const canvas = root.querySelector<HTMLCanvasElement>('#canvas');
    if (canvas !== null) painter.paint(canvas);
    feed?.look(inquiries);
  },
});
