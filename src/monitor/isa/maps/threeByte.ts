/** The maps of three-byte opcodes, behind 0F 38 and 0F 3A (Intel SDM vol. 2, tables ). */
import { OpcodeMap, byPrefix, type OpcodeChoice, type OpcodeSlot } from '../opcodeTable';

/** SSSE3 on both register files. */
const both = (name: string, operands = ''): OpcodeChoice => byPrefix(`${name} Pq,Qq${operands} ;ssse3`, `${name} Vx,Wx${operands} ;ssse3`);
/** With 66 only. */
const with66 = (text: string): OpcodeChoice => byPrefix('', text);
const sse41 = (text: string): OpcodeChoice => with66(`${text} ;sse41`);

export function threeByteMap38(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  const ssse3 = ['pshufb', 'phaddw', 'phaddd', 'phaddsw', 'pmaddubsw', 'phsubw', 'phsubd', 'phsubsw', 'psignb', 'psignw', 'psignd', 'pmulhrsw'];
  map.put(0x00, ...ssse3.map((name) => both(name)));
  map.put(0x10, sse41('pblendvb Vx,Wx')).put(0x14, sse41('blendvps Vx,Wx'), sse41('blendvpd Vx,Wx')).put(0x17, sse41('ptest Vx,Wx'));
  map.put(0x1c, both('pabsb'), both('pabsw'), both('pabsd'));
  const widenings = ['bw Vx,Wq', 'bd Vx,Wd', 'bq Vx,Ww', 'wd Vx,Wq', 'wq Vx,Wd', 'dq Vx,Wq'];
  map.put(0x20, ...widenings.map((text) => sse41(`pmovsx${text}`))).put(0x30, ...widenings.map((text) => sse41(`pmovzx${text}`)));
  map.put(0x28, sse41('pmuldq Vx,Wx'), sse41('pcmpeqq Vx,Wx'), sse41('mova Vx,Mx'), sse41('packusdw Vx,Wx'));
  map.put(0x37, with66('pcmpgtq Vx,Wx ;sse42'));
  map.put(0x38, ...['pminsb', 'pminsd', 'pminuw', 'pminud', 'pmaxsb', 'pmaxsd', 'pmaxuw', 'pmaxud', 'pmulld', 'phminposuw'].map((name) => sse41(`${name} Vx,Wx`)));
  map.put(0x82, with66('!invpcid Gr,M ;invpcid'));
  const sha = ['sha1nexte', 'sha1msg1', 'sha1msg2', 'sha256rnds2', 'sha256msg1', 'sha256msg2'];
  map.put(0xc8, ...sha.map((name) => byPrefix(`!${name} Vx,Wx ;sha`)));
  map.put(0xdb, ...['aesimc', 'aesenc', 'aesenclast', 'aesdec', 'aesdeclast'].map((name) => with66(`!${name} Vx,Wx ;aes`)));
  map.put(0xf0, byPrefix('movbe Gv,M ;movbe', 'movbe Gv,M ;movbe', '', 'crc32b Gd,Eb ;sse42'));
  map.put(0xf1, byPrefix('movbe M,Gv ;movbe', 'movbe M,Gv ;movbe', '', 'crc32v Gd,Ev ;sse42'));
  map.put(0xf6, byPrefix('', 'adcx Gy,Ey ;adx', 'adox Gy,Ey ;adx'));
  return map.slots;
}

export function threeByteMap3A(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  map.put(0x08, sse41('roundps Vx,Wx,Ib'), sse41('roundpd Vx,Wx,Ib'), sse41('roundss Vd,Wd,Ib'), sse41('roundsd Vq,Wq,Ib'));
  map.put(0x0c, sse41('blendps Vx,Wx,Ib'), sse41('blendpd Vx,Wx,Ib'), sse41('pblendw Vx,Wx,Ib'), both('palignr', ',Ib'));
  map.put(0x14, sse41('pextrb Ed,Vx,Ib'), sse41('pextrw Ed,Vx,Ib'), sse41('pextrd Ey,Vx,Ib'), sse41('pextrd Ed,Vx,Ib'));
  map.put(0x20, sse41('pinsrb Vx,Ed,Ib'), sse41('insertps Vx,Wd,Ib'), sse41('pinsrd Vx,Ey,Ib'));
  map.put(0x40, sse41('!dpps Vx,Wx,Ib'), sse41('!dppd Vx,Wx,Ib'), sse41('mpsadbw Vx,Wx,Ib')).put(0x44, with66('!pclmulqdq Vx,Wx,Ib ;pclmul'));
  map.put(0x60, ...['!pcmpestrm', '!pcmpestri', '!pcmpistrm', 'pcmpistri'].map((name) => with66(`${name} Vx,Wx,Ib ;sse42`)));
  map.put(0xcc, byPrefix('!sha1rnds4 Vx,Wx,Ib ;sha')).put(0xdf, with66('!aeskeygenassist Vx,Wx,Ib ;aes'));
  return map.slots;
}
