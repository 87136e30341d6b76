# entry.s: where interrupts and exceptions enter the kernel. The call frame information says how to get back to what they
# have interrupted, so a debugger can walk from a handler into it.

    .cfi_sections .debug_frame
    .text

    .macro stub vector has_code
    .balign 16
stub_\vector:
    .cfi_startproc simple
    .cfi_signal_frame
    .if \has_code
    .cfi_def_cfa rsp, 16
    .else
    .cfi_def_cfa rsp, 8
    pushq $0
    .cfi_adjust_cfa_offset 8
    .endif
    .cfi_offset rip, -8
    .cfi_offset rsp, 16
    pushq $\vector
    .cfi_adjust_cfa_offset 8
    jmp enter
    .cfi_endproc
    .endm

    # Exceptions with an error code: 8, 10 to 14, 17.
    .altmacro
    .set number, 0
    .rept 33
    .set code, (number == 8) || (number >= 10 && number <= 14) || number == 17
    stub %number, %code
    .set number, number + 1
    .endr

enter:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 24
    .cfi_offset rip, -8
    .cfi_offset rsp, 16
    .irp register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    pushq %\register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \register, 0
    .endr
    movq %rsp, %rdi
    call trap
    .irp register, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
    popq %\register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endr
    addq $16, %rsp
    iretq
    .cfi_endproc

    .section .rodata
    .balign 8
    .globl stubs
    .type stubs, @object
    .size stubs, 33 * 8
stubs:
    .set number, 0
    .macro address vector
    .quad stub_\vector
    .endm
    .rept 33
    address %number
    .set number, number + 1
    .endr
