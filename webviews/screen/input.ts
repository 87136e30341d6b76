/**
 * The bar's controls and forms: what a person does there, as acts of the state and requests of the machine and of VS Code.
 */
import type { EditorRequests } from '../../src/extension/panels/messages';
import type { Question } from '../ui/inquiries';
import type { PanelPage } from '../ui/panelLoop';
import { Capture } from './capture';
import { combination, COMBINATIONS, type KeyMove } from './keyboard';
import { pngOf } from './painter';
import { choiceOf, type ScreenAct, type ScreenState } from './state';
import { Typist } from './typist';
import { t } from '../ui/words';

type Page = PanelPage<ScreenState, ScreenAct>;

export function listen(root: HTMLElement, page: Page): void {
  const failed = (error: string) => { page.act({ type: 'message', kind: 'error', text: error }); };
  const ask = (question: Question, done?: (body: unknown) => void) => {
    page.ask(question, ({ body, error }) => {
      if (error !== undefined) failed(error);
      else done?.(body);
    });
  };
  const press = (moves: readonly KeyMove[]) => {
    for (const { code, down } of moves) ask({ request: 'shadowbox.key', arguments: { code, down } });
  };
  const capture = new Capture(root, page, press);
  const typist = new Typist(
    press,
    (done, all) => { page.act({ type: 'typing', done, all }); },
    (message) => { page.act({ type: 'typed', message: page.inquiries().running ? message : t('{0} The guest stands; it gets them when it goes on.', message) }); },
  );
  const acts = actsOf(root, page, ask, press, typist);

  root.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-act]') : null;
    acts[button?.dataset.act ?? '']?.();
  });
  root.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement) choose(target.dataset.field, target.checked);
    else if (target instanceof HTMLSelectElement) choose(target.dataset.field, target.value);
  });
  root.addEventListener('input', ({ target }) => {
    if (target instanceof HTMLTextAreaElement) page.act({ type: 'form-text', text: target.value });
  });
  root.addEventListener('submit', (event) => {
    event.preventDefault();
    typist.type(page.state().form.text);
  });
  root.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    if (page.state().resetAsked) page.act({ type: 'ask-reset', asked: false });
    else if (page.state().form.open) page.act({ type: 'form', open: false });
    else return;
    event.preventDefault();
    root.querySelector<HTMLElement>('#surface')?.focus();
  });

  function choose(field: string | undefined, value: unknown): void {
    const choices = choiceOf(field ?? '', value);
    if (choices !== undefined) page.act({ type: 'choose', choices });
    if (field === 'mouse' || field === 'chord') capture.release();
  }
}

/** What the buttons do, by their names in the page. */
function actsOf(
  root: HTMLElement, page: Page, ask: (question: Question, done?: (body: unknown) => void) => void, press: (moves: readonly KeyMove[]) => void, typist: Typist,
): Readonly<Record<string, () => void>> {
  const done = (text: string) => { page.act({ type: 'message', kind: 'done', text }); };
  const serve = <Name extends keyof EditorRequests>(
    request: Name, args: EditorRequests[Name]['arguments'], then: (answer: EditorRequests[Name]['answer']) => void,
  ) => { ask({ request, arguments: args }, (body) => { then(body as EditorRequests[Name]['answer']); }); };
  return {
    send: () => {
      const { combination: name } = page.state().choices;
      press(combination(COMBINATIONS.find((candidate) => candidate.name === name)?.codes ?? []));
      done(t('Sent {0}.', name));
    },
    type: () => { page.act({ type: 'form', open: !page.state().form.open }); },
    'close-form': () => { page.act({ type: 'form', open: false }); },
    'stop-typing': () => { typist.stop(); },
    paste: () => {
      serve('editor.paste', {}, ({ text }) => { page.act({ type: 'form-text', text }); });
    },
    copy: () => {
      // As it is now, not as screen readers were last told.
      ask({ request: 'shadowbox.screen', arguments: {} }, (body) => {
        const rows = typeof body === 'object' && body !== null && 'text' in body && Array.isArray(body.text) ? body.text.map(String) : [];
        const text = rows.map((row) => row.trimEnd()).join('\n').trimEnd();
        serve('editor.copy', { text: `${text}\n` }, () => { done('Copied the screen\'s text.'); });
      });
    },
    save: () => {
      const canvas = root.querySelector<HTMLCanvasElement>('#canvas');
      if (canvas === null) return;
      serve('editor.saveFile', { name: 'screen.png', data: pngOf(canvas) }, ({ path }) => {
        if (path !== undefined) done(t('Saved the picture as {0}.', path));
      });
    },
    power: () => { ask({ request: 'shadowbox.button', arguments: { button: 'power' } }, () => { done('Pressed the power button.'); }); },
    reset: () => {
      page.act({ type: 'ask-reset', asked: true });
    },
    'reset-no': () => { page.act({ type: 'ask-reset', asked: false }); },
    'reset-yes': () => {
      page.act({ type: 'ask-reset', asked: false });
      ask({ request: 'shadowbox.button', arguments: { button: 'reset' } }, () => { done('Pressed the reset button.'); });
    },
  };
}
