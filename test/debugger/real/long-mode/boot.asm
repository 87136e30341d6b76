; boot.asm: from Multiboot's 32-bit protected mode to 64-bit code in the upper half, and a visit to compatibility mode.
;
; The first GiB of memory is mapped twice: one to one with 2 MiB pages, and at KERNEL. There its first 2 MiB have pages of
; 4 KiB, so that both kinds of walk can be seen; what lies behind the code may not be executed.

KERNEL      equ 0xffffffff80000000
MAGIC       equ 0x1badb002
HAS_ADDRESSES equ 1 << 16

PRESENT     equ 1
WRITABLE    equ 2
LARGE       equ 1 << 7
NO_EXECUTE_HIGH equ 1 << 31          ; in the upper half of an entry

EFER        equ 0xc0000080
EFER_BITS   equ 1 | 1 << 8 | 1 << 11 ; SCE, LME, NXE
CR4_BITS    equ 1 << 5 | 1 << 9 | 1 << 10 ; PAE, OSFXSR, OSXMMEXCPT
CR0_BITS    equ 1 << 31 | 1 << 16 | 1 << 5 | 1 << 1 ; PG, WP, NE, MP

CODE64      equ 0x08
DATA        equ 0x10
CODE32      equ 0x18

extern load_start, load_end, bss_end, code_end
extern kernel_main, framed_leaf

section .boot progbits alloc exec write align=16
bits 32
header:
    dd MAGIC, HAS_ADDRESSES, -(MAGIC + HAS_ADDRESSES)
    dd header, load_start, load_end, bss_end, _start

global _start
_start:                              ; marker: entry
    mov esp, low_stack_end
    ; Both halves lead to the same memory.
    mov dword [pml4 - KERNEL], (pdpt_low - KERNEL) + PRESENT + WRITABLE
    mov dword [pml4 - KERNEL + 8 * 511], (pdpt_high - KERNEL) + PRESENT + WRITABLE
    mov dword [pdpt_low - KERNEL], (pd_low - KERNEL) + PRESENT + WRITABLE
    mov dword [pdpt_high - KERNEL + 8 * 510], (pd_high - KERNEL) + PRESENT + WRITABLE
    xor ecx, ecx
.large:
    mov eax, ecx
    shl eax, 21
    or eax, PRESENT | WRITABLE | LARGE
    mov [pd_low - KERNEL + 8 * ecx], eax
    mov [pd_high - KERNEL + 8 * ecx], eax
    inc ecx
    cmp ecx, 512
    jb .large
    mov dword [pd_high - KERNEL], (pt_high - KERNEL) + PRESENT + WRITABLE
    xor ecx, ecx
.small:
    mov eax, ecx
    shl eax, 12
    or eax, PRESENT | WRITABLE
    mov [pt_high - KERNEL + 8 * ecx], eax
    cmp eax, code_end
    jb .executable
    mov dword [pt_high - KERNEL + 8 * ecx + 4], NO_EXECUTE_HIGH
.executable:
    inc ecx
    cmp ecx, 512
    jb .small

    mov eax, cr4
    or eax, CR4_BITS
    mov cr4, eax
    mov eax, pml4 - KERNEL
    mov cr3, eax
    mov ecx, EFER
    rdmsr
    or eax, EFER_BITS
    wrmsr
    mov eax, cr0
    or eax, CR0_BITS
    mov cr0, eax                     ; marker: activates
    lgdt [gdt_pointer]               ; marker: compatibility
    jmp CODE64:low64

bits 64
low64:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov rax, upper
    jmp rax                          ; marker: to-upper-half

; visit_compatibility(value): doubles a number in 32-bit code. The stack must lie below 4 GiB there, and the upper halves
; of the registers are lost.
section .text
global visit_compatibility
visit_compatibility:
    push rbp
    mov rbp, rsp
    mov [rel saved_stack], rsp
    mov eax, edi
    mov rsp, low_stack_end
    push CODE32
    push double32
    retfq
.back:
    mov rsp, [rel saved_stack]
    pop rbp
    ret

section .boot
bits 32
double32:
    push ebp
    mov ebp, esp
    call leaf32
    pop ebp
    jmp CODE64:leave32
leaf32:
    push ebp
    mov ebp, esp
    add eax, eax                     ; marker: compatibility-leaf
    pop ebp
    ret
bits 64
leave32:
    mov rcx, visit_compatibility.back
    jmp rcx

align 8
gdt:
    dq 0
    dq 0x00af9b000000ffff            ; 64-bit code
    dq 0x00cf93000000ffff            ; data
    dq 0x00cf9b000000ffff            ; 32-bit code
gdt_pointer:
    dw gdt_pointer - gdt - 1
    dq gdt

align 16
    times 2048 db 0
low_stack_end:

section .text
upper:
    mov rsp, stack_end               ; marker: upper-half
    xor ebp, ebp
    call kernel_main
    cli
    hlt

; A function with a frame pointer and without call frame information.
global through_assembly
through_assembly:
    push rbp
    mov rbp, rsp
    sub rsp, 16
    call framed_leaf
    mov rsp, rbp
    pop rbp
    ret

; unsigned long touch(const void *address): where the fault handler goes on, it gives 0.
global touch, touch_failed
touch:
    push rbp
    mov rbp, rsp
    mov rax, [rdi]                   ; marker: touch
    pop rbp
    ret
touch_failed:
    xor eax, eax
    pop rbp
    ret

section .bss
align 4096
pml4:      resb 4096
pdpt_low:  resb 4096
pdpt_high: resb 4096
pd_low:    resb 4096
pd_high:   resb 4096
pt_high:   resb 4096
           resb 16384
stack_end:
saved_stack: resq 1
