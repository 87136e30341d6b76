/* traps.c: the IDT, the timer, and what happens when something enters the kernel. Uses no SSE register: nobody saves them. */
#include "kernel.h"

enum { VECTORS = 33, TIMER = 32, PAGE_FAULT = 14, CODE = 0x08, INTERRUPT_GATE = 0x8e };
/* 1.193182 MHz / 2386: about every 2 ms. */
enum { PIT_COUNT = 2386 };

struct gate {
    unsigned short offset_low, selector;
    unsigned char stack, type;
    unsigned short offset_middle;
    unsigned offset_high, reserved;
};

extern const unsigned long stubs[VECTORS];
extern const char touch_failed[];

static struct gate idt[VECTORS];
volatile unsigned long ticks;
unsigned long fault_address, fault_count;

static void out(unsigned short port, unsigned char value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void tick(const struct trap_frame *frame)
{
    ticks += frame->vector == TIMER; /* marker: tick */
    out(0x20, 0x20);
}

void trap(struct trap_frame *frame)
{
    if (frame->vector == TIMER) {
        tick(frame);
        return;
    }
    if (frame->vector != PAGE_FAULT)
        for (;;)
            __asm__ volatile("cli; hlt");
    __asm__("mov %%cr2, %0" : "=r"(fault_address));
    fault_count++; /* marker: fault */
    frame->rip = (unsigned long)touch_failed;
}

void traps_start(void)
{
    for (int vector = 0; vector < VECTORS; vector++) {
        unsigned long offset = stubs[vector];
        idt[vector] = (struct gate){ offset, CODE, 0, INTERRUPT_GATE, offset >> 16, offset >> 32, 0 };
    }
    struct __attribute__((packed)) { unsigned short limit; const void *base; } pointer = { sizeof idt - 1, idt };
    __asm__ volatile("lidt %0" : : "m"(pointer));
    /* 8259A: vectors from 20h, all but the timer masked. 8254: channel 0, mode 2. */
    out(0x20, 0x11); out(0x21, TIMER); out(0x21, 4); out(0x21, 1); out(0x21, 0xfe);
    out(0x43, 0x34); out(0x40, PIT_COUNT & 0xff); out(0x40, PIT_COUNT >> 8);
    __asm__ volatile("sti");
}
