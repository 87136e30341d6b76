/**
 * The opcode maps behind a VEX prefix (Intel SDM vol. 2, tables ). An instruction that SSE has as well has its
 * name of the other maps, with a `v` in front, and its meaning.
 */
import { OpcodeMap, byForm, byLength, byMode, byPrefix, byReg, byWidth, type OpcodeChoice, type OpcodeSlot, type SlotText } from '../opcodeTable';

const THREE = 'Vx,Hx,Wx';

const only66 = (text: SlotText): OpcodeChoice => byPrefix('', text);
/** Vectors of 128 bits only, or of 256 bits only. */
const short = (text: SlotText): OpcodeChoice => byLength(text, '');
const long = (text: SlotText): OpcodeChoice => byLength('', text);
/** VEX.W must be clear. */
const w0 = (text: SlotText): OpcodeChoice => byWidth(text, '');

/** Packed integers: AVX has them in 128 bits, AVX2 in 256. */
const integers = (name: string, operands = THREE): OpcodeChoice => byLength(`v${name} ${operands} ;avx`, `v${name} ${operands} ;avx2`);
const integersWith66 = (name: string, operands = THREE): OpcodeChoice => only66(integers(name, operands));

const both = (text: string): OpcodeChoice => byPrefix(`${text} ;avx`, `${text} ;avx`);
const floats = (name: string): OpcodeChoice =>
  byPrefix(`v${name}ps ${THREE} ;avx`, `v${name}pd ${THREE} ;avx`, `v${name}ss Vd,Hx,Wd ;avx lig`, `v${name}sd Vq,Hx,Wq ;avx lig`);

export function vexMap0F(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  moves(map);
  floatingPoint(map);
  packedIntegers(map);
  return map.slots;
}

function moves(map: OpcodeMap): void {
  const scalarLoad = (name: string, bits: string): OpcodeChoice => byForm(`${name} V${bits},M${bits} ;avx lig`, `${name} Vx,Hx,Ux ;avx lig`);
  const scalarStore = (name: string, bits: string): OpcodeChoice => byForm(`${name} M${bits},V${bits} ;avx lig`, `${name} Ux,Hx,Vx ;avx lig`);
  map.put(0x10, byPrefix('vmovu Vx,Wx ;avx', 'vmovu Vx,Wx ;avx', scalarLoad('vmovss', 'd'), scalarLoad('vmovsd', 'q')));
  map.put(0x11, byPrefix('vmovu Wx,Vx ;avx', 'vmovu Wx,Vx ;avx', scalarStore('vmovss', 'd'), scalarStore('vmovsd', 'q')));
  const low = short('vmovlow Vx,Hx,Mq ;avx'), high = short('vmovhigh Vx,Hx,Mq ;avx');
  map.put(0x12, byPrefix(byForm(low, short('vmovhlps Vx,Hx,Ux ;avx')), low, 'vmovsldup Vx,Wx ;avx', 'vmovddup Vx,Wx ;avx'));
  map.put(0x13, byPrefix(short('vmovlow Mq,Vq ;avx'), short('vmovlow Mq,Vq ;avx')));
  map.put(0x14, byPrefix(`vpunpckldq ${THREE} ;avx`, `vpunpcklqdq ${THREE} ;avx`), byPrefix(`vpunpckhdq ${THREE} ;avx`, `vpunpckhqdq ${THREE} ;avx`));
  map.put(0x16, byPrefix(byForm(high, short('vmovhigh Vx,Hx,Ux ;avx')), high, 'vmovshdup Vx,Wx ;avx'));
  map.put(0x17, byPrefix(short('vmovhighstore Mq,Vx ;avx'), short('vmovhighstore Mq,Vx ;avx')));
  map.put(0x28, both('vmova Vx,Wx'), both('vmova Wx,Vx')).put(0x2b, both('vmova Mx,Vx'));
  map.put(0x50, byPrefix('vmovmskps Gd,Ux ;avx', 'vmovmskpd Gd,Ux ;avx'));
  map.put(0x6e, only66(short('vmovdto Vd,Ey ;avx')), byPrefix('', 'vmova Vx,Wx ;avx', 'vmovu Vx,Wx ;avx'));
  map.put(0x7e, byPrefix('', short('vmovdfrom Ey,Vd ;avx'), short('vmovq Vq,Wq ;avx')), byPrefix('', 'vmova Wx,Vx ;avx', 'vmovu Wx,Vx ;avx'));
  map.put(0xd6, only66(short('vmovq Wq,Vq ;avx')), integersWith66('pmovmskb', 'Gd,Ux'));
  map.put(0xe7, only66('vmova Mx,Vx ;avx')).put(0xf0, byPrefix('', '', '', 'vmovu Vx,Mx ;avx')).put(0xf7, only66(short('vmaskmov K,Vx,Ux ;avx')));
  map.put(0x77, byPrefix(byLength(byMode('vzeroupper ;avx', 'vzeroupper64 ;avx'), byMode('vzeroall ;avx', 'vzeroall64 ;avx'))));
  map.put(0xae, byPrefix(short(byForm(byReg('', '', '!vldmxcsr Md ;avx', '!vstmxcsr Md ;avx'), ''))));
}

function floatingPoint(map: OpcodeMap): void {
  map.put(0x2a, byPrefix('', '', 'vcvtsi2ss Vd,Hx,Ey ;avx lig', 'vcvtsi2sd Vq,Hx,Ey ;avx lig'));
  map.put(0x2c, byPrefix('', '', 'vcvttss2si Gy,Wd ;avx lig', 'vcvttsd2si Gy,Wq ;avx lig'), byPrefix('', '', 'vcvtss2si Gy,Wd ;avx lig', 'vcvtsd2si Gy,Wq ;avx lig'));
  map.put(0x2e, byPrefix('vucomiss Vd,Wd ;avx lig', 'vucomisd Vq,Wq ;avx lig'), byPrefix('vcomiss Vd,Wd ;avx lig', 'vcomisd Vq,Wq ;avx lig'));
  map.put(0x51, byPrefix('vsqrtps Vx,Wx ;avx', 'vsqrtpd Vx,Wx ;avx', 'vsqrtss Vd,Hx,Wd ;avx lig', 'vsqrtsd Vq,Hx,Wq ;avx lig'));
  map.put(0x52, byPrefix('!vrsqrtps Vx,Wx ;avx', '', '!vrsqrtss Vd,Hx,Wd ;avx lig'), byPrefix('!vrcpps Vx,Wx ;avx', '', '!vrcpss Vd,Hx,Wd ;avx lig'));
  map.put(0x54, both(`vpand ${THREE}`), both(`vpandn ${THREE}`), both(`vpor ${THREE}`), both(`vpxor ${THREE}`), floats('add'), floats('mul'));
  map.put(0x5a, byPrefix(crossing('vcvtps2pd Vx,Wq'), crossing('vcvtpd2ps Vx,Wx'), 'vcvtss2sd Vq,Hx,Wd ;avx lig', 'vcvtsd2ss Vd,Hx,Wq ;avx lig'));
  map.put(0x5b, byPrefix('vcvtdq2ps Vx,Wx ;avx', 'vcvtps2dq Vx,Wx ;avx', 'vcvttps2dq Vx,Wx ;avx'));
  map.put(0x5c, floats('sub'), floats('min'), floats('div'), floats('max'));
  map.put(0x7c, byPrefix('', `vhaddpd ${THREE} ;avx`, '', `vhaddps ${THREE} ;avx`), byPrefix('', `vhsubpd ${THREE} ;avx`, '', `vhsubps ${THREE} ;avx`));
  map.put(0xc2, byPrefix(`vcmpps ${THREE},Ib ;avx`, `vcmppd ${THREE},Ib ;avx`, 'vcmpss Vd,Hx,Wd,Ib ;avx lig', 'vcmpsd Vq,Hx,Wq,Ib ;avx lig'));
  map.put(0xc6, byPrefix(`vshufps ${THREE},Ib ;avx`, `vshufpd ${THREE},Ib ;avx`));
  map.put(0xd0, byPrefix('', `vaddsubpd ${THREE} ;avx`, '', `vaddsubps ${THREE} ;avx`));
  map.put(0xe6, byPrefix('', crossing('vcvttpd2dq Vx,Wx'), crossing('vcvtdq2pd Vx,Wq'), crossing('vcvtpd2dq Vx,Wx')));
}

/** Conversions that change the width of lanes: with 256 bits they cross the halves, and a service does them. */
const crossing = (text: string): OpcodeChoice => byLength(`${text} ;avx`, `!${text} ;avx`);

function packedIntegers(map: OpcodeMap): void {
  const rows: readonly (readonly [first: number, names: readonly string[]])[] = [
    [0x60, ['punpcklbw', 'punpcklwd', 'punpckldq', 'packsswb', 'pcmpgtb', 'pcmpgtw', 'pcmpgtd', 'packuswb']],
    [0x68, ['punpckhbw', 'punpckhwd', 'punpckhdq', 'packssdw', 'punpcklqdq', 'punpckhqdq']],
    [0x74, ['pcmpeqb', 'pcmpeqw', 'pcmpeqd']],
    [0xd1, ['psrlw', 'psrld', 'psrlq', 'paddq', 'pmullw']],
    [0xd8, ['psubusb', 'psubusw', 'pminub', 'pand', 'paddusb', 'paddusw', 'pmaxub', 'pandn']],
    [0xe0, ['pavgb', 'psraw', 'psrad', 'pavgw', 'pmulhuw', 'pmulhw']],
    [0xe8, ['psubsb', 'psubsw', 'pminsw', 'por', 'paddsb', 'paddsw', 'pmaxsw', 'pxor']],
    [0xf1, ['psllw', 'pslld', 'psllq', 'pmuludq', 'pmaddwd', 'psadbw']],
    [0xf8, ['psubb', 'psubw', 'psubd', 'psubq', 'paddb', 'paddw', 'paddd']],
  ];
  for (const [first, names] of rows) map.put(first, ...names.map((name) => integersWith66(name)));
  const shuffle = (name: string): OpcodeChoice => integers(name, 'Vx,Wx,Ib');
  map.put(0x70, byPrefix('', shuffle('pshufd'), shuffle('pshufhw'), shuffle('pshuflw')));
  const shift = (name: string): OpcodeChoice => integersWith66(name, 'Hx,Ux,Ib');
  map.put(0x71, byReg('', '', shift('psrlwi'), '', shift('psrawi'), '', shift('psllwi')), byReg('', '', shift('psrldi'), '', shift('psradi'), '', shift('pslldi')));
  map.put(0x73, byReg('', '', shift('psrlqi'), shift('psrldq'), '', '', shift('psllqi'), shift('pslldq')));
  map.put(0xc4, only66(short('vpinsrw Vx,Hx,Ed,Ib ;avx')), only66(short('vpextrw Gd,Ux,Ib ;avx')));
}

export function vexMap0F38(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  const ssse3 = ['pshufb', 'phaddw', 'phaddd', 'phaddsw', 'pmaddubsw', 'phsubw', 'phsubd', 'phsubsw', 'psignb', 'psignw', 'psignd', 'pmulhrsw'];
  map.put(0x00, ...ssse3.map((name) => integersWith66(name)));
  map.put(0x0c, ...[`vpermilps ${THREE}`, `vpermilpd ${THREE}`, 'vtestps Vx,Wx', 'vtestpd Vx,Wx'].map((text) => only66(w0(`${text} ;avx`))));
  map.put(0x13, only66(w0('!vcvtph2ps Vx,Wq ;f16c'))).put(0x16, only66(long(w0(`vpermd ${THREE} ;avx2`))), only66('vptest Vx,Wx ;avx'));
  map.put(0x1c, ...['pabsb', 'pabsw', 'pabsd'].map((name) => integersWith66(name, 'Vx,Wx')));
  const widenings = ['bw Vx,Wq', 'bd Vx,Wd', 'bq Vx,Ww', 'wd Vx,Wq', 'wq Vx,Wd', 'dq Vx,Wq'];
  const widening = (name: string, text: string): OpcodeChoice => only66(byLength(`${name}${text} ;avx`, `${name}${text} ;avx2`));
  map.put(0x20, ...widenings.map((text) => widening('vpmovsx', text))).put(0x30, ...widenings.map((text) => widening('vpmovzx', text)));
  map.put(0x28, integersWith66('pmuldq'), integersWith66('pcmpeqq'), integersWith66('mova', 'Vx,Mx'), integersWith66('packusdw'));
  map.put(0x36, only66(long(w0(`vpermd ${THREE} ;avx2`))), integersWith66('pcmpgtq'));
  map.put(0x38, ...['pminsb', 'pminsd', 'pminuw', 'pminud', 'pmaxsb', 'pmaxsd', 'pmaxuw', 'pmaxud', 'pmulld'].map((name) => integersWith66(name)));
  map.put(0x41, only66(short('vphminposuw Vx,Wx ;avx')));
  map.put(0x45, byWidthWith66('vpsrlv'), only66(w0(`vpsravd ${THREE} ;avx2`)), byWidthWith66('vpsllv'));
  map.put(0xdb, only66(short('!vaesimc Vx,Wx ;aes')), ...['aesenc', 'aesenclast', 'aesdec', 'aesdeclast'].map((name) => only66(short(`!v${name} ${THREE} ;aes`))));
  broadcastsAndMasks(map);
  fused(map);
  bitManipulation(map);
  return map.slots;
}

/** Doublewords, or with VEX.W quadwords. */
const byWidthWith66 = (name: string, operands = THREE): OpcodeChoice => only66(byWidth(`${name}d ${operands} ;avx2`, `${name}q ${operands} ;avx2`));

function broadcastsAndMasks(map: OpcodeMap): void {
  const broadcast = (name: string, bits: string): OpcodeChoice => w0(byForm(`${name} Vx,W${bits} ;avx`, `${name} Vx,W${bits} ;avx2`));
  map.put(0x18, only66(broadcast('vbroadcastd', 'd')), only66(long(broadcast('vbroadcastq', 'q'))), only66(long(w0('vbroadcast128 Vx,Mx ;avx'))));
  map.put(0x2c, ...['d Vx,Hx,Mx', 'q Vx,Hx,Mx', 'd Mx,Hx,Vx', 'q Mx,Hx,Vx'].map((text) => only66(w0(`${text.endsWith('Mx') ? 'vmaskload' : 'vmaskstore'}${text} ;avx`))));
  map.put(0x58, only66(w0('vbroadcastd Vx,Wd ;avx2')), only66(w0('vbroadcastq Vx,Wq ;avx2')), only66(long(w0('vbroadcast128 Vx,Mx ;avx2'))));
  map.put(0x78, only66(w0('vbroadcastb Vx,Wb ;avx2')), only66(w0('vbroadcastw Vx,Ww ;avx2')));
  map.put(0x8c, byWidthWith66('vmaskload', 'Vx,Hx,Mx')).put(0x8e, byWidthWith66('vmaskstore', 'Mx,Hx,Vx'));
  const gathers = [['!vpgatherdd', '!vpgatherdq'], ['!vpgatherqd', '!vpgatherqq'], ['!vgatherdps', '!vgatherdpd'], ['!vgatherqps', '!vgatherqpd']];
  map.put(0x90, ...gathers.map(([narrow, wide]) => only66(byWidth(`${narrow} Vx,Y,Hx ;avx2`, `${wide} Vx,Y,Hx ;avx2`))));
}

/** FMA3: rows 96, A6 and B6 by the order of operands. */
function fused(map: OpcodeMap): void {
  const vectors = (name: string): OpcodeChoice => only66(byWidth(`!${name}ps ${THREE} ;fma`, `!${name}pd ${THREE} ;fma`));
  const scalars = (name: string): OpcodeChoice => only66(byWidth(`!${name}ss Vd,Hx,Wd ;fma lig`, `!${name}sd Vq,Hx,Wq ;fma lig`));
  const rows: readonly (readonly [number, string])[] = [[0x90, '132'], [0xa0, '213'], [0xb0, '231']];
  for (const [row, order] of rows) {
    map.put(row + 6, vectors(`vfmaddsub${order}`), vectors(`vfmsubadd${order}`));
    ['vfmadd', 'vfmsub', 'vfnmadd', 'vfnmsub'].forEach((name, i) => map.put(row + 8 + 2 * i, vectors(name + order), scalars(name + order)));
  }
}

/** BMI1 and BMI2: general registers. */
function bitManipulation(map: OpcodeMap): void {
  map.put(0xf2, byPrefix(short('andn Gy,By,Ey ;bmi1')), byPrefix(short(byReg('', 'blsr By,Ey ;bmi1', 'blsmsk By,Ey ;bmi1', 'blsi By,Ey ;bmi1'))));
  map.put(0xf5, byPrefix(short('bzhi Gy,Ey,By ;bmi2'), '', short('pext Gy,By,Ey ;bmi2'), short('pdep Gy,By,Ey ;bmi2')));
  map.put(0xf6, byPrefix('', '', '', short('mulx Gy,By,Ey ;bmi2')));
  map.put(0xf7, byPrefix(short('bextr Gy,Ey,By ;bmi1'), short('shlx Gy,Ey,By ;bmi2'), short('sarx Gy,Ey,By ;bmi2'), short('shrx Gy,Ey,By ;bmi2')));
}

export function vexMap0F3A(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  const quadwords = only66(long(byWidth('', 'vpermq Vx,Wx,Ib ;avx2')));
  map.put(0x00, quadwords, quadwords, only66(w0(`vblendps ${THREE},Ib ;avx2`)));
  map.put(0x04, only66(w0('vpshufd Vx,Wx,Ib ;avx')), only66(w0('vpermilpdi Vx,Wx,Ib ;avx')), only66(long(w0(`vperm2f128 ${THREE},Ib ;avx`))));
  map.put(0x08, only66('vroundps Vx,Wx,Ib ;avx'), only66('vroundpd Vx,Wx,Ib ;avx'), only66('vroundss Vd,Hx,Wd,Ib ;avx lig'), only66('vroundsd Vq,Hx,Wq,Ib ;avx lig'));
  map.put(0x0c, only66(`vblendps ${THREE},Ib ;avx`), only66(`vblendpd ${THREE},Ib ;avx`), integersWith66('pblendw', `${THREE},Ib`), integersWith66('palignr', `${THREE},Ib`));
  map.put(0x14, ...['vpextrb Ed', 'vpextrw Ed', 'vpextrd Ey', 'vpextrd Ed'].map((text) => only66(short(`${text},Vx,Ib ;avx`))));
  const insert = 'vinsertf128 Vx,Hx,Wx,Ib', extract = 'vextractf128 Wx,Vx,Ib';
  map.put(0x18, only66(long(w0(`${insert} ;avx`))), only66(long(w0(`${extract} ;avx`)))).put(0x1d, only66(w0('!vcvtps2ph Wx,Vx,Ib ;f16c')));
  map.put(0x20, ...['vpinsrb Vx,Hx,Ed', 'vinsertps Vx,Hx,Wd', 'vpinsrd Vx,Hx,Ey'].map((text) => only66(short(`${text},Ib ;avx`))));
  map.put(0x38, only66(long(w0(`${insert} ;avx2`))), only66(long(w0(`${extract} ;avx2`))));
  map.put(0x40, only66(`!vdpps ${THREE},Ib ;avx`), only66(short(`!vdppd ${THREE},Ib ;avx`)), integersWith66('mpsadbw', `${THREE},Ib`));
  map.put(0x44, only66(short(`!vpclmulqdq ${THREE},Ib ;pclmul`))).put(0x46, only66(long(w0(`vperm2f128 ${THREE},Ib ;avx2`))));
  map.put(0x4a, only66(w0(`vblendvps ${THREE},Lx ;avx`)), only66(w0(`vblendvpd ${THREE},Lx ;avx`)), only66(w0(integers('pblendvb', `${THREE},Lx`))));
  map.put(0x60, ...['!vpcmpestrm', '!vpcmpestri', '!vpcmpistrm', 'vpcmpistri'].map((name) => only66(short(`${name} Vx,Wx,Ib ;avx`))));
  map.put(0xdf, only66(short('!vaeskeygenassist Vx,Wx,Ib ;aes'))).put(0xf0, byPrefix('', '', '', short('rorx Gy,Ey,Ib ;bmi2')));
  return map.slots;
}
