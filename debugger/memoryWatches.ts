/**
 * Memory that people watch from where they see it: panels, memory, the view *Machines*. A client's list of data breakpoints is its own, and
 * is replaced as a whole; these stand beside it, and can be disabled, enabled and removed one by one.
 */
import { formatReference } from './addresses';
import { MOST_BYTES, type DataBreakpoint, type DataBreakpoints } from './dataBreakpoints';
import type { MemoryWatch, PanelCommand, PanelRequests } from './panelProtocol';
import { userError } from './ports';
import type { RequestArguments } from './requestArguments';

type WatchCommand = Extract<PanelCommand, 'shadowbox.watchWrites' | 'shadowbox.watches' | 'shadowbox.changeWatch'>;
export type WatchHandlers = { readonly [Command in WatchCommand]: (args: RequestArguments) => Promise<PanelRequests[Command]['answer']> };

interface Watch {
  readonly breakpoint: DataBreakpoint;
  readonly view: MemoryWatch;
}

export class MemoryWatches {
  private list: readonly Watch[] = [];

  constructor(
    private readonly breakpoints: DataBreakpoints,
    /** Called with all of them whenever something of them has changed. */
    private readonly changed: (watches: readonly MemoryWatch[]) => void,
  ) {}

  handlers(): WatchHandlers {
    return {
      'shadowbox.watchWrites': async (args) => ({ watch: await this.add(args) }),
      'shadowbox.watches': async () => ({ watches: this.views }),
      'shadowbox.changeWatch': async (args) => {
        await this.change(args.integer('id'), args.string('kind'));
        return {};
      },
    };
  }

  private get views(): readonly MemoryWatch[] {
    return this.list.map(({ view }) => view);
  }

  /** What is watched already, in the same way, is not watched twice: it is enabled. */
  private async add(args: RequestArguments): Promise<MemoryWatch> {
    const access = args.choice('access', ['write', 'read', 'readWrite']);
    const data = await this.breakpoints.dataOf(args.string('expression'), args.optionalInteger('frameId'), args.optionalInteger('bytes', 1, MOST_BYTES));
    const memoryReference = formatReference(data.place);
    const enabled = args.optionalBoolean('enabled') ?? true;
    const same = this.list.find(({ view }) => view.memoryReference === memoryReference && view.bytes === data.bytes && view.access === access);
    const breakpoint = same?.breakpoint ?? this.breakpoints.on(data, access);
    const view = { id: breakpoint.id, name: data.name, memoryReference, bytes: data.bytes, access, enabled };
    await this.set(same ? this.list.map((each) => (each === same ? { ...each, view } : each)) : [...this.list, { breakpoint, view }]);
    return view;
  }

  private async change(id: number, kind: string): Promise<void> {
    if (!this.list.some(({ view }) => view.id === id)) throw userError(`shadowbox.changeWatch: no memory is watched under the number ${id}; shadowbox.watches lists what is.`);
    if (kind !== 'enable' && kind !== 'disable' && kind !== 'remove') {
      throw userError(`shadowbox.changeWatch: there is no '${kind}'; there are 'enable', 'disable' and 'remove'.`);
    }
    await this.set(this.list.flatMap((watch): Watch[] => {
      if (watch.view.id !== id) return [watch];
      return kind === 'remove' ? [] : [{ ...watch, view: { ...watch.view, enabled: kind === 'enable' } }];
    }));
  }

  private async set(list: readonly Watch[]): Promise<void> {
    this.list = list;
    await this.breakpoints.beside(list.filter(({ view }) => view.enabled).map(({ breakpoint }) => breakpoint));
    this.changed(this.views);
  }
}
