; A floppy whose program calls the services of the BIOS and writes what each returns as a line on COM1: the registers and
; the carry and zero flags (which of them are promised, services.test.ts knows), and where it matters bytes of memory.
; nasm -f bin [-D INPUT] -o services.bin services.asm: with INPUT it waits for a mouse that moves, else it makes a packet itself
; Drive 80h is a disk of 40 x 16 x 63 sectors. A write of a word to port F4 ends QEMU (isa-debug-exit); here the guest halts.

bits 16
org 0x7c00

COM1 equ 0x3f8
PACKET equ 0xd000
BUFFER equ 0xd200
SECTORS equ 36

; probe name, interrupt, EAX, EBX, ECX, EDX: DS:SI is PACKET and ES:DI is BUFFER
%macro probe 6
  mov eax, %3
  mov ebx, %4
  mov ecx, %5
  mov edx, %6
  mov esi, PACKET
  mov edi, BUFFER
  int %2
  call report
  db %1, 0
%endmacro

; dump name, address, bytes: what is there
%macro dump 3
  mov si, %2
  mov cx, %3
  call dump_bytes
  db %1, 0
%endmacro

; fill address, bytes, value
%macro fill 3
  mov di, %1
  mov cx, %2
  mov al, %3
  rep stosb
%endmacro

; packet bytes, sectors, LBA: a disk address packet for BUFFER
%macro packet 3
  mov word [PACKET], %1
  mov word [PACKET + 2], %2
  mov word [PACKET + 4], BUFFER
  mov word [PACKET + 6], 0
  mov dword [PACKET + 8], %3
  mov dword [PACKET + 12], 0
%endmacro

; scan code: as if it had come from the keyboard, through the controller's command D2h
%macro scan 1
  mov al, %1
  call inject
%endmacro

start:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, 0x7c00
  cld
  sti
  mov ax, 0x0200 + 17
  mov bx, 0x7e00
  mov cx, 0x0002
  xor dx, dx
  int 0x13
  jc $
  mov ax, 0x0200 + SECTORS - 18
  mov bx, 0x7c00 + 18 * 512
  mov cx, 0x0001
  mov dx, 0x0100
  int 0x13
  jc $
  jmp main

times 510 - ($ - $$) db 0
dw 0xaa55

main:
  mov ax, 3
  int 0x10

floppies:
  probe 'floppy reset', 0x13, 0x0000, 0, 0, 0
  probe 'floppy status', 0x13, 0x0100, 0, 0, 0
  fill BUFFER, 512, 0
  probe 'floppy read', 0x13, 0x0201, BUFFER, 0x0001, 0x0000
  dump 'floppy read', BUFFER + 508, 4
  probe 'floppy read sector 19', 0x13, 0x0201, BUFFER, 0x0013, 0x0000
  probe 'floppy status after it', 0x13, 0x0100, 0, 0, 0
  probe 'floppy reset again', 0x13, 0x0000, 0, 0, 0
  probe 'floppy read none', 0x13, 0x0200, BUFFER, 0x0001, 0x0000
  fill BUFFER, 512, 0x5a
  probe 'floppy write', 0x13, 0x0301, BUFFER, 0x4f12, 0x0100
  fill BUFFER, 512, 0
  probe 'floppy read back', 0x13, 0x0201, BUFFER, 0x4f12, 0x0100
  dump 'floppy read back', BUFFER, 4
  probe 'floppy verify', 0x13, 0x0402, BUFFER, 0x0001, 0x0000
  probe 'floppy parameters', 0x13, 0x0800, 0, 0, 0
  probe 'floppy type', 0x13, 0x1500, 0, 0, 0
  probe 'floppy change', 0x13, 0x1600, 0, 0, 0
  probe 'floppy extensions', 0x13, 0x4100, 0x55aa, 0, 0
  probe 'floppy unknown function', 0x13, 0x7700, 0, 0, 0
  probe 'no floppy 1 read', 0x13, 0x0201, BUFFER, 0x0001, 0x0001
  probe 'no floppy 1 type', 0x13, 0x1500, 0, 0, 1
  probe 'no floppy 1 parameters', 0x13, 0x0800, 0, 0, 1

disks:
  probe 'disk reset', 0x13, 0x0000, 0, 0, 0x80
  probe 'disk status', 0x13, 0x0100, 0, 0, 0x80
  fill BUFFER, 1024, 0
  probe 'disk read', 0x13, 0x0202, BUFFER, 0x0001, 0x0080
  dump 'disk read', BUFFER, 8
  probe 'disk read far', 0x13, 0x0201, BUFFER, 0x0203, 0x0580
  dump 'disk read far', BUFFER, 8
  probe 'disk read sector 0', 0x13, 0x0201, BUFFER, 0x0000, 0x0080
  probe 'disk status after it', 0x13, 0x0100, 0, 0, 0x80
  probe 'disk read head 16', 0x13, 0x0201, BUFFER, 0x0001, 0x1080
  probe 'disk read cylinder 1000', 0x13, 0x0201, BUFFER, 0xe8c1, 0x0080
  probe 'disk read none', 0x13, 0x0200, BUFFER, 0x0001, 0x0080
  fill BUFFER, 512, 0xa5
  probe 'disk write', 0x13, 0x0301, BUFFER, 0x0305, 0x0780
  fill BUFFER, 512, 0
  probe 'disk read back', 0x13, 0x0201, BUFFER, 0x0305, 0x0780
  dump 'disk read back', BUFFER, 4
  probe 'disk verify', 0x13, 0x0401, BUFFER, 0x0001, 0x0080
  probe 'disk parameters', 0x13, 0x0800, 0, 0, 0x80
  probe 'disk initialise', 0x13, 0x0900, 0, 0, 0x80
  probe 'disk seek', 0x13, 0x0c00, 0, 0x0101, 0x80
  probe 'disk alternate reset', 0x13, 0x0d00, 0, 0, 0x80
  probe 'disk ready', 0x13, 0x1000, 0, 0, 0x80
  probe 'disk recalibrate', 0x13, 0x1100, 0, 0, 0x80
  probe 'disk diagnostic', 0x13, 0x1400, 0, 0, 0x80
  probe 'disk type', 0x13, 0x1500, 0, 0, 0x80
  probe 'disk unknown function', 0x13, 0x7700, 0, 0, 0x80
  probe 'disk extensions', 0x13, 0x4100, 0x55aa, 0, 0x80
  packet 16, 2, 1024
  fill BUFFER, 1024, 0
  probe 'disk extended read', 0x13, 0x4200, 0, 0, 0x80
  dump 'disk extended read', BUFFER + 512, 8
  dump 'disk extended read packet', PACKET, 16
  packet 16, 1, 40 * 16 * 63
  probe 'disk extended read behind the end', 0x13, 0x4200, 0, 0, 0x80
  packet 8, 1, 0
  probe 'disk extended read by a short packet', 0x13, 0x4200, 0, 0, 0x80
  fill BUFFER, 512, 0x3c
  packet 16, 1, 2000
  probe 'disk extended write', 0x13, 0x4300, 0, 0, 0x80
  fill BUFFER, 512, 0
  probe 'disk extended read back', 0x13, 0x4200, 0, 0, 0x80
  dump 'disk extended read back', BUFFER, 4
  probe 'disk extended verify', 0x13, 0x4400, 0, 0, 0x80
  probe 'disk extended seek', 0x13, 0x4700, 0, 0, 0x80
  fill PACKET, 80, 0xee
  mov word [PACKET], 0x1a
  probe 'disk extended parameters', 0x13, 0x4800, 0, 0, 0x80
  dump 'disk extended parameters', PACKET, 28
  mov word [PACKET], 0x10
  probe 'disk extended parameters in 16 bytes', 0x13, 0x4800, 0, 0, 0x80
  probe 'disk set DMA mode', 0x13, 0x4e01, 0, 0, 0x80
  probe 'disk prefetch', 0x13, 0x4e00, 0, 0, 0x80
  probe 'disk eject', 0x13, 0x4600, 0, 0, 0x80
  probe 'disk change', 0x13, 0x4900, 0, 0, 0x80
  probe 'no disk 81h read', 0x13, 0x0201, BUFFER, 0x0001, 0x0081
  probe 'no disk 81h parameters', 0x13, 0x0800, 0, 0, 0x81
  probe 'no disk 81h type', 0x13, 0x1500, 0, 0, 0x81
  probe 'no disk 81h extensions', 0x13, 0x4100, 0x55aa, 0, 0x81

machine:
  probe 'equipment', 0x11, 0, 0, 0, 0
  probe 'low memory', 0x12, 0, 0, 0, 0
  xor ebx, ebx
.next:
  mov [entry], ebx
  fill BUFFER, 24, 0
  mov eax, 0xe820
  mov ebx, [entry]
  mov ecx, 24
  mov edx, 'PAMS'
  mov edi, BUFFER
  int 0x15
  mov [entry], ebx
  call report
  db 'map', 0
  dump 'map', BUFFER, 20
  mov ebx, [entry]
  test ebx, ebx
  jnz .next
  probe 'map without SMAP', 0x15, 0xe820, 0, 24, 0
  probe 'map of 19 bytes', 0x15, 0xe820, 0, 19, 'PAMS'
  probe 'map behind the end', 0x15, 0xe820, 77, 20, 'PAMS'
  probe 'memory above 1 and 16 MiB', 0x15, 0xe801, 0, 0, 0
  probe 'extended memory', 0x15, 0x8800, 0, 0, 0
  fill BUFFER, 512, 0
  mov dword [0xc800], 'MOVE'
  call move_up
  call report
  db 'move up', 0
  call move_down
  call report
  db 'move down', 0
  dump 'move down', BUFFER, 6
  probe 'A20 off', 0x15, 0x2400, 0, 0, 0
  probe 'A20 is', 0x15, 0x2402, 0, 0, 0
  probe 'A20 on', 0x15, 0x2401, 0, 0, 0
  probe 'A20 is now', 0x15, 0x2402, 0, 0, 0
  probe 'A20 ways', 0x15, 0x2403, 0, 0, 0
  probe 'wait 5 ms', 0x15, 0x8600, 0, 0, 5000
  mov byte [BUFFER], 0
  probe 'event in 5 ms', 0x15, 0x8300, BUFFER, 0, 5000
  mov ecx, 3000000
.event:
  test byte [BUFFER], 0x80
  jnz .came
  pause
  dec ecx
  jnz .event
.came:
  dump 'event', BUFFER, 1
  probe 'event far off', 0x15, 0x8300, BUFFER, 100, 0
  probe 'event while one is awaited', 0x15, 0x8300, BUFFER, 0, 5000
  probe 'event given up', 0x15, 0x8301, 0, 0, 0
  probe 'event of an unknown kind', 0x15, 0x8302, 0, 0, 0
  probe 'configuration', 0x15, 0xc000, 0, 0, 0
  mov eax, 0xc000
  int 0x15
  push ds
  push es
  pop ds
  mov si, bx
  push word 0
  pop es
  mov di, BUFFER
  mov cx, 10
  rep movsb
  pop ds
  dump 'configuration', BUFFER, 10
  probe 'extended data area', 0x15, 0xc100, 0, 0, 0
  mov eax, 0xc100
  int 0x15
  mov ax, es
  cmp ax, [0x40e]
  mov bx, 0
  mov es, bx
  mov ecx, 0
  setne cl
  call report
  db 'extended data area as 40:0E', 0
  stc
  probe 'key offered', 0x15, 0x4f1e, 0, 0, 0
  probe 'system request', 0x15, 0x8500, 0, 0, 0
  probe 'device busy', 0x15, 0x9000, 0, 0, 0
  probe 'device ready', 0x15, 0x9100, 0, 0, 0
  probe 'unknown system function', 0x15, 0x9900, 0, 0, 0

keyboard:
  probe 'key shift state', 0x16, 0x0200, 0, 0, 0
  probe 'no key', 0x16, 0x0100, 0, 0, 0
  probe 'no key, enhanced', 0x16, 0x1100, 0, 0, 0
  probe 'key put in', 0x16, 0x0500, 0, 0x1e61, 0
  probe 'key looked at', 0x16, 0x0100, 0, 0, 0
  probe 'key taken', 0x16, 0x0000, 0, 0, 0
  probe 'no key again', 0x16, 0x0100, 0, 0, 0
  probe 'grey key put in', 0x16, 0x0500, 0, 0x48e0, 0
  probe 'grey key taken', 0x16, 0x1000, 0, 0, 0
  probe 'grey key put in again', 0x16, 0x0500, 0, 0x48e0, 0
  probe 'grey key taken by old function', 0x16, 0x0000, 0, 0, 0
  mov word [count], 15
.more:
  mov ax, 0x0500
  mov cx, 0x1e61
  int 0x16
  dec word [count]
  jnz .more
  probe 'sixteenth key', 0x16, 0x0500, 0, 0x1e61, 0
  mov word [count], 15
.less:
  mov ax, 0x0000
  int 0x16
  dec word [count]
  jnz .less
  scan 0x1e
  scan 0x9e
  probe 'a', 0x16, 0x0000, 0, 0, 0
  scan 0x2a
  scan 0x1e
  probe 'shift is down', 0x16, 0x0200, 0, 0, 0
  probe 'shift is down, enhanced', 0x16, 0x1200, 0, 0, 0
  scan 0x9e
  scan 0xaa
  probe 'A', 0x16, 0x1000, 0, 0, 0
  scan 0x1d
  scan 0x2e
  scan 0xae
  scan 0x9d
  probe 'Ctrl-C', 0x16, 0x0000, 0, 0, 0
  scan 0x38
  scan 0x10
  probe 'Alt is down, enhanced', 0x16, 0x1200, 0, 0, 0
  scan 0x90
  scan 0xb8
  probe 'Alt-Q', 0x16, 0x0000, 0, 0, 0
  scan 0x3b
  scan 0xbb
  probe 'F1', 0x16, 0x0000, 0, 0, 0
  scan 0x57
  scan 0xd7
  probe 'F11', 0x16, 0x1000, 0, 0, 0
  scan 0xe0
  scan 0x48
  scan 0xe0
  scan 0xc8
  probe 'grey up', 0x16, 0x1000, 0, 0, 0
  scan 0xe0
  scan 0x1c
  scan 0xe0
  scan 0x9c
  probe 'Enter of the number block', 0x16, 0x1000, 0, 0, 0
  scan 0x3a
  scan 0xba
  scan 0x1e
  scan 0x9e
  probe 'caps lock', 0x16, 0x1200, 0, 0, 0
  probe 'A by caps lock', 0x16, 0x0000, 0, 0, 0
  scan 0x3a
  scan 0xba
  probe 'key functions', 0x16, 0x0900, 0, 0, 0
  probe 'key rate', 0x16, 0x0305, 0x0000, 0, 0
  probe 'keyboard identity', 0x16, 0x0a00, 0, 0, 0
  probe 'enhanced keyboard present', 0x16, 0x92ff, 0, 0, 0

clock:
  ; No tick shall come in between.
  cli
  mov eax, 0x0100
  mov ecx, 0x0012
  mov edx, 0x3456
  int 0x1a
  probe 'ticks', 0x1a, 0x0000, 0, 0, 0
  probe 'time set', 0x1a, 0x0300, 0, 0x1159, 0x5800
  probe 'time', 0x1a, 0x0200, 0, 0, 0
  probe 'date set', 0x1a, 0x0500, 0, 0x2024, 0x0229
  probe 'date', 0x1a, 0x0400, 0, 0, 0
  mov word [0x4a * 4], alarm
  mov word [0x4a * 4 + 2], 0
  probe 'alarm set', 0x1a, 0x0600, 0, 0x1200, 0x0000
  probe 'alarm set while one is set', 0x1a, 0x0600, 0, 0x1200, 0x0000
  mov word [count], 60
.alarm:
  hlt
  cmp byte [alarmed], 0
  jne .rang
  mov ax, [0x46c]
  cmp ax, [last]
  je .alarm
  mov [last], ax
  dec word [count]
  jnz .alarm
.rang:
  dump 'alarm', alarmed, 1
  probe 'alarm given up', 0x1a, 0x0700, 0, 0, 0
  probe 'unknown clock function', 0x1a, 0x7700, 0, 0, 0

pci:
  probe 'PCI BIOS', 0x1a, 0xb101, 0, 0, 0
  probe 'PCI find host bridge', 0x1a, 0xb102, 0, 0x1237, 0x8086
  mov esi, 0
  mov eax, 0xb102
  mov ecx, 0x1237
  mov edx, 0x8086
  int 0x1a
  call report
  db 'PCI host bridge', 0
  mov esi, 0
  mov eax, 0xb103
  mov ecx, 0x060100
  int 0x1a
  call report
  db 'PCI class of the ISA bridge', 0
  mov esi, 0
  mov eax, 0xb102
  mov ecx, 0x1237
  mov edx, 0xffff
  int 0x1a
  call report
  db 'PCI bad vendor', 0
%macro pci 5
  mov eax, %2
  mov ebx, %3
  mov ecx, %4
  mov edi, %5
  int 0x1a
  call report
  db %1, 0
%endmacro
  pci 'PCI read byte', 0xb108, 0, 0, 2
  pci 'PCI read word', 0xb109, 0, 0, 0
  pci 'PCI read dword', 0xb10a, 0, 0, 0
  pci 'PCI read of nothing', 0xb10a, 0x00f8, 0, 0
  pci 'PCI read odd word', 0xb109, 0, 0, 1
  pci 'PCI read odd dword', 0xb10a, 0, 0, 2
  pci 'PCI read beyond', 0xb108, 0, 0, 256
  pci 'PCI write byte', 0xb10b, 0x0008, 0x20, 0x0d
  pci 'PCI unknown function', 0xb177, 0, 0, 0

screen:
  probe 'screen mode', 0x10, 0x0f00, 0, 0, 0
  probe 'cursor set', 0x10, 0x0200, 0, 0, 0x0508
  probe 'cursor', 0x10, 0x0300, 0, 0, 0
  probe 'cursor shape', 0x10, 0x0100, 0, 0x0b0c, 0
  probe 'cursor of that shape', 0x10, 0x0300, 0, 0, 0
  probe 'cursor of page 1', 0x10, 0x0300, 0x0100, 0, 0
  probe 'characters', 0x10, 0x0958, 0x001e, 3, 0
  probe 'character at the cursor', 0x10, 0x0800, 0, 0, 0
  probe 'character without colour', 0x10, 0x0a59, 0x0000, 1, 0
  probe 'character with the old colour', 0x10, 0x0800, 0, 0, 0
  probe 'teletype', 0x10, 0x0e5a, 0x0007, 0, 0
  probe 'cursor behind it', 0x10, 0x0300, 0, 0, 0
  probe 'teletype return', 0x10, 0x0e0d, 0x0007, 0, 0
  probe 'teletype line feed', 0x10, 0x0e0a, 0x0007, 0, 0
  probe 'cursor on the next line', 0x10, 0x0300, 0, 0, 0
  probe 'window up', 0x10, 0x0601, 0x1700, 0x0000, 0x184f
  probe 'cursor put up', 0x10, 0x0200, 0, 0, 0x0408
  probe 'character moved up', 0x10, 0x0800, 0, 0, 0
  probe 'cursor to the last line', 0x10, 0x0200, 0, 0, 0x184f
  probe 'character of the blank line', 0x10, 0x0800, 0, 0, 0
  probe 'teletype in the last column', 0x10, 0x0e5a, 0x0007, 0, 0
  probe 'cursor after scrolling', 0x10, 0x0300, 0, 0, 0
  mov ax, 0x1301
  mov bx, 0x001f
  mov cx, 4
  mov dx, 0x0a14
  mov bp, text
  int 0x10
  probe 'cursor behind a string', 0x10, 0x0300, 0, 0, 0
  push word 0xb800
  pop ds
  mov si, (10 * 80 + 20) * 2
  mov di, BUFFER
  mov cx, 8
  rep movsb
  push word 0
  pop ds
  dump 'string', BUFFER, 8
  probe 'page 1', 0x10, 0x0501, 0, 0, 0
  probe 'mode on page 1', 0x10, 0x0f00, 0, 0, 0
  probe 'page 0', 0x10, 0x0500, 0, 0, 0
  probe 'display combination', 0x10, 0x1a00, 0, 0, 0
  probe 'font', 0x10, 0x1130, 0x0600, 0, 0
  probe 'EGA', 0x10, 0x1200, 0x0010, 0, 0


mouse:
  probe 'mouse enabled without a handler', 0x15, 0xc200, 0x0100, 0, 0
  probe 'mouse reset', 0x15, 0xc201, 0, 0, 0
  probe 'mouse initialised', 0x15, 0xc205, 0x0300, 0, 0
  probe 'mouse rate', 0x15, 0xc202, 0x0400, 0, 0
  probe 'mouse rate 7', 0x15, 0xc202, 0x0700, 0, 0
  probe 'mouse resolution', 0x15, 0xc203, 0x0300, 0, 0
  probe 'mouse resolution 4', 0x15, 0xc203, 0x0400, 0, 0
  probe 'mouse type', 0x15, 0xc204, 0, 0, 0
  probe 'mouse status', 0x15, 0xc206, 0, 0, 0
  probe 'mouse scaling', 0x15, 0xc206, 0x0200, 0, 0
  probe 'mouse status then', 0x15, 0xc206, 0, 0, 0
  probe 'mouse scaling back', 0x15, 0xc206, 0x0100, 0, 0
  probe 'mouse scaling 3', 0x15, 0xc206, 0x0300, 0, 0
  probe 'mouse unknown function', 0x15, 0xc209, 0, 0, 0
  probe 'mouse handler', 0x15, 0xc207, packet_came, 0, 0
  probe 'mouse enabled', 0x15, 0xc200, 0x0100, 0, 0
  probe 'mouse status when enabled', 0x15, 0xc206, 0, 0, 0
%ifdef INPUT
  mov si, move_now
  call print
%else
  ; A packet as if the mouse had sent it, through the controller's command D3h.
  mov byte [injection], 0xd3
  scan 0x09
  scan 0x05
  scan 0x03
%endif
.packet:
  cmp byte [packets], 0
  je .packet
  dump 'mouse packet', packet_words, 8
  probe 'mouse disabled', 0x15, 0xc200, 0x0000, 0, 0

  mov si, done
  call print
  mov dx, 0xf4
  mov ax, 0
  out dx, ax
  cli
  hlt

; The program's own part.

alarm:
  mov byte [cs:alarmed], 1
  iret

packet_came:
  push bp
  mov bp, sp
  push ax
  mov ax, [bp + 12]
  mov [cs:packet_words], ax
  mov ax, [bp + 10]
  mov [cs:packet_words + 2], ax
  mov ax, [bp + 8]
  mov [cs:packet_words + 4], ax
  mov ax, [bp + 6]
  mov [cs:packet_words + 6], ax
  inc byte [cs:packets]
  pop ax
  pop bp
  retf

; Words from C800 to 1 MiB + 64 KiB, and back to BUFFER (INT 15h AH=87h).
move_up:
  mov dword [table + 0x12], 0x93000000 | 0xc800
  mov dword [table + 0x1a], 0x93000000 | 0x110000
  jmp move
move_down:
  mov dword [table + 0x12], 0x93000000 | 0x110000
  mov dword [table + 0x1a], 0x93000000 | BUFFER
move:
  mov eax, 0x8700
  mov ebx, 0
  mov ecx, 2
  mov edx, 0
  mov esi, table
  mov edi, 0
  int 0x15
  ret

inject:
  push ax
.ready:
  in al, 0x64
  test al, 3
  jnz .ready
  mov al, [injection]
  out 0x64, al
.taken:
  in al, 0x64
  test al, 2
  jnz .taken
  pop ax
  out 0x60, al
  ; The interrupt comes when it comes; a tick later it has been.
  mov ax, [0x46c]
.tick:
  cmp ax, [0x46c]
  je .tick
  ret

; The name stands behind the call.
report:
  push es
  push ds
  pushfd
  push edi
  push edx
  push ecx
  push ebx
  push eax
  xor ax, ax
  mov ds, ax
  mov es, ax
  cld
  sti
  mov bp, sp
  mov si, [bp + 28]
  call print
  mov [bp + 28], si
  mov cx, 5
  mov bx, bp
  mov si, names
.register:
  call print
  mov eax, [bx]
  call dword_hex
  add bx, 4
  loop .register
  call print
  mov ax, [bp + 26]
  call word_hex
  mov ax, [bp + 20]
  call print
  and al, 1
  add al, '0'
  call put
  call print
  mov ax, [bp + 20]
  shr al, 6
  and al, 1
  add al, '0'
  call put
  mov al, 10
  call put
  add sp, 28
  push word 0
  pop es
  ret

names db ' EAX=', 0, ' EBX=', 0, ' ECX=', 0, ' EDX=', 0, ' EDI=', 0, ' ES=', 0, ' C=', 0, ' Z=', 0

dump_bytes:
  pop bx
  xchg bx, si
  call print
  xchg bx, si
  push bx
  mov al, ':'
  call put
.byte:
  mov al, ' '
  call put
  lodsb
  call byte_hex
  loop .byte
  mov al, 10
  jmp put

; Up to the zero; SI behind it.
print:
  push ax
.next:
  lodsb
  test al, al
  jz .end
  call put
  jmp .next
.end:
  pop ax
  ret

dword_hex:
  push eax
  shr eax, 16
  call word_hex
  pop eax
word_hex:
  push ax
  mov al, ah
  call byte_hex
  pop ax
byte_hex:
  push ax
  shr al, 4
  call digit
  pop ax
digit:
  push ax
  and al, 15
  cmp al, 10
  sbb al, 0x69
  das
  call put
  pop ax
  ret

put:
  push dx
  push ax
  mov dx, COM1 + 5
.full:
  in al, dx
  test al, 0x20
  jz .full
  mov dx, COM1
  pop ax
  out dx, al
  pop dx
  ret

align 8
table:
  times 16 db 0
  dw 0xffff, 0, 0x9300, 0
  dw 0xffff, 0, 0x9300, 0
  times 16 db 0
entry dd 0
count dw 0
last dw 0
alarmed db 0
injection db 0xd2
packets db 0
packet_words times 4 dw 0
move_now db 'move now', 10, 0
text db 'Text'
done db 'done', 10, 0

times SECTORS * 512 - ($ - $$) db 0
