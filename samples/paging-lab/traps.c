// traps.c: the IDT, the interrupt controllers, and the place through which every exception, interrupt and system call comes.
#include "traps.h"
#include "console.h"
#include "cpu.h"
#include "paging.h"
#include "segments.h"
#include "tasks.h"
#include "timer.h"
#include <stddef.h>

#define VECTORS 0x30u // the same in entry.s

#define PIC1 0x20 // the first 8259A's command port; its data port is the next
#define PIC2 0xA0
#define PIC_END_OF_INTERRUPT 0x20
#define PIC_READ_IN_SERVICE 0x0B
#define IRQ_TIMER 0u

// An interrupt gate: a far pointer to the stub, and who may call it by INT n (SDM volume 3, 6.11).
struct gate {
  uint16_t offset_low, selector;
  uint8_t zero, access;
  uint16_t offset_high;
};

static struct gate idt[256]; // a gate that stays zero is 'not present': using it raises #NP, which is fatal here

extern void (*const trap_stubs[VECTORS + 1])(void); // entry.s: vectors 0 to 2Fh, then 80h

static const char *const exception_names[32] = {
    "#DE divide error",     "#DB debug",           "NMI",
    "#BP breakpoint",       "#OF overflow",        "#BR bound range exceeded",
    "#UD invalid opcode",   "#NM no math device",  "#DF double fault",
    "coprocessor overrun",  "#TS invalid TSS",     "#NP segment not present",
    "#SS stack fault",      "#GP general protection", "#PF page fault",
    "reserved",             "#MF x87 error",       "#AC alignment check",
    "#MC machine check",    "#XM SIMD error",      "#VE virtualization",
    "#CP control protection",
};

static void set_gate(uint32_t vector, void (*stub)(void), uint32_t lowest_caller) {
  uint32_t offset = (uint32_t)stub;
  idt[vector] = (struct gate){
      .offset_low = (uint16_t)offset,
      .selector = KERNEL_CODE,
      .access = (uint8_t)(0x8E | lowest_caller << 5), // present, 32-bit interrupt gate: IF is cleared on the way in
      .offset_high = (uint16_t)(offset >> 16),
  };
}

// The firmware left IRQ 0 to 7 at vectors 8 to 15, where they would look like exceptions. Moves all 16 behind those.
static void pic_init(void) {
  out8(PIC1, 0x11); // ICW1: initialise, edge triggered, cascaded, ICW4 follows
  out8(PIC2, 0x11);
  out8(PIC1 + 1, VECTOR_IRQ); // ICW2: the vector of the first line
  out8(PIC2 + 1, VECTOR_IRQ + 8);
  out8(PIC1 + 1, 1 << 2); // ICW3: the second controller hangs on line 2 ...
  out8(PIC2 + 1, 2);      // ... and knows that it does
  out8(PIC1 + 1, 0x01);   // ICW4: 8086 mode
  out8(PIC2 + 1, 0x01);
  out8(PIC1 + 1, (uint8_t) ~(1u << IRQ_TIMER)); // masks: a 1 shuts the line
  out8(PIC2 + 1, 0xFF);
}

// A line that falls back before the processor has asked for its vector is reported as line 7. Such an interrupt is not
// in service, so it must not be ended either.
static int is_spurious(uint32_t line) {
  if (line != 7) return 0;
  out8(PIC1, PIC_READ_IN_SERVICE);
  return (in8(PIC1) & 1 << 7) == 0;
}

void traps_init(void) {
  for (uint32_t vector = 0; vector < VECTORS; vector++) set_gate(vector, trap_stubs[vector], 0);
  set_gate(VECTOR_SYSTEM_CALL, trap_stubs[VECTORS], 3);
  struct table_register table = {.limit = sizeof idt - 1, .base = (uint32_t)idt};
  __asm__ volatile("lidt %0" : : "m"(table));
  pic_init();
}

// Every way into the kernel leads here. Returns the frame to go on with: the same, or another task's.
// The stub in entry.s is the caller. Interrupts are off for as long as we are in the kernel.
struct trap_frame *trap(struct trap_frame *frame) {
  switch (frame->vector) {
  case VECTOR_PAGE_FAULT:
    if (!resolve_page_fault(read_cr2(), frame->error)) fatal(frame, exception_names[VECTOR_PAGE_FAULT]);
    return frame; // the instruction that faulted is tried again, and now it works
  case VECTOR_SYSTEM_CALL:
    return system_call(frame);
  case VECTOR_IRQ + IRQ_TIMER:
    tick_handler(frame); // marker: trap-tick
    out8(PIC1, PIC_END_OF_INTERRUPT); // from now on the controller may send the next
    return next_turn(frame);
  default:
    if (frame->vector >= VECTOR_IRQ) {
      if (is_spurious(frame->vector - VECTOR_IRQ)) return frame;
      fatal(frame, "interrupt of a line that is masked");
    }
    const char *name = exception_names[frame->vector];
    fatal(frame, name != NULL ? name : "reserved");
  }
}

void fatal(const struct trap_frame *frame, const char *why) {
  say("fatal: %s, error %x, in %s", why, frame->error, current_task_name());
  if (frame->vector == VECTOR_PAGE_FAULT) {
    say("  %s %x, page %s, from CPL %u", frame->error & FAULT_WRITE ? "write to" : "read of", read_cr2(),
        frame->error & FAULT_PRESENT ? "present" : "not present", frame->cs & 3);
  }
  say("  eip %x cs %x eflags %x cr3 %x", frame->eip, frame->cs, frame->eflags, read_cr3());
  say("  eax %x ebx %x ecx %x edx %x", frame->eax, frame->ebx, frame->ecx, frame->edx);
  say("  esi %x edi %x ebp %x", frame->esi, frame->edi, frame->ebp);
  say("halted");
  halt_forever();
}

void panic(const char *why) {
  say("fatal: %s, in %s", why, current_task_name());
  say("halted");
  halt_forever();
}
