// The words of the status bar's item, from what a look at the machine has found.
import * as vscode from 'vscode';
import type { PanelRequests } from '../../debugger/panelProtocol';

type CpuMode = PanelRequests['shadowbox.cpu']['answer']['mode'];

/** What is seen of a machine at one moment. */
export interface Look {
  /** Milliseconds of the editor's clock. */
  readonly at: number;
  readonly mode: CpuMode;
  readonly cpl: number;
  readonly running: boolean;
  /** Instructions retired at this moment, and at the latest that the run has reached. */
  readonly retired: number;
  readonly furthest: number;
}

const modeWords = (mode: CpuMode): string => ({
  real: vscode.l10n.t('real mode'), v8086: vscode.l10n.t('virtual-8086'), 'protected-16': vscode.l10n.t('16-bit'), 'protected-32': vscode.l10n.t('32-bit'),
  compatibility: vscode.l10n.t('compatibility'), 'long-64': vscode.l10n.t('64-bit'),
})[mode];

/** The guest's speed between two looks; undefined where it went back, or no time has passed. */
export function retiredPerSecond(before: Look, after: Look): number | undefined {
  const seconds = (after.at - before.at) / 1000;
  return seconds <= 0 || after.retired < before.retired ? undefined : (after.retired - before.retired) / seconds;
}

/** Millions a second, with as many digits as say something. */
function mips(perSecond: number): string {
  const millions = perSecond / 1e6;
  return `${millions >= 10 ? Math.round(millions) : millions.toFixed(1)} MIPS`;
}

const grouped = (n: number) => n.toLocaleString('en').replaceAll(',', '\u202f');

/**
 * The item's text, and what it says to the mouse and to screen readers.
 * @param perSecond instructions that the guest retires in a second, if that is known
 * @param stop why it stands, in the debugger's words
 */
export function statusText(name: string, look: Look, perSecond: number | undefined, stop: string | undefined): { readonly text: string; readonly tooltip: string } {
  const behind = look.furthest - look.retired;
  const doing = look.running
    ? perSecond === undefined ? vscode.l10n.t('running') : mips(perSecond)
    : stop === undefined ? vscode.l10n.t('stopped') : vscode.l10n.t('stopped: {0}', stop);
  const parts = [modeWords(look.mode), `CPL ${look.cpl}`, doing, ...behind > 0 ? [`$(history) −${grouped(behind)}`] : []];
  const tooltip = [
    `${name}: ${modeWords(look.mode)}, CPL ${look.cpl}, ${look.running ? vscode.l10n.t('running') : vscode.l10n.t('stopped')}${look.running || stop === undefined ? '' : `: ${stop}`}`,
    vscode.l10n.t('{0} instructions retired', grouped(look.retired)),
    ...behind > 0 ? [vscode.l10n.t('{0} instructions before the latest moment of this run', grouped(behind))] : [],
    vscode.l10n.t('Click to show a panel'),
  ].join('\n');
  return { text: `$(${look.running ? 'vm-running' : 'debug-pause'}) ${parts.join(' · ')}`, tooltip };
}
