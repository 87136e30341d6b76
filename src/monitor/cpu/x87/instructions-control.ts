/**
 * Control instructions: environment, control and status word, initialisation, stack pointer, FFREE.
 * Source: Intel SDM volume 2.
 */

import {
  environmentBytes, fullStateBytes, loadControlWord, loadEnvironment, loadRegisters, storeEnvironment, storeRegisters,
} from './environment';
import type { EnvironmentFormat } from './environment';
import { ALL_EXCEPTIONS, StatusWord } from './layout';
import type { X87Handler, X87Request } from './types';

function formatOf(request: X87Request): EnvironmentFormat {
  return { wide: request.operandSize !== 16, protectedMode: request.protectedMode };
}

export const loadEnvironmentMemory: X87Handler = (fpu, port, request) => {
  const format = formatOf(request);
  if (!port.read(environmentBytes(format))) return 'fault';
  loadEnvironment(fpu, port.scratch, format);
  return 'done';
};

/** FNSTENV masks all exceptions afterwards. */
export const storeEnvironmentMemory: X87Handler = (fpu, port, request) => {
  const format = formatOf(request);
  storeEnvironment(fpu, port.scratch, format);
  if (!port.write(environmentBytes(format))) return 'fault';
  fpu.controlWord |= ALL_EXCEPTIONS;
  fpu.updateSummary();
  return 'done';
};

export const restoreState: X87Handler = (fpu, port, request) => {
  const format = formatOf(request);
  if (!port.read(fullStateBytes(format))) return 'fault';
  loadEnvironment(fpu, port.scratch, format);
  loadRegisters(fpu, port.scratch, format);
  return 'done';
};

/** FNSAVE initialises the FPU afterwards. */
export const saveState: X87Handler = (fpu, port, request) => {
  const format = formatOf(request);
  storeEnvironment(fpu, port.scratch, format);
  storeRegisters(fpu, port.scratch, format);
  if (!port.write(fullStateBytes(format))) return 'fault';
  fpu.initialise();
  return 'done';
};

export const loadControlWordMemory: X87Handler = (fpu, port) => {
  if (!port.read(2)) return 'fault';
  loadControlWord(fpu, port.scratch.getUint16(0, true));
  fpu.updateSummary();
  return 'done';
};

export const storeControlWord: X87Handler = (fpu, port) => {
  port.scratch.setUint16(0, fpu.controlWord, true);
  return port.write(2) ? 'done' : 'fault';
};

export const storeStatusWord: X87Handler = (fpu, port) => {
  port.scratch.setUint16(0, fpu.statusWord, true);
  return port.write(2) ? 'done' : 'fault';
};

export const storeStatusWordToAx: X87Handler = (fpu, port) => {
  port.setAx(fpu.statusWord);
  return 'done';
};

export const initialise: X87Handler = (fpu) => {
  fpu.initialise();
  return 'done';
};

/** FNCLEX. */
export const clearExceptions: X87Handler = (fpu) => {
  fpu.statusWord &= ~(ALL_EXCEPTIONS | StatusWord.stackFault | StatusWord.exceptionSummary | StatusWord.busy);
  return 'done';
};

/** FDECSTP (-1) and FINCSTP (1): moves TOP; no tag changes. */
export function moveTop(by: number): X87Handler {
  return (fpu) => {
    fpu.top = fpu.top + by;
    fpu.raise(0);
    return 'done';
  };
}

/** FFREE, and FFREEP which pops. */
export function freeRegister(pops: boolean): X87Handler {
  return (fpu, _port, request) => {
    fpu.free(request.modrm & 7);
    if (pops) fpu.pop();
    return 'done';
  };
}

/** FNOP, and FENI, FDISI and FSETPM, which do nothing since the 387. */
export const noOperation: X87Handler = () => 'done';
