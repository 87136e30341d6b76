/** What the process that runs stress-ng (machine.ts) is started with, as JSON. */
export interface StressOrder {
  /** The machine's configuration, as in launch.json. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What is typed at the guest's shell, again whenever it is done. */
  readonly command: string;
  readonly minutes: number;
  /** Whether the guest's serial line is shown on stderr. */
  readonly serial: boolean;
}
