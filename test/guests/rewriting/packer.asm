; A boot sector in the manner of packed DOS programs: it moves itself up in its own segment, unpacks a program to where it came from, and jumps there, again
; and again. In the twin (MODIFIED 0) what is moved and unpacked goes where no code is. Output as in flat.asm.

org 0x7c00
bits 16

UPPER       equ 0x9000                  ; where the unpacker goes
PROGRAM     equ 0xa000                  ; where the program comes to be
ELSEWHERE   equ 0x2000                  ; the twin's place for both

entry:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7000
    cld
    mov dword [0x500], 1                ; checksum
    mov dword [0x504], ROUNDS
    mov di, UPPER                       ; once for both, so that the twin has it
    call move
    mov di, PROGRAM
    call UPPER + unpack - mover
.round:
%if MODIFIED
    mov di, UPPER
%else
    mov di, ELSEWHERE
%endif
    call move
%if MODIFIED
    mov di, PROGRAM
%else
    mov di, ELSEWHERE + 0x400
%endif
    call UPPER + unpack - mover
    call PROGRAM
    dec dword [0x504]
    jnz .round
    mov ebx, [0x500]
    mov cx, 8
.digit:
    rol ebx, 4
    mov ax, bx
    and ax, 15
    add al, '0'
    cmp al, '9'
    jbe .put
    add al, 'a' - '9' - 1
.put:
    out 0xe9, al
    loop .digit
    mov al, 0x21
    out 0xf4, al
    hlt

move:
    mov si, mover
    mov cx, mover_end - mover
    rep movsb
    ret

mover:
unpack:                                 ; each byte is exclusive-ored with the one before
    mov si, packed
    mov cx, packed_end - packed
    mov ah, 0x5a
.byte:
    lodsb
    xor al, ah
    mov ah, al
    stosb
    loop .byte
    ret
mover_end:

packed:
    incbin PACKED
packed_end:

times 510 - ($ - $$) db 0
dw 0xaa55
