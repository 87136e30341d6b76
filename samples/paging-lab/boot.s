# boot.s: the Multiboot header, the kernel's first instructions, and the two jumps that C cannot make.
#
# A Multiboot loader (GRUB, QEMU's -kernel, Shadowbox's own) looks for the header below in the first 8 KiB of the file,
# loads the ELF segments to their physical addresses and jumps to the entry point in this state (Multiboot 0.6.96, 3.2):
# 32-bit protected mode, paging off, flat segments, interrupts off, EAX = a magic number, EBX = address of the
# information structure. The stack pointer is not set: that is the first thing for us to do.

        .intel_syntax noprefix

        .set    HEADER_MAGIC, 0x1BADB002
        .set    HEADER_FLAGS, 0x00000003        # bit 0: align modules on pages; bit 1: tell us the memory size

        .section .multiboot, "a"
        .balign 4
        .long   HEADER_MAGIC
        .long   HEADER_FLAGS
        .long   -(HEADER_MAGIC + HEADER_FLAGS)  # the checksum: the three add up to zero

        .cfi_sections .debug_frame              # unwinding is for the debugger only: nothing of it is loaded

# ----------------------------------------------------------------------------------------------------------------------
        .text
        .globl  _start
        .type   _start, @function
_start:
        .cfi_startproc
        .cfi_undefined eip                      # nobody called us: the call stack ends here
        mov     esp, offset boot_stack_top
        xor     ebp, ebp                        # and so ends the chain of frame pointers
        push    ebx                             # second argument: the information structure
        push    eax                             # first argument: the magic number
        call    kernel_main                     # void kernel_main(uint32_t magic, struct multiboot_info *info)
1:      cli                                     # it does not return; if it did, we would rest here
        hlt
        jmp     1b
        .cfi_endproc
        .size   _start, . - _start

# ----------------------------------------------------------------------------------------------------------------------
# void load_segments(const struct table_register *gdt)
#
# Loads the GDT and then every segment register: a register keeps the descriptor that it was loaded with (its hidden
# part), so a new table has no effect before the registers are loaded again. CS can only be loaded by a far transfer.

        .globl  load_segments
        .type   load_segments, @function
load_segments:
        .cfi_startproc
        mov     eax, [esp + 4]
        lgdt    [eax]
        push    0x08                            # KERNEL_CODE
        push    offset 1f
        retf                                    # pops EIP, then CS
1:      mov     eax, 0x10                       # KERNEL_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        xor     eax, eax                        # FS and GS are not used: a null selector faults if somebody tries
        mov     fs, eax
        mov     gs, eax
        ret
        .cfi_endproc
        .size   load_segments, . - load_segments

# ----------------------------------------------------------------------------------------------------------------------
# void idle_loop(void)
#
# What the processor does when no task wants it. It runs at CPL 0 with interrupts on, so that the timer can wake it.

        .globl  idle_loop
        .type   idle_loop, @function
idle_loop:
        .cfi_startproc
        .cfi_undefined eip
1:      hlt
        jmp     1b
        .cfi_endproc
        .size   idle_loop, . - idle_loop

# ----------------------------------------------------------------------------------------------------------------------
        .bss
        .balign 16
        .skip   4096
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
