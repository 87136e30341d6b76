; Multiboot guests whose code changes while they run, or lies where other things change; which one is said by PATTERN. In the twin of each (MODIFIED 0)
; the same writes go to a place where no code is. Each writes a checksum in hexadecimal to port E9 and ends through isa-debug-exit.
; nasm -f bin -D PATTERN=... -D MODIFIED=0|1 -D ROUNDS=n -D TURNS=n -o guest.bin flat.asm

%define KEYS 1
%define JIT 2
%define UNPACK 3
%define MIXED 4
%define ALIAS 5
%define CPUS 6
%define BETWEEN 7

BASE        equ 0x100000
STACK       equ 0x200000
BUFFER      equ 0x210000                ; where code is made at run time
ELSEWHERE   equ 0x220000                ; where the twin writes
DIRECTORY   equ 0x230000
TABLE       equ 0x231000
WINDOW      equ 0x400000                ; the linear page that leads to BUFFER's frame, too
TRAMPOLINE  equ 0x8000
STACK_AP    equ 0x208000
APIC        equ 0xfee00000

%if MODIFIED
TARGET      equ BUFFER
%else
TARGET      equ ELSEWHERE
%endif

org BASE
bits 32

header:
    dd 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
    dd header, BASE, image_end, image_end, entry

entry:
    mov esp, STACK
    lgdt [gdt_register]
    jmp 8:.flat
.flat:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    call pattern
    mov ecx, 8                          ; the checksum, from EBX
.digit:
    rol ebx, 4
    mov eax, ebx
    and eax, 15
    mov al, [digits + eax]
    out 0xe9, al
    loop .digit
    mov eax, 0x21
    out 0xf4, al
    hlt
    jmp $

; A function at EDI: TURNS times EBX = EBX * 5 + an immediate. Its length stays the same. AL is the immediate; EDI is behind it afterwards.
IMMEDIATE   equ 8                       ; its offset in the function
emit_loop:
    push eax
    push ecx
    push esi
    mov esi, loop_code
    mov ecx, loop_code_end - loop_code
.byte:
    mov ah, [esi]
    mov [edi], ah
    inc esi
    inc edi
    dec ecx
    jnz .byte
    pop esi
    pop ecx
    pop eax
    mov [edi - (loop_code_end - loop_code) + IMMEDIATE], al
    ret

loop_code:
    mov ecx, TURNS                      ; 5 bytes
    lea ebx, [ebx + ebx * 4 + 1]        ; the immediate is the fourth of 4 bytes
    dec ecx
    jnz short loop_code + 5
    ret
loop_code_end:

%if PATTERN == KEYS
; A static key: five bytes that are no operation, or a jump to what is seldom done.
pattern:
    mov ebx, 1
    mov ebp, ROUNDS
.round:
    mov edi, work.key
%if MODIFIED == 0
    mov edi, ELSEWHERE
%endif
    test ebp, 1
    jz .off
    mov byte [edi], 0xe9
    mov dword [edi + 1], work.other - work.key - 5
    jmp .patched
.off:
    mov byte [edi], 0x0f
    mov dword [edi + 1], 0x0000441f     ; NOP dword [eax + eax * 1 + 0]
.patched:
    call work
    dec ebp
    jnz .round
    ret

align 4096
work:
    mov ecx, TURNS
.turn:
    lea ebx, [ebx + ebx * 4]
.key:
    db 0x0f, 0x1f, 0x44, 0x00, 0x00
    inc ebx
.back:
    dec ecx
    jnz .turn
    ret
.other:
    add ebx, 3
    jmp .back

%elif PATTERN == JIT
; A function is made, called TURNS times, and another one is made in the same place.
pattern:
    mov ebx, 1
    mov edi, BUFFER
    mov al, 0
    call make
    mov ebp, ROUNDS
.round:
    mov edi, TARGET
    mov eax, ebp
    call make
    mov ecx, TURNS
.call:
    mov eax, BUFFER
    call eax
    dec ecx
    jnz .call
    dec ebp
    jnz .round
    ret

; Eight times: EBX = EBX * 5 + AL (a signed byte).
make:
    mov edx, 8
.one:
    mov dword [edi], 0x009b5c8d         ; LEA EBX, [EBX + EBX * 4 + immediate]
    mov [edi + 3], al
    add edi, 4
    dec edx
    jnz .one
    mov byte [edi], 0xc3
    ret

%elif PATTERN == UNPACK
; A program is unpacked, from literals and copies of what has come before, and jumped into.
pattern:
    mov ebx, 1
    mov edi, BUFFER
    call unpack
    mov ebp, ROUNDS
.round:
    mov eax, ebp
    and al, 0x7f
    mov [packed.immediate], al          ; another program each time
    mov edi, TARGET
    call unpack
    mov eax, BUFFER
    call eax
    dec ebp
    jnz .round
    ret

unpack:
    mov esi, packed
.next:
    lodsb
    movzx ecx, al
    test ecx, ecx
    jz .end
    test cl, 0x80
    jnz .copy
    rep movsb                           ; literals
    jmp .next
.copy:
    and ecx, 0x7f
    lodsb
    movzx eax, al
    mov edx, esi
    mov esi, edi
    sub esi, eax
.byte:
    mov al, [esi]
    mov [edi], al
    inc esi
    inc edi
    dec ecx
    jnz .byte
    mov esi, edx
    jmp .next
.end:
    ret

packed:                                 ; the loop of emit_loop, with its LEA 26 times
    db 9
    db 0xb9
    dd TURNS
    db 0x8d, 0x5c, 0x9b
.immediate:
    db 1
    db 0x80 | 100, 4
    db 4, 0x49, 0x75, 0x100 - 104 - 3 - 1 + 1, 0xc3
    db 0

%elif PATTERN == MIXED
; A counter on the page of the loop that counts in it.
pattern:
    mov ebx, 1
    mov ebp, ROUNDS
.round:
    mov ecx, TURNS
    call count
    dec ebp
    jnz .round
%if MODIFIED
    add ebx, [near_word]
%else
    add ebx, [ELSEWHERE]
%endif
    ret

align 4096
count:
    lea ebx, [ebx + ebx * 4 + 1]
%if MODIFIED
    add [near_word], ecx
%else
    add [ELSEWHERE], ecx
%endif
    dec ecx
    jnz count
    ret
align 64
near_word:
    dd 0
times 64 db 0x90

%elif PATTERN == BETWEEN
; A flag between two instructions of the loop that sets it, and is told what it was.
pattern:
    mov ebx, 1
    mov ebp, ROUNDS
.round:
    mov ecx, TURNS
    call flag_loop
    dec ebp
    jnz .round
    ret

align 4096
flag_loop:
    mov eax, ecx
%if MODIFIED
    xchg al, [.between]
%else
    xchg al, [ELSEWHERE]
%endif
    movzx eax, al
    lea ebx, [ebx + ebx * 4 + 1]
    jmp short .on
.between:
    db 0
.on:
    add ebx, eax
    dec ecx
    jnz flag_loop
    ret

%elif PATTERN == ALIAS
; Code is changed by another linear address than that which it is executed at.
pattern:
    mov edi, TABLE
    mov eax, 3
.entry:
    stosd
    add eax, 0x1000
    cmp edi, TABLE + 4096
    jne .entry
    mov dword [DIRECTORY], TABLE + 3
    mov dword [DIRECTORY + 4], 0x232003
    mov dword [0x232000], BUFFER + 3
    mov eax, DIRECTORY
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    mov ebx, 1
    mov edi, BUFFER
    mov al, 1
    call emit_loop
    mov ebp, ROUNDS
.round:
    mov eax, ebp
    and al, 0x7f
%if MODIFIED
    mov [WINDOW + IMMEDIATE], al
%else
    mov [ELSEWHERE + IMMEDIATE], al
%endif
    mov eax, BUFFER
    call eax
    dec ebp
    jnz .round
    ret

%elif PATTERN == CPUS
; One CPU changes code that another one runs when it is told to.
pattern:
    mov edi, BUFFER
    mov al, 1
    call emit_loop
    mov esi, trampoline
    mov edi, TRAMPOLINE
    mov ecx, trampoline_end - trampoline
    rep movsb
    mov dword [APIC + 0xf0], 0x1ff
    mov dword [APIC + 0x300], 0xc4500   ; INIT to all others
    mov ecx, 20000
.wait:
    pause
    loop .wait
    mov dword [APIC + 0x300], 0xc4600 | (TRAMPOLINE >> 12)
    mov ebp, ROUNDS
.round:
    mov eax, ebp
    and al, 0x7f
    mov [TARGET + IMMEDIATE], al
    mov [wanted], ebp
.spin:
    pause
    cmp [done], ebp
    jne .spin
    dec ebp
    jnz .round
    mov ebx, [sum]
    ret

worker:
    mov esp, STACK_AP
    mov dword [sum], 1
.next:
    pause
    mov esi, [wanted]
    cmp esi, [done]
    je .next
    xor eax, eax
    cpuid                               ; serializes (Intel SDM vol. 3, 8.1.3: cross-modifying code)
    mov ebx, [sum]
    mov eax, BUFFER
    call eax
    mov [sum], ebx
    mov [done], esi
    jmp .next

trampoline:
bits 16
    cli
    xor ax, ax
    mov ds, ax
    lgdt [TRAMPOLINE + gdt_copy - trampoline]
    mov eax, 1
    mov cr0, eax
    jmp dword 8:.flat
bits 32
.flat:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, worker
    jmp eax
gdt_copy:
    dw gdt_end - gdt - 1
    dd gdt
trampoline_end:

align 4096
wanted: dd 0
done:   dd 0
sum:    dd 0
%endif

align 4096
gdt:
    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_end:
gdt_register:
    dw gdt_end - gdt - 1
    dd gdt
digits: db "0123456789abcdef"
image_end:
