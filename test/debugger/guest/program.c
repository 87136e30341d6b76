/*
 * The little program that the adapter's conversations debug (test/debugger): compiled with -O0 for the fake machine,
 * which knows few instructions.
 */
struct point {
  int x;
  int y;
  unsigned color : 4;
  unsigned shade : 4;
};

int counter = 40;
struct point corner = { 3, -4, 5, 9 };
char greeting[] = "hello";

void outside(void);
void port_out(int port, int value);

int add(int left, int right)
{
  int sum = left + right; /* marker: add-body */
  return sum;             /* marker: add-return */
}

int twice(int value)
{
  int result = add(value, value); /* marker: twice-body */
  outside();                      /* marker: twice-outside */
  return result;                  /* marker: twice-return */
}

int loop(int rounds)
{
  int total = 0;
  for (int i = 0; i < rounds; i++) /* marker: loop-for */
    total += i;                    /* marker: loop-body */
  return total;                    /* marker: loop-return */
}

/* The loop's head has code in front of the body and behind it, and calls in both. */
void head(int rounds)
{
  for (int i = add(0, 0); i < add(rounds, 0); i++) /* marker: head-for */
    counter++;                                     /* marker: head-body */
}                                                  /* marker: head-end */

void finish(int how)
{
  if (how == 6) head(1); /* marker: finish-head */
  if (how == 1) __asm__ volatile("ud2");
  if (how == 2) __asm__ volatile("hlt");
  if (how == 3) port_out(0xf4, 5);
  if (how == 4) port_out(0x60, 0);
  if (how == 5) *(volatile int *)0x40000000 = 1; /* marker: finish-fault */
  for (;;) counter++; /* marker: spin */
}

void kernel_main(int how)
{
  struct point *pointer = &corner; /* marker: main-start */
  int numbers[3] = { 7, 8, 9 };    /* marker: main-numbers */
  counter = twice(numbers[1]);     /* marker: main-twice */
  pointer->x = counter;            /* marker: main-after */
  port_out(0xe9, 'A');
  port_out(0x3f8, 'B');
  loop(3);                         /* marker: main-loop */
  finish(how);                     /* marker: main-finish */
}
