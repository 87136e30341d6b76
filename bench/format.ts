/** Writes a report down: the table and the ratios for the terminal, and the whole as Markdown. */
import { goalOf, goalTimes, isMeasured, medianCpuSeconds, medianMips, medianSeconds, ratios, worstOthersCores } from './report';
import type { EngineReport, MeasuredEngine, Report } from './report';

/** When others keep this many processors busy, the figures may not be believed. */
const BUSY_CORES = 0.2;

function number(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits);
}

/** A table in Markdown that can be read as it is, too: numbers to the right, the first column to the left. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

/** Lowest and highest of an engine's times to the goal. */
function spread(engine: MeasuredEngine, goal: string): string {
  const seconds = engine.runs.map((run) => run.seconds[goal]);
  return `${number(Math.min(...seconds), 2)}–${number(Math.max(...seconds), 2)}`;
}

/** An engine a line; columns that nobody has anything to put in are left out. */
export function resultTable(report: Report): string {
  const goal = goalOf(report);
  const tcg = goalTimes(report).find(({ engine }) => engine.name === 'qemu');
  const measured = report.engines.filter(isMeasured);
  const columns: { readonly title: string; readonly cell: (engine: MeasuredEngine) => string }[] = [
    ...report.markers.map((marker) => ({ title: `${marker.title}, s`, cell: (engine: MeasuredEngine) => number(medianSeconds(engine, marker), 2) })),
    ...(measured.some(({ runs }) => runs.length > 1) ? [{ title: 'lowest–highest, s', cell: (engine: MeasuredEngine) => spread(engine, goal.name) }] : []),
    { title: 'processor, s', cell: (engine) => number(medianCpuSeconds(engine), 2) },
    { title: 'TCG = 1', cell: (engine) => number(tcg && (medianSeconds(engine, goal) ?? Number.NaN) / tcg.seconds, 2) },
    { title: 'MIPS', cell: (engine) => number(medianMips(engine), 0) },
  ];
  const used = columns.filter(({ cell }) => measured.some((engine) => cell(engine) !== ''));
  return table([['engine', ...used.map(({ title }) => title)], ...measured.map((engine) => [engine.title, ...used.map(({ cell }) => cell(engine))])]);
}

/** The ratios, in a line or two; a sentence that says why there are none. */
export function ratioLines(report: Report): string {
  const found = ratios(report);
  if (found === undefined) return 'No ratio: fewer than two engines were measured.';
  const { base, times, ourSpeed } = found;
  const line = `${Object.keys(times).join(' : ')} = ${Object.values(times).map((time) => number(time, 2)).join(' : ')}  (time to '${goalOf(report).title}', ${base} = 1)`;
  const speeds = Object.entries(ourSpeed).map(([peer, speed]) => `${number(speed, 2)} × ${peer}`);
  return speeds.length === 0 ? line : `${line}\nOur speed: ${speeds.join(', ')}`;
}

/** A line for each engine that has no figures, and why. */
function absences(engines: readonly EngineReport[]): readonly string[] {
  return engines.flatMap((engine) => (engine.state === 'measured' ? [] : [`${engine.title}: ${engine.state}: ${engine.reason}`]));
}

/** What makes the figures less than they seem; empty on a quiet machine. */
function warnings({ engines, environment: { cores } }: Report): readonly string[] {
  const busy = engines.filter(isMeasured).flatMap((engine) => {
    const others = worstOthersCores(engine);
    return others === undefined || others < BUSY_CORES ? [] : [`${number(others, 1)} during ${engine.title}`];
  });
  return busy.length === 0 ? [] : [`The machine was not ours alone: of its ${cores} processors others used ${busy.join(', ')}. Do not quote these ratios: run it again on a quiet machine.`];
}

function runsText(report: Report): string {
  const runs = Math.max(0, ...report.engines.filter(isMeasured).map((engine) => engine.runs.length));
  return runs > 1 ? `median of ${runs} runs` : 'one run';
}

/** What the terminal shows at the end. */
export function summary(report: Report): string {
  const measured = report.engines.some(isMeasured);
  return [
    `${report.workload.title}, ${runsText(report)}`,
    ...(measured ? [resultTable(report)] : []),
    ratioLines(report),
    [...absences(report.engines), ...warnings(report)].join('\n'),
  ].filter((part) => part !== '').join('\n\n');
}

/** The report as a Markdown page. */
export function markdown(report: Report): string {
  const { environment: machine, workload: { title, guest } } = report;
  const commands = report.engines.flatMap((engine) => (engine.state === 'left out' ? [] : [
    `- **${engine.title}** ${engine.version}: ${engine.settings.join('; ')}\n\n      ${engine.command}`,
  ]));
  return `${[
    `# ${title}`,
    `${report.date}, ${runsText(report)}. Seconds run from the start of the engine's process, its own start-up included.`,
    ...(report.engines.some(isMeasured) ? [resultTable(report)] : []),
    ratioLines(report).split('\n').map((line) => `**${line}**`).join('\n\n'),
    [...absences(report.engines), ...warnings(report)].map((line) => `- ${line}`).join('\n'),
    '## Machine',
    [
      `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB`,
      `- ${machine.system}; Node ${machine.node}`,
      `- load average before the first run: ${number(machine.load, 2)}`,
    ].join('\n'),
    '## Guest',
    `\`${guest.kernel}\` and \`${guest.initrd}\`, ${guest.memoryMiB} MiB, command line \`${guest.cmdline}\``,
    ...(commands.length === 0 ? [] : ['## Engines and commands', commands.join('\n')]),
  ].filter((part) => part !== '').join('\n\n')}\n`;
}
