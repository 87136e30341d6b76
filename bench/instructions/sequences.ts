/**
 * What is timed, instruction by instruction: short sequences in NASM's syntax that leave things so that they can be done again. `@` begins a label of the sequence's own;
 * `data` is two pages of memory, with numbers behind (see ./bootImage).
 */

/** Modes of the processor: 16-bit real mode, 32-bit protected mode, 64-bit mode. */
export type Mode = 'real' | 'protected' | 'long';
export const MODES: readonly Mode[] = ['real', 'protected', 'long'];

export interface Sequence {
  readonly name: string;
  readonly code: string;
}

const parse = (text: string): readonly Sequence[] =>
  text.trim().split('\n').map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon).trim(), code: line.slice(colon + 1).trim() };
  });

/** In all modes. */
const EVERYWHERE = parse(`
  nothing: nop
  add: add eax, 1
  mul: mul ecx
  div: xor edx, edx / mov eax, 100000 / mov ecx, 7 / div ecx
  idiv: mov eax, -1000 / cdq / mov ecx, 7 / idiv ecx
  bsf: bsf eax, ecx
  bsr: bsr eax, ecx
  popcnt: popcnt eax, ecx
  bswap: bswap eax
  bts memory: mov ecx, 3 / bts [data], ecx
  rcl: rcl eax, 3
  shld: shld eax, ecx, 3
  shl cl: mov cl, 5 / shl eax, cl
  lahf, sahf: lahf / sahf
  pushf, popf: pushf / popf
  xlat: mov ebx, data / xlatb
  enter, leave: enter 16, 0 / leave
  std, cld: std / cld
  xchg memory: xchg eax, [data]
  lock xadd: lock xadd [data], eax
  lock cmpxchg: lock cmpxchg [data], ecx
  cmpxchg8b: lock cmpxchg8b [data]
  mfence: mfence
  pause: pause
  prefetch: prefetcht0 [data]
  clflush: clflush [data]
  rdtsc: rdtsc
  cpuid: xor eax, eax / cpuid
  smsw: smsw ax
  sgdt: sgdt [data]
  cli: cli
  call, ret: call @f / jmp @e / @f: ret / @e:
  loop: mov ecx, 2 / @l: loop @l
  jecxz: xor ecx, ecx / jecxz @l / @l:
  rep movsb of 8: mov esi, data + 1024 / mov edi, data + 2048 / mov ecx, 8 / rep movsb
  rep movsd of 64: mov esi, data + 1024 / mov edi, data + 2048 / mov ecx, 64 / rep movsd
  rep movsb of 8 down: mov esi, data + 1024 / mov edi, data + 2048 / mov ecx, 8 / std / rep movsb / cld
  rep stosd of 16: mov edi, data + 2048 / mov ecx, 16 / rep stosd
  rep stosd of 64 down: mov edi, data + 2048 / mov ecx, 64 / std / rep stosd / cld
  repne scasb of 16: mov edi, data + 2048 / mov ecx, 16 / mov al, 99 / repne scasb
  repne scasb of 64 down: mov edi, data + 2048 / mov ecx, 64 / mov al, 99 / std / repne scasb / cld
  repe cmpsb of 16: mov esi, data + 1024 / mov edi, data + 2048 / mov ecx, 16 / repe cmpsb
  lodsb: mov esi, data / lodsb
  load across pages: mov eax, [data + 4094]
  store across pages: mov [data + 4094], eax
  in 61h: in al, 0x61
  out 80h: out 0x80, al
  fld, fstp: fld qword [number] / fstp qword [data]
  fild, fistp: fild dword [data + 8] / fistp dword [data + 16]
  fadd: fld1 / fld1 / faddp / fstp st0
  fdiv: fld1 / fldpi / fdivrp / fstp st0
  fsqrt: fldpi / fsqrt / fstp st0
  fsin: fld1 / fsin / fstp st0
  fptan: fld1 / fptan / fstp st0 / fstp st0
  fpatan: fld1 / fldpi / fpatan / fstp st0
  f2xm1: fldlg2 / f2xm1 / fstp st0
  fyl2x: fld1 / fldpi / fyl2x / fstp st0
  fscale: fld1 / fldpi / fscale / fstp st0 / fstp st0
  fprem: fld1 / fldpi / fprem / fstp st0 / fstp st0
  fxtract: fldpi / fxtract / fstp st0 / fstp st0
  fbld, fbstp: fbld [zeros] / fbstp [data]
  frndint: fldpi / frndint / fstp st0
  fcomi: fld1 / fldpi / fcomi / fstp st0 / fstp st0
  fcom infinite: fld qword [infinite] / fcom qword [number] / fstp st0
  fadd infinite: fld qword [infinite] / fadd qword [number] / fstp qword [data]
  fld, fstp denormal: fld qword [denormal] / fstp qword [data]
  fldcw: fnstcw [data] / fldcw [data]
  fnstenv, fldenv: fnstenv [data] / fldenv [data]
  fnsave, frstor: fnsave [data] / frstor [data]
  fxsave: fxsave [data]
  fninit: fninit
  fnclex: fnclex
  fnstsw: fnstsw ax
  mmx: movq mm0, [data] / paddd mm1, mm0 / movq [data], mm1 / emms
  ldmxcsr: stmxcsr [data] / ldmxcsr [data]
  addps: addps xmm0, xmm1
  addsd: addsd xmm0, xmm1
  mulsd: movsd xmm0, xmm3 / mulsd xmm0, xmm1
  divsd: movsd xmm0, xmm3 / divsd xmm0, xmm1
  sqrtsd: sqrtsd xmm0, xmm3
  rcpps: rcpps xmm0, xmm3
  ucomisd: ucomisd xmm2, xmm3
  ucomisd not a number: ucomisd xmm2, [notanumber]
  cmpsd not a number: movsd xmm0, xmm3 / cmpunordsd xmm0, [notanumber]
  addsd not a number: movsd xmm0, [notanumber] / addsd xmm0, xmm3
  addsd infinite: movsd xmm0, [infinite] / addsd xmm0, xmm3
  maxsd infinite: movsd xmm0, [infinite] / maxsd xmm0, xmm3
  mulsd denormal: movsd xmm0, [denormal] / mulsd xmm0, xmm3
  divsd by zero: movsd xmm0, xmm3 / divsd xmm0, [zeros]
  cvtsi2sd: cvtsi2sd xmm0, ecx
  cvttsd2si: cvttsd2si eax, xmm3
  cvttsd2si too large: movsd xmm0, [infinite] / cvttsd2si eax, xmm0
  cvtsd2ss: cvtsd2ss xmm0, xmm3
  roundsd: roundsd xmm0, xmm3, 1
  dpps: dpps xmm0, xmm3, 255
  pshufb: pshufb xmm0, xmm3
  pmaddwd: pmaddwd xmm0, xmm3
  psadbw: psadbw xmm0, xmm3
  pmovmskb: pmovmskb eax, xmm3
  pcmpistri: pcmpistri xmm0, xmm3, 0
  pcmpestrm: pcmpestrm xmm0, xmm3, 0
  ptest: ptest xmm0, xmm3
  crc32: crc32 eax, cl
  movdqu unaligned: movdqu xmm0, [data + 3]
`);

/** What 64-bit code does not have. */
const NARROW = parse(`
  mov from cr0: mov eax, cr0
  push es, pop es: push es / pop es
  les: les eax, [data + 3000]
  pusha, popa: pusha / popa
  aam: aam
  aad: aad
  daa: daa
  aaa: aaa
  into: into
  salc: salc
`);

const REAL = parse(`
  mov es: mov ax, es / mov es, ax
  mov ss: mov ax, ss / mov ss, ax
  far jump: jmp 0:@n / @n:
  far call, retf: call 0:@f / jmp @e / @f: retf / @e:
  far call by memory: mov word [data], @f / mov word [data + 2], 0 / call far [data] / jmp @e / @f: retf / @e:
  int, iret: int 0x80
  bound: mov ax, 1 / bound ax, [limits]
`);

const PROTECTED = parse(`
  mov ds: mov ax, ds / mov ds, ax
  mov fs: mov ax, ds / mov fs, ax
  lsl: mov ecx, 16 / lsl eax, ecx
  far call, retf: call 8:@f / jmp @e / @f: retf / @e:
  int, iret: int 0x80
`);

const LONG = parse(`
  mov from cr0: mov rax, cr0
  div 64: xor edx, edx / mov rax, 100000 / mov ecx, 7 / div rcx
  mul 64: mul rcx
  bswap 64: bswap rax
  cmpxchg16b: lock cmpxchg16b [data]
  movq: movq xmm0, rax / movq rax, xmm0
  mov fs: mov ax, ds / mov fs, ax
  lsl: mov ecx, 16 / lsl eax, ecx
  int, iret: int 0x80
`);

/** What is timed in a mode. */
export function sequencesOf(mode: Mode): readonly Sequence[] {
  const own = { real: [...NARROW, ...REAL], protected: [...NARROW, ...PROTECTED], long: LONG };
  return [...EVERYWHERE, ...own[mode]];
}
