/**
 * Images of pages outside of machine memory, 4 KiB each: what pages held at the moments of snapshots. They lie in slabs, so that
 * thousands of them cost the host's garbage collector nothing.
 */
import { PAGE_BYTES } from '../memory/layout';

/** Pages of a slab: a MiB. */
const SLAB_PAGES = 256;

/** The image of a page of zeros, which takes no room. */
export const ZEROS = -1;

export class PageImages {
  private readonly slabs: Uint8Array[] = [];
  private readonly freeImages: number[] = [];
  private next = 0;

  /** Images that are kept now. */
  get count(): number {
    return this.next - this.freeImages.length;
  }

  /** Keeps a copy of a page's bytes. Gives the image's number. */
  keep(bytes: Uint8Array): number {
    const image = this.freeImages.pop() ?? this.next++;
    const slab = Math.floor(image / SLAB_PAGES);
    (this.slabs[slab] ??= new Uint8Array(SLAB_PAGES * PAGE_BYTES)).set(bytes, (image % SLAB_PAGES) * PAGE_BYTES);
    return image;
  }

  /** The bytes of an image that is no page of zeros. */
  bytes(image: number): Uint8Array {
    const start = (image % SLAB_PAGES) * PAGE_BYTES;
    const slab = this.slabs[Math.floor(image / SLAB_PAGES)];
    if (!slab) throw new Error(`There is no image ${image}`);
    return slab.subarray(start, start + PAGE_BYTES);
  }

  free(image: number): void {
    if (image !== ZEROS) this.freeImages.push(image);
    if (this.count > 0) return;
    this.slabs.length = this.freeImages.length = this.next = 0;
  }
}
