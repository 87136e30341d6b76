/** Which handlers make a pair when their instructions follow one another: it is asked for each two of all code that is decoded. */
import { TABLE_HANDLERS } from './writtenModules';

/** Handlers that begin pairs, and such as end them, at most, with one to spare for those that do not. */
const MOST = 128;

export class PairTable {
  /** A row for each handler that begins pairs and a column for each that ends some, by their entries; 0 for all others. */
  private readonly rows = new Uint8Array(TABLE_HANDLERS);
  private readonly columns = new Uint8Array(TABLE_HANDLERS);
  private readonly pairs = new Uint16Array(MOST * MOST);
  private rowsUsed = 0;
  private columnsUsed = 0;

  /** Two entries make a pair, which has an entry of its own. */
  add(first: number, second: number, pair: number): void {
    const row = (this.rows[first] ||= ++this.rowsUsed);
    const column = (this.columns[second] ||= ++this.columnsUsed);
    if (row >= MOST || column >= MOST || pair >= TABLE_HANDLERS) throw new Error(`No room for the pair of handlers ${first} and ${second}`);
    this.pairs[row * MOST + column] = pair;
  }

  /** Entry for what two entries do one after the other; 0 when there is none. */
  of(first: number, second: number): number {
    return this.pairs[(this.rows[first] ?? 0) * MOST + (this.columns[second] ?? 0)] ?? 0;
  }
}
