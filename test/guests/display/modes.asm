; Sets one video mode after the other by INT 10h, draws a picture that leans on no BIOS's font or palette, says so on port E9,
; and waits for a key. The letters on port E9 name the modes: a test takes a picture of the screen at each.

        bits 16
        org 0x7c00

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        sti
        cld
        mov ax, 0x0200 + SECTORS
        mov bx, 0x7e00
        mov es, ax
        xor cx, cx
        mov es, cx
        mov cx, 2
        mov dh, 0
        int 0x13
        jc $
        jmp main

drive:  db 0
        times 510 - ($ - $$) db 0
        dw 0xaa55

SECTORS equ 6

; Each routine sets its mode and draws.
main:   mov si, list
.next:  lodsw
        or ax, ax
        jz .done
        push si
        call ax
        pop si
        lodsb
        out 0xe9, al
        push si
        xor ah, ah
        int 0x16
        pop si
        jmp .next
.done:  mov al, '!'
        out 0xe9, al
        jmp $

%macro entry 2
        dw %1
        db %2
%endmacro

list:   entry text80, 'a'
        entry text40, 'b'
        entry cga4, 'c'
        entry cga6, 'd'
        entry ega0d, 'e'
        entry ega0e, 'f'
        entry ega10, 'g'
        entry vga12, 'h'
        entry vga11, 'i'
        entry vga13, 'j'
        entry modex, 'k'
        entry split, 'l'
        entry vbe8, 'm'
        entry vbe15, 'n'
        entry vbe16, 'o'
        entry vbe24, 'p'
        entry vbe32, 'q'
        entry scrolled, 'r'
        entry fonts, 's'
        dw 0

; 256 colours that no BIOS has.
colours:
        mov dx, 0x3c8
        xor al, al
        out dx, al
        inc dx
        xor bl, bl
.next:  mov al, bl
        and al, 63
        out dx, al
        mov al, bl
        rol al, 3
        and al, 63
        out dx, al
        mov al, bl
        xor al, 0x2a
        ror al, 2
        and al, 63
        out dx, al
        inc bl
        jnz .next
        ret

; A register of the sequencer (dx 3c4), graphics controller (3ce) or CRT controller (3d4): index in al, value in ah.
%macro set 3
        mov dx, %1
        mov ax, (%3 << 8) | %2
        out dx, ax
%endmacro

attribute:                      ; index al, value ah
        mov dx, 0x3da
        push ax
        in al, dx
        pop ax
        mov dx, 0x3c0
        out dx, al
        mov al, ah
        out dx, al
        mov al, 0x20
        out dx, al
        ret

; A font of ours into plane 2, 32 bytes a character, map at 0 (al = 0) and one at 4000h.
font:   set 0x3c4, 2, 4
        set 0x3c4, 4, 6
        set 0x3ce, 4, 2
        set 0x3ce, 5, 0
        set 0x3ce, 6, 4
        mov ax, 0xa000
        mov es, ax
        xor di, di
.next:  mov ax, di
        mov bl, al
        shr ax, 5
        mov cl, 29
        mul cl
        xor al, bl
        stosb
        cmp di, 0x8000
        jne .next
        set 0x3c4, 2, 3
        set 0x3c4, 4, 2
        set 0x3ce, 4, 0
        set 0x3ce, 5, 0x10
        set 0x3ce, 6, 0x0e
        ret

; Cells of all characters and colours; cursor and blinking off.
cells:  set 0x3d4, 0x0a, 0x20
        mov ax, 0x0410
        call attribute          ; no blinking, ninth dot of line graphics
        mov ax, 0xb800
        mov es, ax
        xor di, di
.next:  mov ax, di
        shr ax, 1
        mov ah, al
        add ah, 3
        mov bl, al              ; B0 to BF are line graphics to QEMU, and none on a VGA
        and bl, 0xf0
        cmp bl, 0xb0
        jne .store
        xor al, 0x40
.store: stosw
        cmp di, 0x4000
        jne .next
        jmp colours

text80: mov ax, 3
        int 0x10
        call font
        jmp cells

text40: mov ax, 1
        int 0x10
        set 0x3c4, 1, 9         ; characters of 8 dots
        call font
        jmp cells

; Bytes of a pattern: from es:0, cx of them; bl makes it differ.
bytes:  xor di, di
.next:  mov ax, di
        add al, ah
        xor al, bl
        stosb
        loop .next
        ret

cga4:   mov ax, 4
        int 0x10
        mov ax, 0xb800
        mov es, ax
        mov cx, 0x4000
        mov bl, 0
        call bytes
        jmp colours

cga6:   mov ax, 6
        int 0x10
        mov ax, 0xb800
        mov es, ax
        mov cx, 0x4000
        mov bl, 0
        call bytes
        jmp colours

; All four planes with patterns of their own.
planes: mov ax, 0xa000
        mov es, ax
        mov bh, 1
.next:  mov dx, 0x3c4
        mov al, 2
        mov ah, bh
        out dx, ax
        mov al, bh
        mov cl, 37
        mul cl
        mov bl, al
        mov cx, 0xffff
        call bytes
        shl bh, 1
        cmp bh, 16
        jne .next
        set 0x3c4, 2, 15
        jmp colours

ega0d:  mov ax, 0x0d
        int 0x10
        jmp planes
ega0e:  mov ax, 0x0e
        int 0x10
        jmp planes
ega10:  mov ax, 0x10
        int 0x10
        jmp planes
vga12:  mov ax, 0x12
        int 0x10
        jmp planes

vga11:  mov ax, 0x11
        int 0x10
        mov ax, 0xa000
        mov es, ax
        mov cx, 0xffff
        mov bl, 0
        call bytes
        jmp colours

vga13:  mov ax, 0x13
        int 0x10
        mov ax, 0xa000
        mov es, ax
        mov cx, 0xffff
        mov bl, 0
        call bytes
        jmp colours

; 320 by 240, planes not chained, 256 colours; shown from 4000h on.
modex:  mov ax, 0x13
        int 0x10
        set 0x3c4, 4, 6
        set 0x3c4, 0, 1
        mov dx, 0x3c2
        mov al, 0xe3
        out dx, al
        set 0x3c4, 0, 3
        mov dx, 0x3d4
        mov al, 0x11
        out dx, al
        inc dx
        in al, dx
        and al, 0x7f
        out dx, al
        mov si, .crtc
        mov cx, 10
        mov dx, 0x3d4
.next:  lodsw
        out dx, ax
        loop .next
        set 0x3d4, 0x0c, 0x40
        jmp planes
.crtc:  dw 0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0x0014, 0xe715, 0x0616, 0xe317

; 640 by 480 in 16 colours: split at line 299, above it shown from address 0640h on.
split:  mov ax, 0x12
        int 0x10
        set 0x3d4, 0x0d, 0x40
        set 0x3d4, 0x0c, 0x06
        set 0x3d4, 0x18, (299 & 0xff)
        mov dx, 0x3d4
        mov al, 7
        out dx, al
        inc dx
        in al, dx
        or al, 0x10
        out dx, al
        dec dx
        mov al, 9
        out dx, al
        inc dx
        in al, dx
        and al, 0xbf
        out dx, al
        jmp planes

; A VESA mode in bx, drawn through the window at A0000; si banks of it.
vesa:   mov ax, 0x4f02
        int 0x10
        cmp ax, 0x004f
        jne .gone
        mov ax, 0xa000
        mov es, ax
        xor dx, dx
.next:  push dx
        push si
        mov ax, 0x4f05
        xor bx, bx
        int 0x10
        pop si
        pop dx
        mov bl, dl
        imul bx, bx, 57
        xor cx, cx
        call bytes
        inc dx
        cmp dx, si
        jne .next
        jmp colours
.gone:  mov al, '?'
        out 0xe9, al
        ret

vbe8:   mov bx, 0x101
        mov si, 5
        jmp vesa
vbe15:  mov bx, 0x110
        mov si, 10
        jmp vesa
vbe16:  mov bx, 0x111
        mov si, 10
        jmp vesa
vbe24:  mov bx, 0x112
        mov si, 15
        jmp vesa
vbe32:  mov bx, 0x142
        mov si, 19
        jmp vesa

; 800 by 600 in 256 colours, lines of 1024 dots, shown from dot 72, line 9 on.
scrolled:
        mov bx, 0x103
        mov si, 10
        call vesa
        mov ax, 0x4f06
        mov bx, 0
        mov cx, 1024
        int 0x10
        mov ax, 0x4f07
        mov bx, 0
        mov cx, 72
        mov dx, 9
        int 0x10
        ret

; Text with two fonts (512 characters), in cells of 10 lines.
fonts:  mov ax, 3
        int 0x10
        call font
        set 0x3c4, 3, 0x04      ; map B at 0, map A at 4000h
        set 0x3c4, 1, 1         ; 8 dots
        set 0x3d4, 9, 0x49
        set 0x3d4, 0x14, 0x1f
        set 0x3d4, 0x13, 0x2c
        call cells
        ret

        times (1 + SECTORS) * 512 - ($ - $$) db 0
