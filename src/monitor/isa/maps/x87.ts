/**
 * The escape opcodes D8 to DF (Intel SDM vol. 2, appendix A.5), with the aliases that processors carry out although the
 * manual reserves them. What is left to `!x87` is a service, which also knows what is undefined. Names say the types of
 * memory operands, which have nothing to do with the operand size.
 */
import { byForm, byReg, byRm, type OpcodeChoice, type SlotText } from '../opcodeTable';

const ARITHMETIC = ['add', 'mul', 'com', 'comp', 'sub', 'subr', 'div', 'divr'];
const CONDITIONS = ['b', 'e', 'be', 'u'];

const SERVICE = '!x87';

/** Entries of names, of which '' is what the service does. */
const memory = (...names: readonly string[]): OpcodeChoice => byReg(...names.map((name) => `${name === '' ? SERVICE : name} M ;fpu`));
const entry = (name: string): string => `${name === '' ? SERVICE : name} ;fpu`;
const registers = (...rows: readonly SlotText[]): OpcodeChoice => byReg(...rows.map((row) => (typeof row === 'string' ? entry(row) : row)));
/** A row of instructions without an operand. */
const singles = (...names: readonly string[]): OpcodeChoice => byRm(...Array.from({ length: 8 }, (_, i) => entry(names[i] ?? '')));

/** Arithmetic with a memory operand of a type. */
const arithmeticMemory = (type: string): OpcodeChoice => memory(...ARITHMETIC.map((name) => `f${name}_${type}`));

/** Arithmetic with the result in ST(i). Comparisons have none; subtractions and divisions have changed their places. */
const toRegister = (suffix: string, compare: readonly SlotText[]): OpcodeChoice =>
  registers(`fadd_${suffix}`, `fmul_${suffix}`, ...compare, `fsubr_${suffix}`, `fsub_${suffix}`, `fdivr_${suffix}`, `fdiv_${suffix}`);

/** The eight opcodes from D8 on. */
export function escapeOpcodes(): readonly SlotText[] {
  return [
    byForm(arithmeticMemory('m32'), registers(...ARITHMETIC.map((name) => `f${name}_top`))),
    byForm(
      memory('fld_m32', '', 'fst_m32', 'fstp_m32', 'fldenv', 'fldcw', 'fnstenv', 'fnstcw'),
      registers(
        'fld_st', 'fxch', '', 'fstp_st', singles('fchs', 'fabs', '', '', 'ftst', 'fxam'), singles('fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'),
        singles('', '', '', '', '', '', 'fdecstp', 'fincstp'), singles('', '', 'fsqrt', '', 'frndint'),
      ),
    ),
    byForm(arithmeticMemory('i32'), registers(...CONDITIONS.map((c) => `fcmov${c}`), '', singles('', 'fucompp'), '', '')),
    byForm(
      memory('fild_m32', 'fisttp_m32', 'fist_m32', 'fistp_m32', '', 'fld_m80', '', 'fstp_m80'),
      registers(...CONDITIONS.map((c) => `fcmovn${c}`), singles('', '', 'fnclex', 'fninit'), 'fucomi', 'fcomi', ''),
    ),
    byForm(arithmeticMemory('m64'), toRegister('to', ['fcom_top', 'fcomp_top'])),
    byForm(
      memory('fld_m64', 'fisttp_m64', 'fst_m64', 'fstp_m64', 'frstor', '', 'fnsave', 'fnstsw_m16'),
      registers('ffree', 'fxch', 'fst_st', 'fstp_st', 'fucom', 'fucomp', '', ''),
    ),
    byForm(arithmeticMemory('i16'), toRegister('pop', ['fcomp_top', singles('', 'fcompp')])),
    byForm(
      memory('fild_m16', 'fisttp_m16', 'fist_m16', 'fistp_m16', '', 'fild_m64', '', 'fistp_m64'),
      registers('ffreep', 'fxch', 'fstp_st', 'fstp_st', singles('fnstsw_ax'), 'fucomip', 'fcomip', ''),
    ),
  ];
}
