/**
 * The map of two-byte opcodes, behind 0F (Intel SDM vol. 2, table A-3, and the groups of table A-6): system
 * and general instructions. MMX and SSE are in ./vector.
 */
import { CONDITION_SUFFIXES, OpcodeMap, allRegs, anyPrefix, byForm, byPrefix, byReg, byRm, byWidth, type OpcodeChoice, type OpcodeSlot } from '../opcodeTable';
import { vectorTwoByte } from './vector';

export function twoByteMap(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  system(map);
  general(map);
  vectorTwoByte(map);
  return map.slots;
}

function system(map: OpcodeMap): void {
  map.put(0x00, byReg('!sldt Ev ;i286', '!str Ev ;i286', '!lldt Ew ;i286', '!ltr Ew ;i286', '!verr Ew ;i286', '!verw Ew ;i286'));
  map.put(0x01, group7());
  map.put(0x02, '!lar Gv,Ew ;i286', '!lsl Gv,Ew ;i286').put(0x05, 'syscall ;syscall', '!clts ;i286', 'sysret ;syscall', '!invd ;i486', '!wbinvd ;i486');
  map.put(0x0b, '!ud');
  // Prefetches and the NOPs that are reserved for hints: CET's among them, which do nothing where it is off.
  map.put(0x0d, allRegs('nop M ;prefetchw'));
  for (let i = 0x18; i < 0x20; i++) map.put(i, allRegs('nop Ev'));
  map.put(0x20, 'mov_from_cr Rr,Cr ;i386', '!mov_from_dr Rr,Dr ;i386', '!mov_to_cr Cr,Rr ;i386', '!mov_to_dr Dr,Rr ;i386');
  map.put(0x30, 'wrmsr ;msr', 'rdtsc ;tsc', '!rdmsr ;msr', '!rdpmc ;mmx', 'sysenter ;sep', 'sysexit ;sep');
  map.put(0xa0, 'push_fs ;64 i386', 'pop_fs ;64 i386', '!cpuid ;cpuid').put(0xa8, 'push_gs ;64 i386', 'pop_gs ;64 i386');
  map.put(0xae, group15()).put(0xb9, '!ud Ev').put(0xc7, group9()).put(0xff, '!ud Ev');
}

/** 0F 01: descriptor-table registers with memory, and what has found a place in the register forms. */
function group7(): OpcodeChoice {
  const plain = (...texts: readonly string[]): OpcodeChoice => byRm(...texts.map((text) => byPrefix(text)));
  return byForm(
    byReg('!sgdt M ;i286', '!sidt M ;i286', '!lgdt M ;i286', '!lidt M ;i286', '!smsw Ev ;i286', '', '!lmsw Ew ;i286', '!invlpg M ;i486'),
    byReg(
      '',
      plain('!monitor ;monitor', '!mwait ;monitor', '!clac ;smap', '!stac ;smap'),
      plain('!xgetbv ;xsave', '!xsetbv ;xsave'),
      '',
      '!smsw Ev ;i286',
      plain('', '', '', '', '', '', '!rdpkru ;pku', '!wrpkru ;pku'),
      '!lmsw Ew ;i286',
      byRm('swapgs ;only64', 'rdtscp ;rdtscp'),
    ),
  );
}

/** 0F AE: states of x87 and SSE, fences, cache lines, FS and GS base. */
function group15(): OpcodeChoice {
  return byPrefix(
    byForm(
      byReg('fxsave My ;fxsr', 'fxrstor My ;fxsr', 'ldmxcsr Md ;sse xmm', 'stmxcsr Md ;sse xmm', '!xsave M ;xsave', '!xrstor M ;xsave', '!xsaveopt M ;xsaveopt', '!clflush M ;clfsh'),
      byReg('', '', '', '', '', 'nop ;sse2', 'nop ;sse2', 'nop ;sse'),
    ),
    byForm(byReg('', '', '', '', '', '', '!clwb M ;clwb', '!clflushopt M ;clflushopt'), ''),
    byForm('', byReg('rdfsbase Ry ;only64 fsgsbase', 'rdgsbase Ry ;only64 fsgsbase', 'wrfsbase Ry ;only64 fsgsbase', 'wrgsbase Ry ;only64 fsgsbase')),
  );
}

/** 0F C7. */
function group9(): OpcodeChoice {
  const exchange = byWidth('cmpxchg8b M ;lock cx8', 'cmpxchg16b M ;lock cx16');
  const random = byPrefix('!rdrand Rv ;rdrand', '!rdrand Rv ;rdrand');
  const seed = byPrefix('!rdseed Rv ;rdseed', '!rdseed Rv ;rdseed', '!rdpid Rr ;rdpid');
  return byForm(
    byReg('', anyPrefix(exchange), '', byPrefix('!xrstors M ;xsaves'), byPrefix('!xsavec M ;xsavec'), byPrefix('!xsaves M ;xsaves')),
    byReg('', '', '', '', '', '', random, seed),
  );
}

function general(map: OpcodeMap): void {
  CONDITION_SUFFIXES.forEach((c, i) => {
    map.put(0x40 + i, `cmov${c} Gv,Ev ;cmov`);
    map.put(0x80 + i, `j${c} Jz ;f64 i386`);
    map.put(0x90 + i, allRegs(`set${c} Eb ;i386`));
  });
  map.put(0xa3, 'bt Ev,Gv ;i386', 'shld Ev,Gv,Ib ;i386', 'shld Ev,Gv,CL ;i386');
  map.put(0xab, 'bts Ev,Gv ;lock i386', 'shrd Ev,Gv,Ib ;i386', 'shrd Ev,Gv,CL ;i386').put(0xaf, 'imul2 Gv,Ev ;i386');
  map.put(0xb0, 'cmpxchg Eb,Gb ;lock i486', 'cmpxchg Ev,Gv ;lock i486', '!lss Gv,M ;i386', 'btr Ev,Gv ;lock i386', 'lfs Gv,M ;i386', 'lgs Gv,M ;i386');
  map.put(0xb6, 'movzx8 Gv,Eb ;i386', 'movzx16 Gv,Ew ;i386', byPrefix('', '', 'popcnt Gv,Ev ;popcnt'));
  map.put(0xba, byReg('', '', '', '', 'bt Ev,Ib ;i386', 'bts Ev,Ib ;lock i386', 'btr Ev,Ib ;lock i386', 'btc Ev,Ib ;lock i386'), 'btc Ev,Gv ;lock i386');
  map.put(0xbc, scan('bsf', 'tzcnt Gv,Ev ;bmi1'), scan('bsr', 'lzcnt Gv,Ev ;lzcnt'));
  map.put(0xbe, 'movsx8 Gv,Eb ;i386', 'movsx16 Gv,Ew ;i386');
  map.put(0xc0, 'xadd Eb,Gb ;lock i486', 'xadd Ev,Gv ;lock i486').put(0xc3, byPrefix('mov My,Gy ;sse2'));
  for (let i = 0; i < 8; i++) map.put(0xc8 + i, 'bswap Zv ;i486');
}

/** BSF and BSR; F3 makes them count zeros on processors that can. */
function scan(name: string, counting: string): OpcodeChoice {
  const text = `${name} Gv,Ev ;i386`;
  return byPrefix(text, text, counting, text);
}
