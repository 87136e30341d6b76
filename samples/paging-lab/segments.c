// segments.c: the GDT with flat segments (base 0, limit 4 GiB), so that paging alone divides memory, and the TSS.
#include "segments.h"
#include "cpu.h"

// The 32-bit task state segment (SDM volume 3, 7.2.1). Tasks are switched by software here; the processor reads only
// SS0:ESP0 out of it, on every way from CPL 3 to CPL 0.
static struct {
  uint32_t link;
  uint32_t esp0, ss0;
  uint32_t unused[22]; // where a hardware task switch would save registers
  uint16_t trap, io_map;
} task_state;

_Static_assert(sizeof task_state == 104, "the TSS has a fixed form");

static uint64_t gdt[6];

void load_segments(const struct table_register *table); // boot.s

// A descriptor in the processor's scattered form (SDM volume 3, 3.4.5). `access` is its byte 5: P, DPL, S and the type.
static uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
  return (uint64_t)(limit & 0xFFFF) | (uint64_t)(base & 0xFFFFFF) << 16 | (uint64_t)access << 40 |
         (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

void segments_init(void) {
  static const uint8_t flat = 0xC; // G: the limit counts pages; D: 32-bit
  gdt[KERNEL_CODE / 8] = descriptor(0, 0xFFFFF, 0x9A, flat);
  gdt[KERNEL_DATA / 8] = descriptor(0, 0xFFFFF, 0x92, flat);
  gdt[USER_CODE / 8] = descriptor(0, 0xFFFFF, 0xFA, flat); // as the kernel's, with DPL 3
  gdt[USER_DATA / 8] = descriptor(0, 0xFFFFF, 0xF2, flat);
  gdt[TASK_STATE / 8] = descriptor((uint32_t)&task_state, sizeof task_state - 1, 0x89, 0);

  task_state.ss0 = KERNEL_DATA;
  task_state.io_map = sizeof task_state; // beyond the limit: no port is open to CPL 3

  struct table_register table = {.limit = sizeof gdt - 1, .base = (uint32_t)gdt};
  load_segments(&table);
  __asm__ volatile("ltr %w0" : : "r"(TASK_STATE));
}

void set_kernel_stack(uint32_t top) {
  task_state.esp0 = top;
}
