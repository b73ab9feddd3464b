/* SPDX-License-Identifier: MIT */
#include "cfi_expression.h"

#include <stddef.h>

/* What occurs needs four at most. */
#define STACK_MOST 8u

struct evaluation {
	struct cfi_known *known;
	struct cfi_bytes code;
	unsigned depth;
	bool bad;
	uint64_t stack[STACK_MOST];
};

bool cfi_known_register(struct cfi_known *known, uint64_t number, uint64_t *ret_value)
{
	if (number >= CFI_REGISTERS || !(known->have >> number & 1)) {
		known->lacked = number < CFI_REGISTERS ? (uint8_t)number : CFI_REGISTERS;
		return false;
	}
	*ret_value = known->registers[number];
	return true;
}

static void push(struct evaluation *e, uint64_t value)
{
	if (e->depth == STACK_MOST)
		e->bad = true;
	else
		e->stack[e->depth++] = value;
}

static uint64_t pop(struct evaluation *e)
{
	if (e->depth == 0) {
		e->bad = true;
		return 0;
	}
	return e->stack[--e->depth];
}

/* The entry so far below the top. */
static uint64_t at(struct evaluation *e, unsigned below)
{
	if (below >= e->depth) {
		e->bad = true;
		return 0;
	}
	return e->stack[e->depth - 1 - below];
}

static void push_register(struct evaluation *e, uint64_t number)
{
	const int64_t offset = cfi_bytes_sleb(&e->code);
	uint64_t value = 0;

	if (!cfi_known_register(e->known, number, &value))
		e->bad = true;
	push(e, value + (uint64_t)offset);
}

static void push_constant(struct evaluation *e, uint8_t op)
{
	/* const1u, const1s, const2u, ... const8s */
	const size_t width = (size_t)1 << (op - 0x08) / 2;

	if (op == 0x10) /* constu */
		push(e, cfi_bytes_uleb(&e->code));
	else if (op == 0x11) /* consts */
		push(e, (uint64_t)cfi_bytes_sleb(&e->code));
	else if (op % 2)
		push(e, (uint64_t)cfi_bytes_signed(&e->code, width));
	else
		push(e, cfi_bytes_fixed(&e->code, width));
}

static void push_memory(struct evaluation *e)
{
	uint64_t word = 0, address = pop(e);

	if (e->bad || !e->known->read(e->known, (uintptr_t)address, &word))
		e->bad = true;
	push(e, word);
}

static void binary(struct evaluation *e, uint8_t op)
{
	const uint64_t b = pop(e), a = pop(e);

	switch (op) {
	case 0x1a: /* and */
		push(e, a & b);
		break;
	case 0x1c: /* minus */
		push(e, a - b);
		break;
	case 0x1e: /* mul */
		push(e, a * b);
		break;
	case 0x21: /* or */
		push(e, a | b);
		break;
	case 0x22: /* plus */
		push(e, a + b);
		break;
	case 0x24: /* shl */
		push(e, b < 64 ? a << b : 0);
		break;
	case 0x25: /* shr */
		push(e, b < 64 ? a >> b : 0);
		break;
	case 0x26: /* shra */
		push(e, (uint64_t)((int64_t)a >> (b < 64 ? b : 63)));
		break;
	case 0x27: /* xor */
		push(e, a ^ b);
		break;
	case 0x29: /* eq */
		push(e, a == b);
		break;
	case 0x2a: /* ge */
		push(e, (int64_t)a >= (int64_t)b);
		break;
	case 0x2b: /* gt */
		push(e, (int64_t)a > (int64_t)b);
		break;
	case 0x2c: /* le */
		push(e, (int64_t)a <= (int64_t)b);
		break;
	case 0x2d: /* lt */
		push(e, (int64_t)a < (int64_t)b);
		break;
	case 0x2e: /* ne */
		push(e, a != b);
		break;
	default:
		e->bad = true;
	}
}

/* The operations that only move what is on the stack, and those on its top alone. */
static bool rearrange(struct evaluation *e, uint8_t op)
{
	uint64_t a, b;

	switch (op) {
	case 0x12: /* dup */
		push(e, at(e, 0));
		return true;
	case 0x13: /* drop */
		(void)pop(e);
		return true;
	case 0x14: /* over */
		push(e, at(e, 1));
		return true;
	case 0x15: /* pick */
		push(e, at(e, cfi_bytes_u8(&e->code)));
		return true;
	case 0x16: /* swap */
		a = pop(e);
		b = pop(e);
		push(e, a);
		push(e, b);
		return true;
	case 0x1f: /* neg */
		push(e, -pop(e));
		return true;
	case 0x20: /* not */
		push(e, ~pop(e));
		return true;
	case 0x23: /* plus_uconst */
		push(e, pop(e) + cfi_bytes_uleb(&e->code));
		return true;
	case 0x96: /* nop */
		return true;
	default:
		return false;
	}
}

static void operate(struct evaluation *e, uint8_t op)
{
	if (op >= 0x30 && op <= 0x4f) /* lit0 to lit31 */
		push(e, op - 0x30u);
	else if (op >= 0x70 && op <= 0x8f) /* breg0 to breg31 */
		push_register(e, op - 0x70u);
	else if (op == 0x92) /* bregx */
		push_register(e, cfi_bytes_uleb(&e->code));
	else if (op >= 0x08 && op <= 0x11)
		push_constant(e, op);
	else if (op == 0x06) /* deref */
		push_memory(e);
	else if (!rearrange(e, op))
		binary(e, op);
}

bool cfi_expression_value(struct cfi_bytes expression, struct cfi_known *known,
			  const uint64_t *cfa, uint64_t *ret_value)
{
	struct evaluation e;
	uint64_t value;

	e.known = known;
	e.code = expression;
	e.depth = 0;
	e.bad = false;
	if (cfa)
		push(&e, *cfa);
	while (e.code.pos < e.code.end && !e.bad && !e.code.bad)
		operate(&e, cfi_bytes_u8(&e.code));
	value = pop(&e);
	if (e.bad || e.code.bad)
		return false;
	*ret_value = value;
	return true;
}
