/** A floppy that boots into a mode of the processor and does each sequence so many times, saying on the first serial port when it begins and ends. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../scripts/lib/paths.mjs';
import type { Mode, Sequence } from './sequences';

/** What the guest says: a sequence's number with the first before it begins, with the second when it has ended, and the third when all have. */
export const MARKS = { begin: '[', end: ']', all: '.' } as const;

const FLOPPY_BYTES = 2880 * 512, SECTORS_A_TRACK = 18;
/** Rounds before the clock is read, as a part of those behind: engines translate meanwhile. */
const WARM_UP = 1 / 3;

/** Loads what lies behind the boot sector, and goes on there. */
const LOADER = `
  org 0x7c00
  bits 16
  %define data 0x4000
  %define count 0x3ff0
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x3000
    mov word [0x80 * 4], handler16
    mov word [0x80 * 4 + 2], 0
    mov si, 1
    mov bx, rest
  load:
    mov ax, si
    mov cl, ${SECTORS_A_TRACK}
    div cl
    mov cl, ah
    inc cl
    mov ch, al
    shr ch, 1
    mov dh, al
    and dh, 1
    mov dl, 0
    mov ax, 0x201
    int 0x13
    jc load
    add bx, 512
    inc si
    cmp bx, end
    jb load
    jmp rest
  handler16: iret
  times 510 - ($ - $$) db 0
  dw 0xaa55
  rest:
    mov eax, cr4
    or ax, 0x600
    mov cr4, eax
`;

/** Data segments and a stack, in both modes with descriptors. */
const FLAT_DATA = `    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov fs, ax
    mov esp, 0x3000
`;

const ENTRIES: Readonly<Record<Mode, string>> = {
  real: '',
  protected: `
    lgdt [gdtr]
    lidt [idtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 8:entry
  bits 32
  entry:
${FLAT_DATA}  `,
  // Tables of pages of 2 MiB for the first 4 MiB, above the code.
  long: `
    mov ax, 0x1000
    mov es, ax
    xor di, di
    xor eax, eax
    mov cx, 0x1800
    rep stosw
    mov dword [es:0], 0x11003
    mov dword [es:0x1000], 0x12003
    mov dword [es:0x2000], 0x83
    mov dword [es:0x2008], 0x200083
    xor ax, ax
    mov es, ax
    lgdt [gdtr]
    lidt [idtr]
    mov eax, cr4
    or al, 0x20
    mov cr4, eax
    mov eax, 0x10000
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or ah, 1
    wrmsr
    mov eax, cr0
    or eax, 0x80000001
    mov cr0, eax
    jmp 24:entry
  bits 64
  entry:
${FLAT_DATA}  `,
};

/** What a far pointer to data has. */
const DATA_SELECTOR: Readonly<Record<Mode, number>> = { real: 0, protected: 16, long: 16 };

const BITS: Readonly<Record<Mode, number>> = { real: 16, protected: 32, long: 64 };

/** Behind the code: tables, handlers, numbers. */
const TABLES = `
  align 8
  gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
  gdtr: dw 31
    dd gdt, 0
  idtr: dw 0x81 * GATE - 1
    dd idt - 0x80 * GATE, 0
  limits: dw -5, 5
  align 16
  notanumber: dq 0x7ff8000000000000, 0
  infinite: dq 0x7ff0000000000000, 0
  denormal: dq 0x0000000000001234, 0
  zeros: dq 0, 0
  number: dq 2.5, 0
  three: dq 3.0, 0
`;

const gate: Readonly<Record<Mode, string>> = {
  real: '%define GATE 8\n  idt: dq 0\n',
  protected: '%define GATE 8\n  handler: iret\n  align 8\n  idt: dw handler, 8, 0x8e00, 0\n',
  long: '%define GATE 16\n  handler: iretq\n  align 8\n  idt: dw handler, 24, 0x8e00, 0, 0, 0, 0, 0\n',
};

/** The source of an image. Sequences are known by their places in the list. */
export function sourceOf(mode: Mode, sequences: readonly Sequence[], rounds: number): string {
  const say = (text: string): string => Array.from(text, (letter) => `    mov al, ${letter.charCodeAt(0)}\n    call say\n`).join('');
  const loop = (label: string, code: string, times: number): string =>
    `    mov dword [count], ${times}\n  ${label}:\n${code.split('/').map((line) => `    ${line.trim().replaceAll('@', `${label}_`)}\n`).join('')}    dec dword [count]\n    jnz near ${label}\n`;
  const parts = sequences.map(({ code }, i) => [
    '    fninit\n    movsd xmm3, [three]\n    movsd xmm2, [number]\n    movsd xmm1, [number]\n    movsd xmm0, [number]\n    mov dword [data + 3000], 0\n',
    `    mov dword [data + 3004], ${DATA_SELECTOR[mode]}\n`,
    loop(`w${i}`, code, Math.ceil(rounds * WARM_UP)), say(`${MARKS.begin}${i}\n`), loop(`t${i}`, code, rounds), say(`${MARKS.end}${i}\n`),
  ].join(''));
  const port = '    push PORT\n    mov ah, al\n    mov dx, 0x3fd\n  busy: in al, dx\n    test al, 0x20\n    jz busy\n    mov al, ah\n    mov dx, 0x3f8\n    out dx, al\n    pop PORT\n    ret\n'.replaceAll('PORT', mode === 'long' ? 'rdx' : mode === 'protected' ? 'edx' : 'dx');
  return [
    LOADER, ENTRIES[mode], `  bits ${BITS[mode]}\n`, ...parts, say(`${MARKS.all}\n`), '  stop: hlt\n    jmp stop\n', '  say:\n', port, gate[mode], TABLES, '  end:\n',
    `  times ${FLOPPY_BYTES} - ($ - $$) db 0\n`,
  ].join('');
}

/** Makes an image. @returns its path @throws Error when NASM is not there, or does not take it */
export function makeImage(mode: Mode, sequences: readonly Sequence[], rounds: number): string {
  const folder = path.join(root, '.cache', 'bench');
  mkdirSync(folder, { recursive: true });
  const source = path.join(folder, `instructions-${mode}.asm`), image = path.join(folder, `instructions-${mode}.img`);
  writeFileSync(source, sourceOf(mode, sequences, rounds));
  execFileSync('nasm', ['-f', 'bin', source, '-o', image], { stdio: ['ignore', 2, 2] });
  return image;
}
