/* Parts whose control flow is hard to foresee: indirect calls, and an interpreter of bytecode. */
#include "../parts.h"

#define CALLEE(n, expression) static OUT_OF_LINE uint32_t callee_##n(uint32_t x) { return expression; }
CALLEE(0, x + 1) CALLEE(1, x ^ 0x5555) CALLEE(2, x * 3) CALLEE(3, x - 7) CALLEE(4, x >> 1) CALLEE(5, x << 1 | 1) CALLEE(6, ~x) CALLEE(7, x + (x >> 3))
CALLEE(8, x ^ x << 2) CALLEE(9, x * 5 + 1) CALLEE(10, x & 0x7fffffff) CALLEE(11, x | 16) CALLEE(12, x - (x >> 4)) CALLEE(13, x ^ 99) CALLEE(14, x + 1000) CALLEE(15, -x)

static uint32_t (*volatile const callees[16])(uint32_t) = {
	callee_0, callee_1, callee_2, callee_3, callee_4, callee_5, callee_6, callee_7,
	callee_8, callee_9, callee_10, callee_11, callee_12, callee_13, callee_14, callee_15,
};

uint32_t indirect_calls(void)
{
	uint32_t value = 1, choice = 12345;
	for (uint32_t i = 0; i < 12000000; i++) {
		choice = choice * 1103515245 + 12345;
		value = callees[choice >> 16 & 15](value) + i;
	}
	return value;
}

/* A machine with a stack: what its programs are made of. */
enum { PUSH, LOAD, STORE, ADD, SUBTRACT, MULTIPLY, EXCLUSIVE_OR, SHIFT, JUMP_IF, END };

/* a = 0; for (n = 1500000; n != 0; n--) a = (a * 31 + n) ^ (a >> 7); */
static const int32_t program[] = {
	PUSH, 0, STORE, 0, PUSH, 1500000, STORE, 1,
	LOAD, 0, PUSH, 31, MULTIPLY, LOAD, 1, ADD, LOAD, 0, PUSH, 7, SHIFT, EXCLUSIVE_OR, STORE, 0,
	LOAD, 1, PUSH, 1, SUBTRACT, STORE, 1, LOAD, 1, JUMP_IF, 8,
	END,
};

static WITHIN_A_PAGE uint32_t interpret(const int32_t *code)
{
	uint32_t stack[16], variables[4] = { 0 }, *top = stack;
	for (const int32_t *at = code;;) {
		switch (*at++) {
		case PUSH: *top++ = (uint32_t)*at++; break;
		case LOAD: *top++ = variables[*at++]; break;
		case STORE: variables[*at++] = *--top; break;
		case ADD: top--; top[-1] += top[0]; break;
		case SUBTRACT: top--; top[-1] -= top[0]; break;
		case MULTIPLY: top--; top[-1] *= top[0]; break;
		case EXCLUSIVE_OR: top--; top[-1] ^= top[0]; break;
		case SHIFT: top--; top[-1] >>= top[0]; break;
		case JUMP_IF: at = *--top != 0 ? code + *at : at + 1; break;
		default: return variables[0];
		}
	}
}

uint32_t bytecode(void)
{
	const int32_t *volatile code = program;
	return interpret(code);
}
