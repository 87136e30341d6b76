// console.h: where the lab's words go.
#pragma once

// Makes the screen and the serial port ready.
void console_init(void);

// Prints a line made from `format`, which knows %s, %u (decimal) and %x (always eight hexadecimal digits), to the screen,
// to COM1 and to port E9. The line gets "paging-lab: " in front and a line end behind.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Writes the bottom row of the screen anew, with the same formats. It goes nowhere else.
void show_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
