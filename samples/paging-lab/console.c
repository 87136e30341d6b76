// console.c: prints to the VGA's text memory, to the serial port COM1 and to the debug port E9.
//
// Put a memory view on 000B8000 and watch it fill: two bytes a cell, the character and its colours.
#include "console.h"
#include "cpu.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define COLUMNS 80u
#define ROWS 25u
#define LOG_ROWS (ROWS - 1) // the bottom row is the status line

#define LIGHT_GREY_ON_BLACK 0x0700u
#define BLACK_ON_LIGHT_GREY 0x7000u

#define CRTC_INDEX 0x3D4
#define CRTC_DATA 0x3D5
#define CRTC_CURSOR_HIGH 0x0E
#define CRTC_CURSOR_LOW 0x0F

#define COM1 0x3F8
#define DEBUG_PORT 0xE9 // Bochs' and QEMU's: what is written there is printed

static volatile uint16_t *const screen = (volatile uint16_t *)0x000B8000;

static uint32_t row, column; // where the next character of the log goes

static void move_cursor(void) {
  uint32_t cell = row * COLUMNS + column;
  out8(CRTC_INDEX, CRTC_CURSOR_HIGH);
  out8(CRTC_DATA, (uint8_t)(cell >> 8));
  out8(CRTC_INDEX, CRTC_CURSOR_LOW);
  out8(CRTC_DATA, (uint8_t)cell);
}

static void clear_row(uint32_t which, uint16_t colours) {
  for (uint32_t i = 0; i < COLUMNS; i++) screen[which * COLUMNS + i] = (uint16_t)(colours | ' ');
}

// Moves every row of the log up by one and clears the last.
static void scroll(void) {
  for (uint32_t i = 0; i < (LOG_ROWS - 1) * COLUMNS; i++) screen[i] = screen[i + COLUMNS];
  clear_row(LOG_ROWS - 1, LIGHT_GREY_ON_BLACK);
}

static void screen_put(char character) {
  if (character == '\n' || column == COLUMNS) {
    column = 0;
    if (row + 1 < LOG_ROWS) row++;
    else scroll();
  }
  if (character != '\n') screen[row * COLUMNS + column++] = (uint16_t)(LIGHT_GREY_ON_BLACK | (uint8_t)character);
}

// Sets COM1 to 115200 bits a second, 8 data bits, no parity, 1 stop bit, without interrupts.
static void serial_init(void) {
  out8(COM1 + 1, 0x00); // no interrupts
  out8(COM1 + 3, 0x80); // DLAB: the next two registers are the divisor ...
  out8(COM1 + 0, 1);    // ... of 115200
  out8(COM1 + 1, 0);
  out8(COM1 + 3, 0x03); // 8N1, DLAB off
  out8(COM1 + 2, 0x07); // FIFOs on and empty
  out8(COM1 + 4, 0x03); // DTR and RTS: we are here
}

static void serial_put(char character) {
  // Line status, bit 5: the transmitter takes another byte. The count keeps a machine without a port from hanging us.
  for (uint32_t patience = 100000; patience > 0 && (in8(COM1 + 5) & 0x20) == 0; patience--) {
  }
  out8(COM1, (uint8_t)character);
}

static void log_put(char character) {
  screen_put(character);
  if (character == '\n') serial_put('\r'); // a terminal wants both; marker: log-return
  serial_put(character);
  out8(DEBUG_PORT, (uint8_t)character);
}

static void status_put(char character) {
  static const uint32_t start = (ROWS - 1) * COLUMNS;
  static uint32_t at;
  if (character == '\r') at = 0; // marker: status-return
  else if (at < COLUMNS) screen[start + at++] = (uint16_t)(BLACK_ON_LIGHT_GREY | (uint8_t)character);
}

// ---------------------------------------------------------------------------------------------------------------------

typedef void put_function(char character);

static void put_string(put_function *put, const char *text) {
  while (*text != '\0') put(*text++);
}

static void put_decimal(put_function *put, uint32_t value) {
  if (value >= 10) put_decimal(put, value / 10); // marker: decimal-recursion
  put((char)('0' + value % 10));
}

static void put_hexadecimal(put_function *put, uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789ABCDEF"[(value >> shift) & 15]);
}

static void put_formatted(put_function *put, const char *format, va_list arguments) {
  for (; *format != '\0'; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    switch (*++format) {
    case 's': put_string(put, va_arg(arguments, const char *)); break;
    case 'u': put_decimal(put, va_arg(arguments, uint32_t)); break;
    case 'x': put_hexadecimal(put, va_arg(arguments, uint32_t)); break;
    default: put(*format); break;
    }
  }
}

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  put_string(log_put, "paging-lab: ");
  put_formatted(log_put, format, arguments);
  log_put('\n');
  move_cursor();
  va_end(arguments);
}

void show_status(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  status_put('\r');
  put_formatted(status_put, format, arguments);
  put_string(status_put, "          "); // over what a longer line left behind
  va_end(arguments);
}

void console_init(void) {
  for (uint32_t i = 0; i < LOG_ROWS; i++) clear_row(i, LIGHT_GREY_ON_BLACK);
  clear_row(ROWS - 1, BLACK_ON_LIGHT_GREY);
  move_cursor();
  serial_init();
}
