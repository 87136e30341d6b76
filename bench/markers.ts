/** Finds a workload's markers in serial output as it comes. */
import type { Marker } from './workloads/workload';

/** How much of the output a marker is looked for in, in characters: far more than the longest of them. */
const WINDOW = 4096;

/** Takes pieces of serial output, and tells which markers each of them has completed. */
export class MarkerWatcher {
  private readonly decoder = new TextDecoder();
  private pending: readonly { readonly marker: Marker; readonly pattern: RegExp }[];
  private seen = '';

  constructor(markers: readonly Marker[]) {
    this.pending = markers.map((marker) => ({ marker, pattern: new RegExp(marker.pattern, 'm') }));
  }

  /** @returns the markers that were not complete before these bytes, each once in the watcher's life */
  take(bytes: Uint8Array): readonly Marker[] {
    const piece = this.decoder.decode(bytes, { stream: true }).replaceAll('\r', '');
    const text = this.seen + piece;
    const found = this.pending.filter(({ pattern }) => pattern.test(text)).map(({ marker }) => marker);
    this.pending = this.pending.filter(({ marker }) => !found.includes(marker));
    this.seen = text.slice(-WINDOW);
    return found;
  }

  /** The last lines of the output, for saying where a run came to a stop. */
  lastLines(count: number): string {
    return this.seen.trimEnd().split('\n').slice(-count).join('\n');
  }
}
