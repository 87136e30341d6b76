/** Takes the documentation's pictures of VS Code's window, or of a part of it, into docs/images. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Frame, Locator, Page } from 'playwright-core';
import { root } from '../../../scripts/lib/paths.mjs';
import { panelFrame, runCommand, screenshot, waitUntil } from '../harness/workbench';
import { withPalette } from './png';
import { hideBeside } from './window';
import { LARGEST_PICTURE, PICTURES, type PictureName, type Scene } from './list';

const FOLDER = path.join(root, 'docs', 'images');
/** Beyond the window: the pointer hovers over nothing. */
const NOWHERE = { x: 0, y: 0 };
const MAXIMISE = 'View: Toggle Maximize Editor Group';

interface Size {
  readonly width: number;
  readonly height: number;
}

export class Camera {
  private readonly taken = new Set<PictureName>();
  private failures = 0;

  constructor(private readonly page: Page, private readonly scene: Scene) {
    mkdirSync(FOLDER, { recursive: true });
  }

  /** Does a part of the scene; what goes wrong in it keeps no other part from being done. */
  async step(part: () => Promise<void>): Promise<void> {
    const size = this.page.viewportSize();
    try {
      await part();
    } catch (error) {
      console.error(`  ${error instanceof Error ? error.message : String(error)}\n  the window then: ${await screenshot(this.page, `pictures-${this.scene}-${++this.failures}`)}`);
      await this.page.keyboard.press('Escape');
      if (size !== null) await this.page.setViewportSize(size);
    }
  }

  /** The whole window, at its own size or at another. */
  async window(name: PictureName, size?: Size): Promise<void> {
    await this.inSize(size, () => this.take(name, {}));
  }

  /** The smallest rectangle that has all these parts of a window of this size in it. */
  async parts(name: PictureName, size: Size, ...parts: readonly Locator[]): Promise<void> {
    await this.inSize(size, async () => {
      const boxes = await Promise.all(parts.map(boxOf));
      const [x, y] = [Math.min(...boxes.map((box) => box.x)), Math.min(...boxes.map((box) => box.y))];
      const [right, bottom] = [Math.max(...boxes.map((box) => box.x + box.width)), Math.max(...boxes.map((box) => box.y + box.height))];
      await this.take(name, { clip: { x, y, width: right - x, height: bottom - y } });
    });
  }

  /** A panel with its tab, alone in a window of this size. */
  async panel(name: PictureName, title: string, size: Size, prepare: (panel: Frame) => Promise<void>): Promise<void> {
    const { page } = this;
    // A panel that was just shown is in front, and the debug toolbar may lie over its tab.
    if (await page.locator('.tab.active').filter({ hasText: title }).count() === 0) await page.locator('.tab').filter({ hasText: title }).first().click();
    await hideBeside(page, async () => {
      const maximises = await page.locator('.editor-group-container').count() > 1;
      if (maximises) await runCommand(page, MAXIMISE);
      try {
        await this.inSize(size, async () => {
          const frame = await panelFrame(page, title);
          await prepare(frame);
          await settled(frame);
          await this.take(name, { clip: await boxOf(page.locator('.editor-group-container').filter({ has: page.locator('.tab.active').filter({ hasText: title }) })) });
        });
      } finally {
        if (maximises) await runCommand(page, MAXIMISE);
      }
    });
  }

  private async inSize(size: Size | undefined, shoot: () => Promise<void>): Promise<void> {
    const before = this.page.viewportSize();
    if (size !== undefined) await this.page.setViewportSize(size);
    try {
      await shoot();
    } finally {
      if (before !== null) await this.page.setViewportSize(before);
    }
  }

  private async take(name: PictureName, options: { readonly clip?: { x: number; y: number; width: number; height: number } }): Promise<void> {
    await this.page.mouse.move(NOWHERE.x, NOWHERE.y);
    await this.page.locator('.workbench-hover:visible').waitFor({ state: 'detached' });
    const file = withPalette(await this.page.screenshot({ caret: 'hide', animations: 'disabled', ...options }));
    console.log(`  docs/images/${name}.png: ${Math.round(file.length / 1024)} KiB`);
    if (file.length > LARGEST_PICTURE) throw new Error(`picture ${name} has ${file.length} bytes, more than ${LARGEST_PICTURE}: show less in it`);
    writeFileSync(path.join(FOLDER, `${name}.png`), file);
    this.taken.add(name);
  }

  /** @throws Error when the scene has not made all the pictures that the list says it makes */
  finish(): void {
    const missing = PICTURES[this.scene].filter((name) => !this.taken.has(name));
    if (missing.length > 0) throw new Error(`scene ${this.scene} has not made ${missing.join(', ')}`);
  }
}

/** Waits until a panel's page has stayed the same from one look to the next: its answers have come. */
async function settled(frame: Frame): Promise<void> {
  let before: string | undefined;
  await waitUntil('the panel to come to rest', () => frame.locator('#root').innerHTML(), (now) => {
    const same = now === before;
    before = now;
    return same;
  });
}

async function boxOf(part: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  await part.waitFor();
  const box = await part.boundingBox();
  if (box === null) throw new Error('a part of the picture is not in the window');
  return box;
}
