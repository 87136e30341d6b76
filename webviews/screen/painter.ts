/**
 * The picture's dots: takes what has changed from the adapter, and puts it on the canvas.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';

type PictureAnswer = PanelRequests['shadowbox.picture']['answer'];

interface Dirty {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

async function inflated(base64: string): Promise<Uint8ClampedArray> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8ClampedArray(await new Response(stream).arrayBuffer());
}

export class Painter {
  private image: ImageData | undefined;
  private dirty: Dirty | undefined;

  /** Takes an answer in. Says whether there was anything new in it. */
  async take({ width, height, regions, pixels }: PictureAnswer): Promise<boolean> {
    if (regions === undefined || pixels === undefined) return false;
    const dots = await inflated(pixels);
    const isNew = this.image?.width !== width || this.image.height !== height;
    const image = isNew || this.image === undefined ? new ImageData(width, height) : this.image;
    this.image = image;
    if (isNew) this.dirty = { left: 0, top: 0, right: width, bottom: height };
    let at = 0;
    for (const region of regions) {
      const lineBytes = 4 * region.width;
      for (let line = 0; line < region.height; line++, at += lineBytes) {
        image.data.set(dots.subarray(at, at + lineBytes), 4 * ((region.y + line) * width + region.x));
      }
      this.soil(region);
    }
    return true;
  }

  private soil({ x, y, width, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }): void {
    const { dirty } = this;
    const right = x + width;
    const bottom = y + height;
    this.dirty = dirty === undefined ? { left: x, top: y, right, bottom } : {
      left: Math.min(dirty.left, x), top: Math.min(dirty.top, y), right: Math.max(dirty.right, right), bottom: Math.max(dirty.bottom, bottom),
    };
  }

  /** Paints what is new. A canvas that has been given another size is empty, and is painted whole. */
  paint(canvas: HTMLCanvasElement): void {
    const { image, dirty } = this;
    if (image === undefined || dirty === undefined || canvas.width !== image.width || canvas.height !== image.height) return;
    canvas.getContext('2d')?.putImageData(image, 0, 0, dirty.left, dirty.top, dirty.right - dirty.left, dirty.bottom - dirty.top);
    this.dirty = undefined;
  }
}

/** The canvas as a PNG file, in base64. */
export function pngOf(canvas: HTMLCanvasElement): string {
  return canvas.toDataURL('image/png').split(',')[1] ?? '';
}
