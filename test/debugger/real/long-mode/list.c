/* list.c: built without frame pointers and with its locals in registers, as distributions build their kernels. */
#include "kernel.h"

__attribute__((noinline)) static long value_of(const struct node *node)
{
    __asm__ volatile("" ::: "memory");
    return node->value; /* marker: value-of */
}

long sum_list(const struct node *first)
{
    long sum = 0;
    for (const struct node *node = first; node; node = node->next)
        sum += value_of(node); /* marker: sum-loop */
    return sum;
}
