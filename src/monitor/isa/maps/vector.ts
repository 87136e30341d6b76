/**
 * MMX and SSE in the map behind 0F (Intel SDM vol. 2, table A-3). Instructions that do the same under several
 * names (ANDPS, ANDPD, PAND) have one name here: `mova` and `movu` move 16 bytes, aligned and anywhere; `movlow`
 * and `movhigh` move to or from half a register; `movdto` and `movdfrom` go to and from general registers.
 */
import { byForm, byPrefix, byReg, slot, type OpcodeChoice, type OpcodeMap } from '../opcodeTable';

/** An MMX instruction that SSE2 repeats on XMM registers. */
export const mmxAndSse2 = (name: string, mmx = 'mmx'): OpcodeChoice => byPrefix(`${name} Pq,Qq ;${mmx}`, `${name} Vx,Wx ;sse2`);

/** Arithmetic on packed and scalar singles and doubles. */
const floats = (name: string): OpcodeChoice =>
  byPrefix(`${name}ps Vx,Wx ;sse`, `${name}pd Vx,Wx ;sse2`, `${name}ss Vd,Wd ;sse`, `${name}sd Vq,Wq ;sse2`);

/** A bitwise operation on packed singles and doubles. */
const bitwise = (name: string): OpcodeChoice => byPrefix(`${name} Vx,Wx ;sse`, `${name} Vx,Wx ;sse2`);

export function vectorTwoByte(map: OpcodeMap): void {
  moves(map);
  floatingPoint(map);
  integers(map);
  lateIntegers(map);
}

function moves(map: OpcodeMap): void {
  map.put(0x10, byPrefix('movu Vx,Wx ;sse', 'movu Vx,Wx ;sse2', 'movss Vd,Wd ;sse', 'movsd Vq,Wq ;sse2'));
  map.put(0x11, byPrefix('movu Wx,Vx ;sse', 'movu Wx,Vx ;sse2', 'movss Wd,Vd ;sse', 'movsd Wq,Vq ;sse2'));
  map.put(0x12, byPrefix(byForm('movlow Vq,Mq ;sse', 'movhlps Vx,Ux ;sse'), 'movlow Vq,Mq ;sse2', 'movsldup Vx,Wx ;sse3', 'movddup Vx,Wq ;sse3'));
  map.put(0x13, byPrefix('movlow Mq,Vq ;sse', 'movlow Mq,Vq ;sse2'));
  map.put(0x14, byPrefix('punpckldq Vx,Wx ;sse', 'punpcklqdq Vx,Wx ;sse2'), byPrefix('punpckhdq Vx,Wx ;sse', 'punpckhqdq Vx,Wx ;sse2'));
  map.put(0x16, byPrefix(byForm('movhigh Vx,Mq ;sse', 'movhigh Vx,Uq ;sse'), 'movhigh Vx,Mq ;sse2', 'movshdup Vx,Wx ;sse3'));
  map.put(0x17, byPrefix('movhighstore Mq,Vx ;sse', 'movhighstore Mq,Vx ;sse2'));
  map.put(0x28, byPrefix('mova Vx,Wx ;sse', 'mova Vx,Wx ;sse2'), byPrefix('mova Wx,Vx ;sse', 'mova Wx,Vx ;sse2'));
  map.put(0x2b, byPrefix('mova Mx,Vx ;sse', 'mova Mx,Vx ;sse2'));
  map.put(0x50, byPrefix('movmskps Gd,Ux ;sse', 'movmskpd Gd,Ux ;sse2'));
  map.put(0x6e, byPrefix('movdto Pd,Ey ;mmx', 'movdto Vd,Ey ;sse2'), byPrefix('movq Pq,Qq ;mmx', 'mova Vx,Wx ;sse2', 'movu Vx,Wx ;sse2'));
  map.put(0x7e, byPrefix('movdfrom Ey,Pd ;mmx', 'movdfrom Ey,Vd ;sse2', 'movq Vq,Wq ;sse2'), byPrefix('movq Qq,Pq ;mmx', 'mova Wx,Vx ;sse2', 'movu Wx,Vx ;sse2'));
  map.put(0xd6, byPrefix('', 'movq Wq,Vq ;sse2', 'movq Vx,Nq ;sse2', 'movq Pq,Uq ;sse2'), byPrefix('pmovmskb Gd,Nq ;sse', 'pmovmskb Gd,Ux ;sse2'));
  map.put(0xe7, byPrefix('movq Mq,Pq ;sse', 'mova Mx,Vx ;sse2')).put(0xf0, byPrefix('', '', '', 'movu Vx,Mx ;sse3'));
  map.put(0xf7, byPrefix('maskmov K,Pq,Nq ;sse', 'maskmov K,Vx,Ux ;sse2'));
}

function floatingPoint(map: OpcodeMap): void {
  map.put(0x2a, byPrefix('!cvtpi2ps Vx,Qq ;sse', '!cvtpi2pd Vx,Qq ;sse2', 'cvtsi2ss Vd,Ey ;sse', 'cvtsi2sd Vq,Ey ;sse2'));
  map.put(0x2c, byPrefix('!cvttps2pi Pq,Wq ;sse', '!cvttpd2pi Pq,Wx ;sse2', 'cvttss2si Gy,Wd ;sse', 'cvttsd2si Gy,Wq ;sse2'));
  map.put(0x2d, byPrefix('!cvtps2pi Pq,Wq ;sse', '!cvtpd2pi Pq,Wx ;sse2', 'cvtss2si Gy,Wd ;sse', 'cvtsd2si Gy,Wq ;sse2'));
  map.put(0x2e, byPrefix('ucomiss Vd,Wd ;sse', 'ucomisd Vq,Wq ;sse2'), byPrefix('comiss Vd,Wd ;sse', 'comisd Vq,Wq ;sse2'));
  map.put(0x51, floats('sqrt'), byPrefix('!rsqrtps Vx,Wx ;sse', '', '!rsqrtss Vd,Wd ;sse'), byPrefix('!rcpps Vx,Wx ;sse', '', '!rcpss Vd,Wd ;sse'));
  map.put(0x54, bitwise('pand'), bitwise('pandn'), bitwise('por'), bitwise('pxor'), floats('add'), floats('mul'));
  map.put(0x5a, byPrefix('cvtps2pd Vx,Wq ;sse2', 'cvtpd2ps Vx,Wx ;sse2', 'cvtss2sd Vq,Wd ;sse2', 'cvtsd2ss Vd,Wq ;sse2'));
  map.put(0x5b, byPrefix('cvtdq2ps Vx,Wx ;sse2', 'cvtps2dq Vx,Wx ;sse2', 'cvttps2dq Vx,Wx ;sse2'));
  map.put(0x5c, floats('sub'), floats('min'), floats('div'), floats('max'));
  map.put(0x7c, byPrefix('', 'haddpd Vx,Wx ;sse3', '', 'haddps Vx,Wx ;sse3'), byPrefix('', 'hsubpd Vx,Wx ;sse3', '', 'hsubps Vx,Wx ;sse3'));
  map.put(0xc2, byPrefix('cmpps Vx,Wx,Ib ;sse', 'cmppd Vx,Wx,Ib ;sse2', 'cmpss Vd,Wd,Ib ;sse', 'cmpsd Vq,Wq,Ib ;sse2'));
  map.put(0xd0, byPrefix('', 'addsubpd Vx,Wx ;sse3', '', 'addsubps Vx,Wx ;sse3'));
  map.put(0xe6, byPrefix('', 'cvttpd2dq Vx,Wx ;sse2', 'cvtdq2pd Vx,Wq ;sse2', 'cvtpd2dq Vx,Wx ;sse2'));
}

/** 60 to 76, and the shuffles. */
function integers(map: OpcodeMap): void {
  ['punpcklbw', 'punpcklwd', 'punpckldq'].forEach((name, i) => map.put(0x60 + i, byPrefix(`${name} Pq,Qd ;mmx`, `${name} Vx,Wx ;sse2`)));
  const names = ['packsswb', 'pcmpgtb', 'pcmpgtw', 'pcmpgtd', 'packuswb', 'punpckhbw', 'punpckhwd', 'punpckhdq', 'packssdw'];
  names.forEach((name, i) => map.put(0x63 + i, mmxAndSse2(name)));
  map.put(0x6c, byPrefix('', 'punpcklqdq Vx,Wx ;sse2'), byPrefix('', 'punpckhqdq Vx,Wx ;sse2'));
  map.put(0x70, byPrefix('pshufw Pq,Qq,Ib ;sse', 'pshufd Vx,Wx,Ib ;sse2', 'pshufhw Vx,Wx,Ib ;sse2', 'pshuflw Vx,Wx,Ib ;sse2'));
  map.put(0x71, shiftGroup('psrlw', 'psraw', 'psllw'), shiftGroup('psrld', 'psrad', 'pslld'), quadShiftGroup());
  map.put(0x74, mmxAndSse2('pcmpeqb'), mmxAndSse2('pcmpeqw'), mmxAndSse2('pcmpeqd'), byPrefix('emms ;mmx'));
  map.put(0xc4, byPrefix('pinsrw Pq,Ed,Ib ;sse', 'pinsrw Vx,Ed,Ib ;sse2'), byPrefix('pextrw Gd,Nq,Ib ;sse', 'pextrw Gd,Ux,Ib ;sse2'));
  map.put(0xc6, byPrefix('shufps Vx,Wx,Ib ;sse', 'shufpd Vx,Wx,Ib ;sse2'));
}

/** An immediate shift of either register file. */
const shift = (name: string): OpcodeChoice => byPrefix(`${name}i Nq,Ib ;mmx`, `${name}i Ux,Ib ;sse2`);

function shiftGroup(right: string, arithmetic: string, left: string): OpcodeChoice {
  return byReg('', '', shift(right), '', shift(arithmetic), '', shift(left));
}

function quadShiftGroup(): OpcodeChoice {
  return byReg('', '', shift('psrlq'), byPrefix('', 'psrldq Ux,Ib ;sse2'), '', '', shift('psllq'), byPrefix('', 'pslldq Ux,Ib ;sse2'));
}

/** D1 to FE: rows of MMX instructions, some of which came with SSE. */
function lateIntegers(map: OpcodeMap): void {
  const rows: readonly (readonly [first: number, names: readonly string[]])[] = [
    [0xd1, ['psrlw', 'psrld', 'psrlq', 'paddq', 'pmullw']],
    [0xd8, ['psubusb', 'psubusw', 'pminub', 'pand', 'paddusb', 'paddusw', 'pmaxub', 'pandn']],
    [0xe0, ['pavgb', 'psraw', 'psrad', 'pavgw', 'pmulhuw', 'pmulhw']],
    [0xe8, ['psubsb', 'psubsw', 'pminsw', 'por', 'paddsb', 'paddsw', 'pmaxsw', 'pxor']],
    [0xf1, ['psllw', 'pslld', 'psllq', 'pmuludq', 'pmaddwd', 'psadbw']],
    [0xf8, ['psubb', 'psubw', 'psubd', 'psubq', 'paddb', 'paddw', 'paddd']],
  ];
  const withSse = new Set(['pminub', 'pmaxub', 'pavgb', 'pavgw', 'pmulhuw', 'pminsw', 'pmaxsw', 'psadbw']);
  const withSse2 = new Set(['paddq', 'pmuludq', 'psubq']);
  const mmx = (name: string): string => (withSse.has(name) ? 'sse' : withSse2.has(name) ? 'sse2' : 'mmx');
  for (const [first, names] of rows) map.put(first, ...names.map((name) => slot(mmxAndSse2(name, mmx(name)))));
}
