/* kernel.c: what there is to see in the debugger: recursion, structs and pointers, floating-point numbers, a page fault. */
#include "kernel.h"

/* Canonical, and mapped by nobody. */
#define NOWHERE ((const void *)0xffff900000001234)

static struct node nodes[3] = {
    { 10, &nodes[1], "first" },
    { 20, &nodes[2], "second" },
    { 0x123456789abc, 0, "third" },
};

unsigned long rounds;
double last_length;

static double square_root(double value)
{
    double root;
    __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(value));
    return root;
}

long factorial(long n)
{
    if (n <= 1)
        return 1; /* marker: factorial-end */
    return n * factorial(n - 1);
}

double length_of(const struct point *point)
{
    double square = point->x * point->x + point->y * point->y; /* marker: square */
    double root = square_root(square); /* marker: root */
    return root; /* marker: length-return */
}

long framed_leaf(long value)
{
    return value + 1; /* marker: framed-leaf */
}

static void work(unsigned long round)
{
    struct point point = { 3.0, 4.0 };
    struct node *chain = &nodes[0];
    unsigned long big = 0xfedcba9876543210;
    long product = factorial(5); /* marker: call-factorial */
    last_length = length_of(&point); /* marker: call-length */
    long sum = sum_list(chain); /* marker: call-sum */
    big += round; /* marker: after-sum */
    sum += through_assembly(product);
    visit_compatibility((unsigned)round + 21); /* marker: call-compatibility */
    touch(NOWHERE); /* marker: call-touch */
    rounds = round + (big == 0) + (sum == 0); /* marker: end-of-work */
}

void kernel_main(void)
{
    traps_start();
    for (unsigned long round = 1;; round++)
        work(round); /* marker: call-work */
}
