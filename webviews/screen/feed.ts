/**
 * Asks for the guest's picture and text when the machine has changed since they were last asked for, one question at a time: nothing
 * is asked while nothing changes, or while the panel is hidden (a hidden page is not drawn).
 */
import type { PanelRequests } from '../../debugger/panelProtocol';
import type { Inquiries } from '../ui/inquiries';
import type { PanelPage } from '../ui/panelLoop';
import type { Painter } from './painter';
import type { ScreenAct, ScreenState } from './state';

/** Text is for screen readers, which need longer to say it. */
const TEXT_INTERVAL_MS = 700;

export class Feed {
  private asking = false;
  private asked: { readonly session: string | undefined; readonly epoch: number } | undefined;
  private change: number | undefined;
  private textDue = false;
  private textTimer: number | undefined;

  constructor(private readonly page: PanelPage<ScreenState, ScreenAct>, private readonly painter: Painter) {}

  /** To be called when the page has been drawn. */
  look({ session, sessionId, epoch }: Inquiries): void {
    if (session !== 'live' || this.asking) return;
    if (this.asked?.session === sessionId && this.asked?.epoch === epoch) return;
    if (this.asked?.session !== sessionId) this.change = undefined;
    this.asked = { session: sessionId, epoch };
    this.asking = true;
    this.page.ask({ request: 'shadowbox.picture', arguments: this.change === undefined ? {} : { since: this.change } }, ({ body, error }) => {
      if (error === undefined) void this.take(body as PanelRequests['shadowbox.picture']['answer']);
      else this.finish();
    });
  }

  private async take(answer: PanelRequests['shadowbox.picture']['answer']): Promise<void> {
    try {
      const isNew = await this.painter.take(answer);
      this.change = answer.change;
      if (!isNew) return;
      const { width, height, aspect, change } = answer;
      this.page.act({ type: 'picture', picture: { width, height, aspect, change } });
      this.askTextSoon();
    } finally {
      this.finish();
    }
  }

  /** The machine may have changed while the answer was on its way. */
  private finish(): void {
    this.asking = false;
    this.look(this.page.inquiries());
  }

  private askTextSoon(): void {
    this.textDue = true;
    this.textTimer ??= window.setTimeout(() => {
      this.textTimer = undefined;
      if (!this.textDue) return;
      this.textDue = false;
      this.page.ask({ request: 'shadowbox.screen', arguments: {} }, ({ body, error }) => {
        if (error === undefined) this.page.act({ type: 'text', rows: (body as PanelRequests['shadowbox.screen']['answer']).text });
      });
    }, TEXT_INTERVAL_MS);
  }
}
