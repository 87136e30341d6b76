; A boot floppy that resets its machine in every way, and tells on COM1 what it finds afterwards.
; nasm -f bin -o resets.img resets.asm        for any BIOS
; nasm -dWHOLE -f bin -o resets.img resets.asm  also what not every BIOS does: shutdown code 9, the flag of a warm start; and what the PIIX3
;                                               leaves alone: the interrupt controller, address line 20
; nasm -dANEW ...                             without the first part: QEMU's board forgets at each reset that its BIOS has run
;
; First it comes back from protected mode by resets with a shutdown code in CMOS cell 0F, as systems for the 80286 do. Then it has the
; machine begin anew, again and again: the cell STAGE counts.

COM1 equ 0x3f8
STAGE equ 0x7e                ; a cell that no BIOS uses
SHUTDOWN equ 0x0f
MARK equ 0x5eed1234
HIGH equ 0x300000             ; where the mark is, above 1 MiB
STACK equ 0x7000
SECTORS equ 8                 ; behind the boot sector

org 0x7c00
bits 16

boot:
  cli
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, STACK
  sti
  mov ax, 0x0200 + SECTORS
  mov bx, 0x7e00
  mov cx, 2
  xor dx, dx
  int 0x13
  jnc main
  jmp $
  times 510 - ($ - $$) db 0
  dw 0xaa55

main:
  cld
  mov dx, COM1 + 3
  mov al, 3                   ; eight bits
  out dx, al
  mov al, STAGE
  call read_cmos
  movzx bx, al
  test bl, bl
  jnz again

; --- Back from protected mode.

  mov si, begin
  call print
%ifndef ANEW
  mov di, returns
.next:
  cmp di, returns_end
  je .done
  call come_back
  add di, 4
  jmp .next
.done:
%endif
%ifdef WHOLE
  call closed_line
%endif
  xor bx, bx
  jmp restart

; DI: an entry of `returns`. Goes to protected mode and comes back by a reset.
come_back:
  mov [saved], sp
  mov al, SHUTDOWN
  mov ah, [di + 2]
  call write_cmos
  mov dword [0x467], landed
  cmp byte [di + 2], 9
  jb .pointed
  cmp byte [di + 2], 0x0a
  je .pointed
  ; The others want a stack there.
  mov word [0x467], return_stack
  cmp byte [di + 2], 9
  je .pointed
  mov word [0x467], return_frame
.pointed:
  xor al, al
  out 0x80, al
  cli
  call open_line
  call enter_protected
  mov dword [dword HIGH], MARK
  mov bx, [di]
  jmp bx
landed:
  cli
  mov [seen_ax], ax
  mov [seen_bx], bx
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, [saved]
  mov di, [present]
  mov bx, [di]
  mov si, [bx - 2]            ; the way's name
  call print
  mov al, [di + 2]
  call print_byte
  mov si, is_back
  call print
  smsw ax
  test al, 1
  jz .real
  mov si, still_protected
  call print
.real:
  call tell_high
%ifdef WHOLE
  ; The interrupt controller's mask and the timer are no part of the processor.
  mov si, with_mask
  call print
  in al, 0x21
  call print_byte
  cmp byte [di + 2], 9
  jne .line
  mov si, block_move
  call print
  mov al, [seen_ax + 1]
  call print_byte
  mov ax, [seen_bx]
  call print_word
.line:
  call tell_line
%endif
  mov si, newline
  call print
  ret

%ifdef WHOLE
; Address line 20 is closed when the reset comes.
closed_line:
  mov si, closed
  call print
  mov [saved], sp
  mov al, SHUTDOWN
  mov ah, 0x0a
  call write_cmos
  mov dword [0x467], .landed
  in al, 0x92
  and al, 0xfc
  out 0x92, al
  jmp by_controller
.landed:
  xor ax, ax
  mov ds, ax
  mov ss, ax
  mov sp, [saved]
  call tell_line
  mov si, newline
  jmp print

tell_line:
  ; FFFF:0510 is 0:0500 while the line is closed.
  mov si, line_open
  push es
  mov ax, 0xffff
  mov es, ax
  mov byte [0x500], 0x11
  mov byte [es:0x510], 0x22
  cmp byte [0x500], 0x11
  pop es
  je .tell
  mov si, line_closed
.tell:
  jmp print
%endif

; --- Begin anew.

; BX: the number of the way, from 0. What the BIOS is to find, and what it is to mend, is prepared here.
restart:
  ; A reset takes along what is still on its way.
  mov dx, COM1 + 5
.sending:
  in al, dx
  test al, 0x40
  jz .sending
  mov ax, bx
  inc ax
  xchg al, ah
  mov al, STAGE
  call write_cmos
  mov al, SHUTDOWN
  mov ah, 0
  call write_cmos
  cli
  call open_line
  call enter_protected
  mov eax, MARK
  mov [dword HIGH], eax
  call leave_protected
  mov word [0x413], 0x123     ; memory in KiB
  mov word [0x472], 0x1234    ; a warm start
  mov word [0x400], 0         ; COM1
  shl bx, 1
  mov bx, [restarts + bx]
  jmp bx

; BX: the number of the way that led here, from 1.
again:
  mov si, begins_anew
  call print
  push bx
  shl bx, 1
  mov bx, [restarts + bx - 2]
  mov si, [bx - 2]
  call print
  pop bx
  mov si, memory_is
  call print
  call tell_high
  mov si, bda
  call print
  mov ax, [0x413]
  call print_word
  mov ax, [0x400]
  call print_word
%ifdef WHOLE
  mov ax, [0x472]
  call print_word
%endif
  mov si, newline
  call print
  cmp bx, (restarts_end - restarts) / 2
  jb restart
  mov si, done
  call print
.ends:
  mov al, 0
  out 0xf4, al
  hlt
  jmp .ends

; --- Ways. Each has its name's address in front.

%macro way 2
  dw %2
%1:
%endmacro

way by_controller, controller_name
  in al, 0x64
  test al, 2
  jnz by_controller
  mov al, 0xfe
  out 0x64, al
  jmp waits

way by_fast_port, fast_port_name
  in al, 0x92
  and al, 0xfe
  out 0x92, al
  or al, 1
  out 0x92, al
  jmp waits

way by_soft, soft_name
  mov dx, 0xcf9
  xor al, al
  out dx, al
  mov al, 4
  out dx, al
  jmp waits

way by_hard, hard_name
  mov dx, 0xcf9
  mov al, 2
  out dx, al
  mov al, 6
  out dx, al
  jmp waits

way by_fault, fault_name
  lidt [nothing]
  int3
  jmp waits

way by_jump, jump_name
  jmp 0xffff:0

waits:
  hlt
  jmp waits

; --- Protected mode with flat data: DS.

enter_protected:
  mov [present], di
  lgdt [table_pointer]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp 8:.there
.there:
  mov ax, 16
  mov ds, ax
  mov ss, ax
  ret

leave_protected:
  mov ax, 24
  mov ds, ax
  mov ss, ax
  mov eax, cr0
  and al, 0xfe
  mov cr0, eax
  jmp 0:.there
.there:
  xor ax, ax
  mov ds, ax
  mov ss, ax
  ret

tell_high:
  push di
  call open_line_if_test
  call enter_protected
  mov esi, [dword HIGH]
  call leave_protected
  pop di
  mov [seen], esi
  mov si, kept
  cmp dword [seen], MARK
  je .tell
  mov si, lost
.tell:
  jmp print

; Only where nothing is said of the line afterwards.
open_line_if_test:
%ifndef WHOLE
  call open_line
%endif
  ret

open_line:
  in al, 0x92
  and al, 0xfe
  or al, 2
  out 0x92, al
  ret

read_cmos:
  out 0x70, al
  in al, 0x71
  ret

; AL: cell, AH: value.
write_cmos:
  out 0x70, al
  mov al, ah
  out 0x71, al
  ret

print:
  lodsb
  test al, al
  jz .end
  call put
  jmp print
.end:
  ret

put:
  push dx
  push ax
  mov dx, COM1 + 5
.wait:
  in al, dx
  test al, 0x20
  jz .wait
  pop ax
  mov dx, COM1
  out dx, al
  pop dx
  ret

print_word:
  push ax
  mov al, ' '
  call put
  pop ax
  push ax
  mov al, ah
  call print_byte
  pop ax
print_byte:
  push ax
  shr al, 4
  call .digit
  pop ax
  and al, 15
.digit:
  cmp al, 10
  sbb al, 0x69
  das
  jmp put

align 8
table:
  dq 0
  dw 0xffff, 0, 0x9b00, 0
  dw 0xffff, 0, 0x9300, 0xcf
  dw 0xffff, 0, 0x9300, 0
table_end:
table_pointer:
  dw table_end - table - 1
  dd table
nothing:
  dw 0
  dd 0

; What code 9 takes off its stack: DS, ES, PUSHA's registers, where to return to, flags.
return_stack:
  dw 0, 0
  dw 0, 0, 0, 0, 0xb0b0, 0, 0, 0xaaaa   ; DI SI BP SP BX DX CX AX
return_frame:
  dw landed, 0, 0x0002

returns:
%macro return 2
  dw %1
  dw %2
%endmacro
  return by_controller, 0x05
  return by_controller, 0x0a
  return by_fast_port, 0x0a
  return by_soft, 0x0a
  return by_fault, 0x0a
  return by_controller, 0x0b
  return by_fast_port, 0x0c
%ifdef WHOLE
  return by_fault, 0x09
%endif
returns_end:

restarts:
  dw by_controller, by_fast_port, by_soft, by_hard, by_fault, by_jump
restarts_end:

present: dw 0
saved: dw 0
seen: dd 0
seen_ax: dw 0
seen_bx: dw 0

begin: db 'begin', 10, 0
done: db 'done', 10, 0
newline: db 10, 0
is_back: db ': back', 0
still_protected: db ', in protected mode', 0
kept: db ', memory kept', 0
lost: db ', memory lost', 0
with_mask: db ', mask ', 0
block_move: db ', AH BX ', 0
line_open: db ', line 20 open', 0
line_closed: db ', line 20 closed', 0
closed: db 'closed', 0
begins_anew: db 'anew by ', 0
memory_is: db ':', 0
bda: db ', data area', 0
controller_name: db 'controller ', 0
fast_port_name: db 'port 92 ', 0
soft_name: db 'CF9 soft ', 0
hard_name: db 'CF9 hard ', 0
fault_name: db 'triple fault ', 0
jump_name: db 'jump ', 0

  times (1 + SECTORS) * 512 - ($ - $$) db 0
  times 2880 * 512 - ($ - $$) db 0
