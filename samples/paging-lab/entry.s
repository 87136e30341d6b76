# entry.s: the way into the kernel by an exception, an interrupt or a system call, and the way back out.
#
# The processor looks a vector up in the IDT and jumps to one of the small stubs below. By then it has pushed EFLAGS, CS
# and EIP, for some exceptions an error code, and, if it came from CPL 3, before all these SS and ESP: to the stack that
# the TSS names. The stub makes the picture the same for all (a zero where there is no error code, then the vector), and
# `enter_kernel` completes it to a struct trap_frame (traps.h) and calls
#
#     struct trap_frame *trap(struct trap_frame *frame)
#
# which returns the frame to go back to. If that is another task's frame, the way back out leads into the other task:
# that is all there is to task switching here.
#
# The .cfi lines tell a debugger how to look through the frame at what was interrupted. CFA is the address above EFLAGS.

        .intel_syntax noprefix
        .cfi_sections .debug_frame

        .set    VECTORS, 0x30                   # 32 exceptions and 16 interrupt lines
        .set    SYSTEM_CALL, 0x80
        .set    KERNEL_DATA, 0x10

# The exceptions that push an error code (SDM volume 3, table 6-1): 8, 10 to 14, 17, 21, 29 and 30, as a bit set.
        .set    WITH_ERROR_CODE, (1 << 8) | (31 << 10) | (1 << 17) | (1 << 21) | (3 << 29)

        .macro  stub vector, has_error
stub_\vector:
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_offset eip, -12
        .if     \has_error
        .cfi_def_cfa esp, 16
        .else
        .cfi_def_cfa esp, 12
        push    0
        .cfi_adjust_cfa_offset 4
        .endif
        push    \vector
        .cfi_adjust_cfa_offset 4
        jmp     enter_kernel
        .cfi_endproc
        .pushsection .rodata
        .long   stub_\vector
        .popsection
        .endm

# The table of the stubs' addresses, from which traps.c builds the IDT: void (*const trap_stubs[VECTORS + 1])(void).
        .section .rodata
        .balign 4
        .globl  trap_stubs
        .type   trap_stubs, @object
trap_stubs:                                     # each stub appends its own address

        .text
        .altmacro
        .set    vector, 0
        .rept   VECTORS
        .if     vector < 32
        stub    %vector, %((WITH_ERROR_CODE >> vector) & 1)
        .else
        stub    %vector, 0
        .endif
        .set    vector, vector + 1
        .endr
        stub    %SYSTEM_CALL, 0
        .noaltmacro

# ----------------------------------------------------------------------------------------------------------------------
        .globl  enter_kernel
        .type   enter_kernel, @function
enter_kernel:
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa esp, 20                    # vector, error code, EIP, CS, EFLAGS
        .cfi_offset eip, -12
        pushad                                  # EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI
        .cfi_adjust_cfa_offset 32
        .cfi_offset eax, -24
        .cfi_offset ecx, -28
        .cfi_offset edx, -32
        .cfi_offset ebx, -36
        .cfi_offset ebp, -44
        .cfi_offset esi, -48
        .cfi_offset edi, -52
        push    ds
        .cfi_adjust_cfa_offset 4
        push    es
        .cfi_adjust_cfa_offset 4
        mov     eax, KERNEL_DATA
        mov     ds, eax
        mov     es, eax
        cld                                     # C code expects DF = 0; a task may have left it set
        push    esp                             # the argument: where the frame begins
        .cfi_adjust_cfa_offset 4
        call    trap
        mov     esp, eax                        # the frame to go back to
        .cfi_def_cfa_offset 60

leave_kernel:
        pop     es
        .cfi_adjust_cfa_offset -4
        pop     ds
        .cfi_adjust_cfa_offset -4
        popad                                   # it skips the ESP slot
        .cfi_adjust_cfa_offset -32
        .cfi_same_value eax
        .cfi_same_value ecx
        .cfi_same_value edx
        .cfi_same_value ebx
        .cfi_same_value ebp
        .cfi_same_value esi
        .cfi_same_value edi
        add     esp, 8                          # vector and error code
        .cfi_adjust_cfa_offset -8
        iretd                                   # EIP, CS, EFLAGS; and ESP, SS if CS says CPL 3
        .cfi_endproc
        .size   enter_kernel, . - enter_kernel

# ----------------------------------------------------------------------------------------------------------------------
# _Noreturn void resume(struct trap_frame *frame)
#
# Goes out by the same door without having come in by it: this starts the first task.

        .globl  resume
        .type   resume, @function
resume:
        .cfi_startproc
        .cfi_undefined eip
        mov     esp, [esp + 4]
        jmp     leave_kernel
        .cfi_endproc
        .size   resume, . - resume

        .section .note.GNU-stack, "", @progbits
