/** Writes a report down: the table for the terminal, and the whole as Markdown. */
import { MEMORY_GOAL, NOT_REACHED, brokenSessions, isAgreed, isMeasured, median, memoryFigures, missedGoals, rowsOf, rowsOfSecondTime, speedAgainst, worstOthersCores } from './report';
import type { MeasuredEngine, Report, Row } from './report';
import type { EngineName } from './peers/peer';

/** When others keep this many processors busy, the figures may not be believed. */
const BUSY_CORES = 0.2;
/** Those whom our speed is compared with, as columns. */
const COMPARED: readonly EngineName[] = ['tcg', 'v86', 'interpreter'];
/** Parts whose count is a rate that issue 4 asks for. */
const RATES: Readonly<Record<string, string>> = { 'syscalls': 'system calls', 'interrupts': 'interrupts' };

function number(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits);
}

/** Seconds with three significant digits, from a millisecond on. */
function seconds(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(value < 10 ? 3 : 1);
}

/** A table in Markdown that can be read as it is, too: numbers to the right, the first column to the left. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

interface Column {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

/** What is to be said about a row beyond its numbers. */
function verdict(row: Row): string {
  const failed = Object.entries(row.failures).map(([engine, reason]) => `${engine} ${reason === NOT_REACHED ? reason : 'failed'}`);
  const missed = missedGoals(row).map((peer) => `short of ${peer}`);
  return [...failed, ...(isAgreed(row) ? [] : ['CHECKSUMS DIFFER']), ...missed].join(', ');
}

function columnsFor(engine: MeasuredEngine, many: boolean): readonly Column[] {
  const { name, title } = engine;
  const time = { title: `${title}, s`, cell: ({ cells }: Row) => seconds(cells[name]?.seconds) };
  const spread = ({ cells }: Row): string => (cells[name] === undefined ? '' : `${seconds(cells[name].lowest)}–${seconds(cells[name].highest)}`);
  return many ? [time, { title: 'from–to', cell: spread }] : [time];
}

/** How often the most diligent engine has run a session. */
function mostRuns({ engines }: Report): number {
  return Math.max(0, ...engines.filter(isMeasured).flatMap(({ sessions }) => sessions.map(({ runs }) => runs.length)));
}

/** A piece of work a line; columns that nobody has anything to put in are left out. */
export function resultTable(report: Report, rows = rowsOf(report)): string {
  const measured = report.engines.filter(isMeasured);
  const columns: readonly Column[] = [
    ...measured.flatMap((engine) => columnsFor(engine, mostRuns(report) > 1)),
    ...COMPARED.flatMap((peer) => [
      { title: `× ${peer}`, cell: (row: Row) => number(speedAgainst(row, peer), 2) },
      { title: '(to reach)', cell: (row: Row) => (speedAgainst(row, peer) === undefined ? '' : number(row.goals[peer], 1)) },
    ]),
    { title: 'remarks', cell: verdict },
  ];
  const used = columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  return table([['work', ...used.map(({ title }) => title)], ...rows.map((row) => [row.title, ...used.map(({ cell }) => cell(row))])]);
}

/** The same by processor time of all threads, for a machine that others use, too; undefined where the system does not tell it. */
export function processorTable(report: Report): string | undefined {
  const rows = rowsOf(report).filter(({ cells }) => Object.values(cells).some(({ cpuSeconds }) => cpuSeconds !== undefined));
  if (rows.length === 0) return undefined;
  const columns: readonly Column[] = [
    ...report.engines.filter(isMeasured).map(({ name, title }) => ({ title: `${title}, processor s`, cell: ({ cells }: Row) => seconds(cells[name]?.cpuSeconds) })),
    ...COMPARED.map((peer) => ({ title: `× ${peer}`, cell: (row: Row) => number(speedAgainst(row, peer, 'cpuSeconds'), 2) })),
  ].filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  return table([['work', ...columns.map(({ title }) => title)], ...rows.map((row) => [row.title, ...columns.map(({ cell }) => cell(row))])]);
}

/** Events a second on each engine, for the parts that are about them. */
export function rateLines(report: Report): readonly string[] {
  const measured = report.engines.filter(isMeasured);
  return rowsOf(report).filter(({ name }) => name in RATES).map((row) => {
    const rates = measured.flatMap(({ name, title }) => {
      const cell = row.cells[name];
      return cell === undefined ? [] : [`${title} ${(cell.count / cell.seconds / 1000).toFixed(0)} thousand`];
    });
    return `${RATES[row.name]} a second: ${rates.join(', ')}`;
  });
}

/** What engines say of their speed, a line for each session. */
function speedLines({ engines }: Report): readonly string[] {
  return engines.filter(isMeasured).flatMap(({ title: name, sessions }) => sessions.flatMap(({ session, figures }) => {
    if (figures.length === 0) return [];
    const millions = median(figures.map(({ retiredInstructions }) => retiredInstructions)) / 1e6;
    return [`${name}, ${session}: ${millions.toFixed(0)} million instructions, ${median(figures.map(({ mips }) => mips)).toFixed(0)} million a second`];
  }));
}

/** What a guest at its shell costs the host, and whether that is within the goal. */
function memoryLine(report: Report): readonly string[] {
  const figures = memoryFigures(report);
  if (figures === undefined) return [];
  const { peak, touched } = figures;
  const beyond = peak - touched;
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  return [`our process at the shell of a guest with 256 MiB: ${megabytes(peak)} at its peak, ${megabytes(touched)} of them touched by the guest, so ${megabytes(beyond)} beyond that (to reach: ${megabytes(MEMORY_GOAL)}${beyond > MEMORY_GOAL ? '; not reached' : ''})`];
}

/** What was done the first time and the second. */
const everyRow = (report: Report): readonly Row[] => [...rowsOf(report), ...rowsOfSecondTime(report)];

/** What is missing, and why. */
function absences(report: Report): readonly string[] {
  const leftOut = report.engines.flatMap((engine) => (engine.state === 'left out' ? [`${engine.title}: left out: ${engine.reason}`] : []));
  const broken = brokenSessions(report).map(({ engine, session, failure }) => `${engine}, ${session}: ${failure}`);
  const failed = everyRow(report).flatMap((row) =>
    Object.entries(row.failures).flatMap(([engine, reason]) => (reason === NOT_REACHED ? [] : [`${row.title} on ${engine}: ${reason}`])));
  return [...leftOut, ...broken, ...failed];
}

/** What each engine computed where they do not agree: somebody is wrong. */
function disagreements(report: Report): readonly string[] {
  return everyRow(report).filter((row) => !isAgreed(row)).map(({ title, cells }) =>
    `${title}: checksums differ: ${Object.entries(cells).map(([engine, { checksum }]) => `${engine} ${checksum}`).join(', ')}`);
}

/** What makes the figures less than they seem; empty on a quiet machine. */
function warnings({ engines, environment: { cores } }: Report): readonly string[] {
  const busy = engines.filter(isMeasured).flatMap((engine) => {
    const others = worstOthersCores(engine);
    return others === undefined || others < BUSY_CORES ? [] : [`${number(others, 1)} during ${engine.title}`];
  });
  return busy.length === 0 ? [] : [`The machine was not ours alone: of its ${cores} processors others used up to ${busy.join(', ')}. Do not quote these ratios: run it again on a quiet machine.`];
}

function isBusy(report: Report): boolean {
  return warnings(report).length > 0;
}

/** How many of the goals that could be judged are reached. */
function tally(rows: readonly Row[]): string {
  const peers: readonly EngineName[] = ['tcg', 'v86'];
  const judged = rows.flatMap((row) => peers.filter((peer) => row.goals[peer] !== undefined && speedAgainst(row, peer) !== undefined));
  if (judged.length === 0) return '';
  const missed = rows.flatMap(missedGoals).length;
  return `${judged.length - missed} of ${judged.length} goals reached. × tcg, × v86: how many times as fast as that engine ours is.`;
}

function title({ architecture, suite }: Report): string {
  return `Benchmark, ${architecture}, ${suite}`;
}

function runsText(report: Report): string {
  const runs = mostRuns(report);
  return runs > 1 ? `medians of ${runs} runs` : 'one run';
}

function notes(report: Report): readonly string[] {
  return [...rateLines(report), ...speedLines(report), ...memoryLine(report), ...disagreements(report), ...absences(report), ...warnings(report)];
}

/** What a second time in the same guest was like, with its heading; nothing when there was none. */
function secondTime(report: Report): readonly string[] {
  const rows = rowsOfSecondTime(report);
  return rows.length > 0 && report.engines.some(isMeasured) ? ['## The parts a second time, in the same guest', resultTable(report, rows), tally(rows)] : [];
}

/** What the terminal shows at the end. */
export function summary(report: Report): string {
  return [
    `${title(report)}, ${runsText(report)}`,
    ...(rowsOf(report).length > 0 && report.engines.some(isMeasured) ? [resultTable(report)] : []),
    tally(rowsOf(report)),
    ...secondTime(report),
    ...(isBusy(report) ? [processorTable(report) ?? ''] : []),
    notes(report).join('\n'),
  ].filter((part) => part !== '').join('\n\n');
}

/** The report as a Markdown page. */
export function markdown(report: Report): string {
  const { environment: machine } = report;
  const processor = processorTable(report);
  const commands = report.engines.filter(isMeasured).map((engine) => [
    `- **${engine.title}** ${engine.version}: ${engine.settings.join('; ')}`,
    ...engine.sessions.map(({ command }) => `      ${command}`),
  ].join('\n\n'));
  return `${[
    `# ${title(report)}`,
    `${report.date}, ${runsText(report)}: \`${report.command}\`. Seconds by the host's clock; a boot runs from the start of the engine's process, its own start-up included.`,
    ...(rowsOf(report).length > 0 && report.engines.some(isMeasured) ? [resultTable(report)] : []),
    tally(rowsOf(report)),
    notes(report).map((line) => `- ${line}`).join('\n'),
    ...secondTime(report),
    ...(processor === undefined ? [] : ['## By processor time, all threads of each engine together', processor]),
    '## Machine',
    [
      `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB`,
      `- ${machine.system}; Node ${machine.node}`,
      `- load average before the first run: ${number(machine.load, 2)}`,
    ].join('\n'),
    '## Guests',
    report.sessions.map(({ title: name, guest }) => `- ${name}: \`${guest.kernel}\` and \`${guest.initrd}\`, ${guest.memoryMiB} MiB, command line \`${guest.cmdline}\``).join('\n'),
    ...(commands.length === 0 ? [] : ['## Engines and commands', commands.join('\n')]),
  ].filter((part) => part !== '').join('\n\n')}\n`;
}
