/**
 * Keyboard and mouse that are the guest's: from a click or Enter on the screen until the release chord, or until the window loses the
 * focus. While they are, neither the page nor VS Code hears of them.
 */
import type { PanelPage } from '../ui/panelLoop';
import { allUp, keyDown, keyUp, NO_KEYS, type KeyMove, type KeyOutcome } from './keyboard';
import { AT_REST, moved, told, wheeled, type Motion } from './mouse';
import type { ScreenAct, ScreenState } from './state';

export class Capture {
  private keyboard = NO_KEYS;
  private motion: Motion = AT_REST;
  private buttons = 0;
  private telling = false;

  constructor(private readonly root: HTMLElement, private readonly page: PanelPage<ScreenState, ScreenAct>, private readonly press: (moves: readonly KeyMove[]) => void) {
    window.addEventListener('keydown', (event) => { this.onKeyDown(event); }, true);
    window.addEventListener('keyup', (event) => { this.onKeyUp(event); }, true);
    window.addEventListener('blur', () => { this.release(); });
    root.addEventListener('focusout', (event) => {
      if (this.isOn && this.isSurface(event.target)) this.release();
    });
    root.addEventListener('mousedown', (event) => { this.onMouseDown(event); });
    window.addEventListener('mousemove', (event) => { this.onMouseMove(event); });
    window.addEventListener('mouseup', (event) => { this.onMouseMove(event); });
    root.addEventListener('wheel', (event) => { this.onWheel(event); }, { passive: false });
    root.addEventListener('contextmenu', (event) => {
      if (this.isOn && this.isOver(event)) event.preventDefault();
    });
    document.addEventListener('pointerlockchange', () => { this.onLockChange(); });
    document.addEventListener('pointerlockerror', () => { this.refused(); });
  }

  private get isOn(): boolean {
    return this.page.state().captured;
  }

  private get surface(): HTMLElement | null {
    return this.root.querySelector<HTMLElement>('#surface');
  }

  private isSurface(target: EventTarget | null): boolean {
    return target !== null && target === this.surface;
  }

  private isOver({ target }: Event): boolean {
    return target instanceof Node && this.surface?.contains(target) === true;
  }

  private begin(withMouse: boolean): void {
    if (this.page.inquiries().session !== 'live') return;
    this.surface?.focus();
    this.page.act({ type: 'captured', captured: true });
    if (withMouse && this.page.state().choices.mouse) void this.lock();
  }

  private async lock(): Promise<void> {
    try {
      // Browsers that give no promise tell of a refusal by an event.
      await this.surface?.requestPointerLock();
    } catch {
      this.refused();
    }
  }

  private refused(): void {
    if (this.isOn) this.page.act({ type: 'pointer', pointer: 'over-screen' });
  }

  private onLockChange(): void {
    if (!this.isOn) return;
    if (document.pointerLockElement !== null) this.page.act({ type: 'pointer', pointer: 'locked' });
    // The browser's own way out (Escape, in some) is as good as ours.
    else if (this.page.state().pointer === 'locked') this.release();
  }

  /** Gives keyboard and mouse back: the guest sees all keys and buttons go up. */
  release(): void {
    if (!this.isOn) return;
    this.apply(allUp(this.keyboard));
    if (this.buttons !== 0) {
      this.motion = { ...AT_REST };
      this.tell();
    }
    this.page.act({ type: 'captured', captured: false });
    if (document.pointerLockElement !== null) document.exitPointerLock();
  }

  private apply({ keyboard, moves, releases }: KeyOutcome): void {
    this.keyboard = keyboard;
    if (moves.length > 0) this.press(moves);
    if (releases) this.release();
  }

  private onKeyDown(event: KeyboardEvent): void {
    if (!this.isOn) {
      if (event.code !== 'Enter' || !this.isSurface(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
      swallow(event);
      this.begin(false);
      return;
    }
    swallow(event);
    if (!event.repeat) this.apply(keyDown(this.keyboard, event.code, this.page.state().choices.chord));
  }

  private onKeyUp(event: KeyboardEvent): void {
    if (!this.isOn) return;
    swallow(event);
    this.apply(keyUp(this.keyboard, event.code));
  }

  private onMouseDown(event: MouseEvent): void {
    if (!this.isOver(event)) return;
    event.preventDefault();
    if (!this.isOn) this.begin(true);
    else this.onMouseMove(event);
  }

  private onMouseMove(event: MouseEvent): void {
    if (!this.isOn) return;
    const { pointer } = this.page.state();
    const counts = pointer === 'locked' || (pointer === 'over-screen' && (this.isOver(event) || this.buttons !== 0));
    if (!counts) return;
    this.motion = moved(this.motion, event.movementX, event.movementY, event.buttons);
    this.tellSoon();
  }

  private onWheel(event: WheelEvent): void {
    if (!this.isOn || this.page.state().pointer === 'free' || !this.isOver(event)) return;
    event.preventDefault();
    this.motion = wheeled(this.motion, event.deltaY, event.deltaMode);
    this.tellSoon();
  }

  /** A button is told at once, movements once a frame. */
  private tellSoon(): void {
    if (this.motion.buttons !== this.buttons) {
      this.tell();
      return;
    }
    if (this.telling) return;
    this.telling = true;
    requestAnimationFrame(() => {
      this.telling = false;
      this.tell();
    });
  }

  private tell(): void {
    const telling = told(this.motion, this.buttons);
    if (telling === undefined) return;
    this.motion = telling.rest;
    this.buttons = telling.motion.buttons;
    this.page.ask({ request: 'shadowbox.mouse', arguments: { ...telling.motion } });
  }
}

/** Neither the page nor VS Code, which listens at the window after us, is to hear of it. */
function swallow(event: Event): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}
