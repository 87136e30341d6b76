; hello.asm: a boot sector that greets through the BIOS, tells what it found, and echoes keys until Esc.
;
; This is the smallest guest there is. When a PC is switched on, its firmware (the BIOS) reads the first 512 bytes of a
; disk to linear address 7C00h, looks for the bytes 55 AA at their end, and jumps to the first of them. From then on the
; machine is ours. It is in real mode: 16-bit registers, no paging, no protection, and a linear address is simply
; segment * 16 + offset.
;
; All that we have to talk to the world are the BIOS's services. Each is a software interrupt: put a function number in
; AH and arguments in other registers, then INT n. Here we use
;
;     INT 10h, AH=0Eh   write the character in AL at the cursor and move on ("teletype output")
;     INT 12h           AX = conventional memory, in KiB
;     INT 16h, AH=00h   wait for a key: AL = its character (0 if it has none), AH = its scan code
;
; Things to try in the debugger: stop on the INT in `put_char` and look at AX; step over it and see the screen change;
; step *into* it and land in the BIOS, at the address that the interrupt vector table holds at 0000:0040 (10h * 4).

        bits    16
        section .text                   ; hello.ld puts this section at 7C00h, where the BIOS puts us
        global  start:function, print:function, put_char:function, put_hex:function, put_decimal:function
        global  main_loop, halt

TELETYPE        equ     0Eh             ; INT 10h function
SCAN_ESC        equ     01h             ; the scan code of Esc

; ---------------------------------------------------------------------------------------------------------------------
; Entry. The BIOS promises very little: CS:IP comes to linear 7C00h (as 0000:7C00 or as 07C0:0000, by taste of the
; maker), and DL holds the drive we came from. Everything else we set up ourselves.

start:
        jmp     0:.canonical            ; a far jump, so that CS is 0 whichever way we were called
.canonical:
        cli                             ; no interrupt may use the stack while SS and SP do not match
        xor     ax, ax ; marker: hello-xor
        mov     ds, ax                  ; with all segments 0, an offset is the linear address
        mov     es, ax
        mov     ss, ax
        mov     sp, 7C00h               ; the stack grows down from just below our code
        sti
        cld                             ; LODSB shall walk upwards
        push    dx                      ; keep the boot drive: the next call is free to change DX

        mov     si, greeting ; marker: hello-greeting
        call    print ; marker: hello-print

; Two facts about the machine.

        mov     si, drive_is ; marker: hello-drive
        call    print
        pop     ax                      ; AL = what was in DL: 00h is the first floppy, 80h the first hard disk
        call    put_hex

        mov     si, memory_is
        call    print
        int     12h                     ; AX = KiB below the BIOS's own data area, at most 640
        call    put_decimal

        mov     si, ask
        call    print

; ---------------------------------------------------------------------------------------------------------------------
; Echo keys. A key has two names: the character that it means, and the scan code that says which key it is. Keys like
; the arrows have a scan code only.

main_loop:
        xor     ah, ah                  ; function 00h: wait for a key
        int     16h
        push    ax                      ; AH = scan code, AL = character ; marker: hello-key

        mov     si, key_is
        call    print
        pop     ax
        push    ax
        cmp     al, ' '                 ; show the character only if it is one that can be seen:
        jae     .visible                ; below the space are the control characters (0 for a key that has none)
        mov     al, '.'
.visible:
        call    put_char

        mov     si, scan_is
        call    print
        pop     ax
        push    ax
        mov     al, ah
        call    put_hex

        pop     ax
        cmp     ah, SCAN_ESC
        jne     main_loop

        mov     si, goodbye
        call    print

; HLT sleeps until an interrupt. The timer's comes 18.2 times a second and its handler returns to the next instruction,
; so one HLT is not enough to rest for ever.

halt:
        hlt
        jmp     halt

; ---------------------------------------------------------------------------------------------------------------------
; print: writes the string at DS:SI, which ends in a zero byte. Changes AX, BX and SI.

print:
        lodsb                           ; AL = [SI], then SI moves on
        test    al, al
        jz      done
        call    put_char
        jmp     print

; put_hex: writes AL as two hexadecimal digits. Changes AX and BX.

put_hex:
        push    ax
        shr     al, 4                   ; the upper four bits first
        call    .digit
        pop     ax
        and     al, 0Fh
.digit:
        cmp     al, 10                  ; CF = 1 for 0 to 9
        sbb     al, 69h                 ; the classic trick: after SBB and DAS, AL is the digit in ASCII.
        das                             ; Step it by instruction and watch AL, AF and CF
        ; and on into put_char

; put_char: writes the character in AL at the cursor. Changes AH and BX.

put_char:
        mov     ah, TELETYPE
        mov     bx, 0007h               ; page 0; light grey where the screen is in a graphics mode
        int     10h ; marker: hello-int10
done:
        ret ; marker: hello-ret

; put_decimal: writes AX in decimal. Division gives the digits last one first, so it calls itself for those before and
; the stack turns them round. Changes AX, BX and DX.

put_decimal:
        xor     dx, dx
        mov     bx, 10
        div     bx                      ; AX = DX:AX / 10, DX = the rest, our last digit
        push    dx
        test    ax, ax
        jz      .last
        call    put_decimal
.last:
        pop     ax
        add     al, '0'
        jmp     put_char

; ---------------------------------------------------------------------------------------------------------------------
; Texts. 13, 10 is carriage return and line feed: teletype output takes them one by one, as a typewriter would.

greeting        db      "Hello from the boot sector!", 13, 10, 0
drive_is        db      "Boot drive: 0x", 0
memory_is       db      13, 10, "Memory: ", 0
ask             db      " KiB", 13, 10, "Press keys; Esc ends.", 0
key_is          db      13, 10, "Key: ", 0
scan_is         db      "  scan code 0x", 0
goodbye         db      13, 10, "Goodbye. The machine rests now.", 13, 10, 0

        times   510 - ($ - $$) db 0     ; fill up to the last two bytes of the sector ...
        dw      0AA55h                  ; ... which are 55 AA in memory: by them the BIOS knows that this can be booted
