// traps.h: what the kernel knows of the code that an exception, an interrupt or a system call has stopped.
#pragma once
#include <stdint.h>

#define VECTOR_PAGE_FAULT 14u
#define VECTOR_IRQ 0x20u // IRQ 0 to 15 arrive at 20h to 2Fh
#define VECTOR_SYSTEM_CALL 0x80u

// The registers in the order in which entry.s and, from `eip` on, the processor push them (the last is pushed first).
struct trap_frame {
  uint32_t es, ds;
  uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
  uint32_t vector, error; // error is 0 for a vector that has no error code
  uint32_t eip, cs, eflags;
  uint32_t esp, ss; // there only if `cs` is a task's: from CPL 0 to CPL 0 the stack stays
};

// Fills the IDT and the interrupt controllers. All interrupt lines but the timer's stay masked.
void traps_init(void);

// Prints why and where, and halts for good.
_Noreturn void fatal(const struct trap_frame *frame, const char *why);
_Noreturn void panic(const char *why);

// Goes (back) into the code that the frame describes. In entry.s.
_Noreturn void resume(struct trap_frame *frame);
