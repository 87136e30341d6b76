; What packer.asm has packed: TURNS times its checksum times 5 plus 1.
org 0xa000
bits 16
    mov ecx, TURNS
    mov ebx, [0x500]
.turn:
    lea ebx, [ebx + ebx * 4 + 1]
    dec ecx
    jnz .turn
    mov [0x500], ebx
    ret
