; A Multiboot kernel that goes back to real mode and asks the BIOS, as boot code of hypervisors does: what it gets comes out on COM1.
; nasm -f bin -o loaded.bin loaded.asm
; Drive 80h is a disk with text in its first sector. Its last act is INT 19h, by which the BIOS starts it again.

MAGIC equ 0x1badb002
FLAGS equ 0x0001_0000
BASE equ 0x10_0000
LOW equ 0x8000
SECTOR equ 0x9000
COM1 equ 0x3f8

bits 32
org BASE

header:
  dd MAGIC, FLAGS, -(MAGIC + FLAGS)
  dd header, header, 0, 0, entry

gdt:
  dq 0
  dw 0xffff, 0, 0x9b00, 0
  dw 0xffff, 0, 0x9300, 0
gdt_end:
gdt_pointer:
  dw gdt_end - gdt - 1
  dd gdt
real_vectors:
  dw 0x3ff
  dd 0

entry:
  cli
  cld
  mov esi, low_code
  mov edi, LOW
  mov ecx, low_end - low_code
  rep movsb
  lgdt [gdt_pointer]
  lidt [real_vectors]
  jmp 8:LOW

low_code:
bits 16
%define low(label) (LOW + (label) - low_code)
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov eax, cr0
  and al, 0xfe
  mov cr0, eax
  jmp 0:low(real)
real:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, 0x7c00

  mov si, low(begin)
  call print
  int 0x12
  call print_word
  mov ax, 0x0003
  int 0x10
  mov ah, 0x0f
  int 0x10
  call print_word
  mov ax, 0x0e41
  int 0x10
  mov ah, 0x03
  mov bh, 0
  int 0x10
  mov ax, dx
  call print_word

  ; Does the BIOS count its timer's ticks?
  mov si, low(ticks)
  call print
  sti
  call read_ticks
  mov bx, dx
again:
  hlt
  call read_ticks
  sub dx, bx
  cmp dx, 2
  jb again

  mov si, low(disk)
  call print
  mov ax, 0x0201
  mov cx, 0x0001
  mov dx, 0x0080
  mov bx, SECTOR
  int 0x13
  jc failed
  mov si, SECTOR
  call print
failed:
  mov si, low(finish)
  call print
  ; The reset would take along what is still on its way.
  mov dx, COM1 + 5
sending:
  in al, dx
  test al, 0x40
  jz sending
  int 0x19

read_ticks:
  mov ah, 0
  int 0x1a
  ret

print:
  lodsb
  test al, al
  jz .end
  call print_character
  jmp print
.end:
  ret

print_character:
  push ax
  mov dx, COM1 + 5
.full:
  in al, dx
  test al, 0x20
  jz .full
  pop ax
  mov dx, COM1
  out dx, al
  ret

; " AX" in hexadecimal digits
print_word:
  mov cx, 4
  push ax
  mov al, ' '
  call print_character
  pop ax
.digit:
  rol ax, 4
  push ax
  and al, 15
  cmp al, 10
  sbb al, 0x69
  das
  call print_character
  pop ax
  loop .digit
  ret

begin: db 'BIOS:', 0
ticks: db 10, 'ticks', 10, 0
disk: db 'disk: ', 0
finish: db 10, 'again', 10, 0
low_end:
