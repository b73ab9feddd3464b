/* SPDX-License-Identifier: MIT */
#include "cfi_oracle.h"

#include <dwarf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* System V ABI, AMD64: DWARF register numbers. */
#define REGISTER_FP 6u
#define REGISTER_RA 16u

#define STACK_MOST 16u

void cfi_oracle_open(struct cfi_oracle *oracle, const char *path)
{
	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	oracle->fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(oracle->fd >= 0);
	oracle->elf = elf_begin(oracle->fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(oracle->elf);
	oracle->cfi = dwarf_getcfi_elf(oracle->elf);
}

void cfi_oracle_close(struct cfi_oracle *oracle)
{
	if (oracle->cfi)
		assert_int_equal(dwarf_cfi_end(oracle->cfi), 0);
	assert_int_equal(elf_end(oracle->elf), 0);
	assert_int_equal(close(oracle->fd), 0);
}

static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 31) * 0x9e3779b97f4a7c15ull;
	return (v ^ v >> 29) * 0xbf58476d1ce4e5b9ull;
}

/* Made-up registers and memory. The low bits are such that a sum never carries far. */
static uint64_t register_value(uint64_t number)
{
	return mix(number + 1) & ~0xffffull;
}

static uint64_t memory_value(uint64_t address)
{
	return mix(address ^ 0x5555);
}

struct evaluation {
	uint64_t stack[STACK_MOST];
	unsigned depth;
	uint64_t address; /* what the program counter holds */
	uint64_t cfa;
	bool is_value; /* the result is the register's value, not where it is saved */
	bool failed;   /* an operation that is not known here */
};

static void push(struct evaluation *e, uint64_t value)
{
	if (e->depth == STACK_MOST)
		e->failed = true;
	else
		e->stack[e->depth++] = value;
}

static uint64_t pop(struct evaluation *e)
{
	if (e->depth == 0) {
		e->failed = true;
		return 0;
	}
	return e->stack[--e->depth];
}

static void push_register(struct evaluation *e, uint64_t number, uint64_t offset)
{
	push(e, (number == REGISTER_RA ? e->address : register_value(number)) + offset);
}

static void binary(struct evaluation *e, uint8_t atom)
{
	uint64_t b = pop(e), a = pop(e);

	switch (atom) {
	case DW_OP_plus:
		push(e, a + b);
		break;
	case DW_OP_minus:
		push(e, a - b);
		break;
	case DW_OP_and:
		push(e, a & b);
		break;
	case DW_OP_shl:
		push(e, b < 64 ? a << b : 0);
		break;
	case DW_OP_ge:
		push(e, (int64_t)a >= (int64_t)b);
		break;
	default:
		e->failed = true;
	}
}

/* DWARF 5, 2.5.1 and 6.4.2: what occurs in call frame information. */
static void operate(struct evaluation *e, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		push(e, op->atom - DW_OP_lit0);
	} else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		push_register(e, op->atom - DW_OP_breg0, op->number);
	} else if (op->atom == DW_OP_bregx) {
		push_register(e, op->number, op->number2);
	} else if (op->atom == DW_OP_call_frame_cfa) {
		push(e, e->cfa);
	} else if (op->atom == DW_OP_plus_uconst) {
		push(e, pop(e) + op->number);
	} else if (op->atom == DW_OP_deref) {
		push(e, memory_value(pop(e)));
	} else if (op->atom == DW_OP_stack_value) {
		e->is_value = true;
	} else if (op->atom == DW_OP_const1u || op->atom == DW_OP_const1s ||
		   op->atom == DW_OP_const2u || op->atom == DW_OP_const2s ||
		   op->atom == DW_OP_const4u || op->atom == DW_OP_const4s) {
		push(e, op->number);
	} else {
		binary(e, op->atom);
	}
}

static uint64_t evaluate(struct evaluation *e, const Dwarf_Op *ops, size_t count)
{
	for (size_t i = 0; i < count && !e->failed; i++)
		operate(e, &ops[i]);
	return pop(e);
}

struct cfi_row cfi_oracle_row(const struct cfi_oracle *oracle, uint64_t address)
{
	struct cfi_row row = {.start = address, .end = address + 1};
	Dwarf_Op *ops;
	size_t count;

	if (!oracle->cfi || dwarf_cfi_addrframe(oracle->cfi, address, &row.frame) != 0) {
		row.frame = NULL;
		return row;
	}
	assert_int_not_equal(
		dwarf_frame_info(row.frame, &row.start, &row.end, &row.is_signal), -1);
	assert_in_range(address, row.start, row.end - 1);
	/* After DW_CFA_restore_state libdw gives the beginning of the remembered row. */
	row.start = address;
	row.varies = dwarf_frame_cfa(row.frame, &ops, &count) == 0 && count > 1;
	return row;
}

void cfi_oracle_free_row(struct cfi_row *row)
{
	free(row->frame);
	row->frame = NULL;
}

/* Where a register is saved; 0: it is the caller's still, or nobody knows. Returns false
 * where it is neither. */
static bool find_saved(const struct cfi_row *row, unsigned number, struct evaluation *e,
		       bool *ret_undefined, uint64_t *ret_at)
{
	Dwarf_Op room[3], *ops;
	size_t count;

	assert_int_equal(dwarf_frame_register(row->frame, (int)number, room, &ops, &count),
			 0);
	*ret_at = 0;
	*ret_undefined = count == 0 && ops == room;
	if (count == 0)
		return true;
	*ret_at = evaluate(e, ops, count);
	return !e->failed && !e->is_value;
}

struct cfi_way cfi_oracle_way(const struct cfi_row *row, uint64_t address)
{
	const struct cfi_way other = {.outcome = OUTCOME_OTHER};
	struct cfi_way way = {.outcome = OUTCOME_CALLER};
	struct evaluation e = {.address = address}, ra, fp;
	bool undefined;
	Dwarf_Op *ops;
	size_t count;

	if (!row->frame)
		return (struct cfi_way){.outcome = OUTCOME_NONE};
	if (row->is_signal)
		return (struct cfi_way){.outcome = OUTCOME_SIGNAL};
	if (dwarf_frame_cfa(row->frame, &ops, &count) != 0)
		return other;
	ra = e;
	ra.cfa = way.cfa = evaluate(&e, ops, count);
	fp = ra;
	if (!find_saved(row, REGISTER_RA, &ra, &undefined, &way.ra_at))
		return other;
	if (undefined)
		return (struct cfi_way){.outcome = OUTCOME_OUTERMOST};
	if (e.failed || !way.ra_at ||
	    !find_saved(row, REGISTER_FP, &fp, &undefined, &way.fp_at))
		return other;
	return way;
}

struct cfi_way cfi_oracle_way_of_rule(struct cfi_rule rule)
{
	const uint64_t sp = register_value(7), fp = register_value(REGISTER_FP);
	const uint64_t cfa_offset = (uint64_t)(int64_t)rule.cfa_offset;
	const uint64_t fp_offset = (uint64_t)(int64_t)rule.fp_offset;
	struct cfi_way way = {.outcome = OUTCOME_CALLER};

	switch (rule.kind) {
	case CFI_NONE:
		return (struct cfi_way){.outcome = OUTCOME_NONE};
	case CFI_SIGNAL:
		return (struct cfi_way){.outcome = OUTCOME_SIGNAL};
	case CFI_OUTERMOST:
		return (struct cfi_way){.outcome = OUTCOME_OUTERMOST};
	case CFI_STEP:
		way.cfa = (rule.from_fp ? fp : sp) + cfa_offset;
		way.fp_at = rule.fp_offset ? way.cfa + fp_offset : 0;
		break;
	case CFI_REALIGNED:
		way.cfa = memory_value(fp + cfa_offset);
		way.fp_at = fp + fp_offset;
		break;
	default:
		return (struct cfi_way){.outcome = OUTCOME_OTHER};
	}
	way.ra_at = way.cfa - 8;
	return way;
}
