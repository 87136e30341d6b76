/** Takes a CPU profile of a stretch of this process (V8's sampling profiler, by Node's inspector), and says where the time went. */
import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Between two samples, in microseconds. */
const INTERVAL_US = 250;
const SHOWN = 15;

/** A function and its share of the samples, from 0 to 1, without what it called. */
export interface Hot {
  readonly name: string;
  readonly share: number;
}

/** A generated function has no other name than its number and its module's hash; one of ours has a file. */
function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode['callFrame']): string {
  const file = url.slice(url.lastIndexOf('/') + 1);
  return `${functionName === '' ? '(no name)' : functionName}${file === '' ? '' : ` ${file}${url.startsWith('wasm:') ? '' : `:${lineNumber + 1}`}`}`;
}

function hottest({ nodes, samples = [] }: Profiler.Profile): readonly Hot[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const counts = new Map<string, number>();
  for (const id of samples) {
    const name = names.get(id) ?? '(unknown)';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, SHOWN).map(([name, count]) => ({ name, share: count / samples.length }));
}

export class StretchProfiler {
  private readonly session = new Session();

  /** @param folder where the profiles are put */
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    this.session.connect();
    this.session.post('Profiler.enable');
    this.session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  }

  start(): void {
    this.session.post('Profiler.start');
  }

  /** Ends the stretch, and writes it to `name`.cpuprofile. A session in its own thread answers at once. */
  stop(name: string): readonly Hot[] {
    let hot: readonly Hot[] = [];
    this.session.post('Profiler.stop', (_error, { profile }) => {
      writeFileSync(path.join(this.folder, `${name}.cpuprofile`), JSON.stringify(profile));
      hot = hottest(profile);
    });
    return hot;
  }
}
