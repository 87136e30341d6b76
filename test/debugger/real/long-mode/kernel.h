/* kernel.h: what the parts of the kernel know of each other. */
#pragma once

struct node {
    long value;
    struct node *next;
    const char *name;
};

struct point {
    double x;
    double y;
};

/* As entry.s pushes it. */
struct trap_frame {
    unsigned long r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    unsigned long vector, error_code;
    unsigned long rip, cs, rflags, rsp, ss;
};

extern volatile unsigned long ticks;
extern unsigned long fault_address, fault_count;

void traps_start(void);
long sum_list(const struct node *first);
long through_assembly(long value);
unsigned long touch(const void *address);
unsigned visit_compatibility(unsigned value);
