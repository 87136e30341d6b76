// cpu.h: the instructions that C has no words for.
#pragma once
#include <stdint.h>

#define CR0_WP (1u << 16) // the kernel, too, may not write to read-only pages
#define CR0_PG (1u << 31) // paging on
#define CR4_PSE (1u << 4) // page directory entries may map 4 MiB pages

// The operand of LGDT and LIDT: how long the table is, less one, and where.
struct table_register {
  uint16_t limit;
  uint32_t base;
} __attribute__((packed));

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("out %1, %0" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint32_t read_cr0(void) {
  uint32_t value;
  __asm__ volatile("mov %0, cr0" : "=r"(value));
  return value;
}

static inline void write_cr0(uint32_t value) {
  __asm__ volatile("mov cr0, %0" : : "r"(value) : "memory");
}

// The linear address of the latest page fault.
static inline uint32_t read_cr2(void) {
  uint32_t value;
  __asm__ volatile("mov %0, cr2" : "=r"(value));
  return value;
}

// The physical address of the page directory in use.
static inline uint32_t read_cr3(void) {
  uint32_t value;
  __asm__ volatile("mov %0, cr3" : "=r"(value));
  return value;
}

// Changes the address space. The processor drops all the translations that it remembers (SDM volume 3, 4.10.4.1).
static inline void write_cr3(uint32_t directory) {
  __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory");
}

static inline uint32_t read_cr4(void) {
  uint32_t value;
  __asm__ volatile("mov %0, cr4" : "=r"(value));
  return value;
}

static inline void write_cr4(uint32_t value) {
  __asm__ volatile("mov cr4, %0" : : "r"(value) : "memory");
}

// Drops the remembered translation of one page: needed after its entry was changed, or the old one may stay in use.
static inline void invalidate_page(uint32_t linear) {
  __asm__ volatile("invlpg [%0]" : : "r"(linear) : "memory");
}

// CPUID leaf 1, EDX: what the processor can do.
static inline uint32_t cpu_features(void) {
  uint32_t eax = 1, ebx, ecx, edx;
  __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  return edx;
}

// Stops for good: interrupts off, then sleep.
static inline _Noreturn void halt_forever(void) {
  for (;;) __asm__ volatile("cli\n\thlt" : : : "memory");
}
