/** Which handlers make a pair when their instructions follow one another: the routine that asks for each two of all code that is decoded (./formRoutines) finds it in memory. */
import { PAIR_COLUMNS, PAIR_ENTRIES, PAIR_HANDLERS, PAIR_KINDS, PAIR_ROWS } from '../memory/layout';

export class PairTable {
  /** A row for each handler that begins pairs and a column for each that ends some, by their entries; 0 for all others. */
  private readonly rows: Uint8Array;
  private readonly columns: Uint8Array;
  private readonly pairs: Uint16Array;
  private rowsUsed = 0;
  private columnsUsed = 0;

  /** @param memory the machine's */
  constructor(memory: ArrayBuffer | SharedArrayBuffer) {
    this.rows = new Uint8Array(memory, PAIR_ROWS, PAIR_HANDLERS);
    this.columns = new Uint8Array(memory, PAIR_COLUMNS, PAIR_HANDLERS);
    this.pairs = new Uint16Array(memory, PAIR_ENTRIES, PAIR_KINDS * PAIR_KINDS);
  }

  /** Two entries make a pair, which has an entry of its own. */
  add(first: number, second: number, pair: number): void {
    const row = (this.rows[first] ||= ++this.rowsUsed);
    const column = (this.columns[second] ||= ++this.columnsUsed);
    if (row >= PAIR_KINDS || column >= PAIR_KINDS || Math.max(first, second, pair) >= PAIR_HANDLERS) throw new Error(`No room for the pair of handlers ${first} and ${second}`);
    this.pairs[row * PAIR_KINDS + column] = pair;
  }
}
