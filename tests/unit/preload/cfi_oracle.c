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
	push(e, (number == CFI_RIP ? e->address : register_value(number)) + offset);
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
	case DW_OP_mul:
		push(e, a * b);
		break;
	case DW_OP_or:
		push(e, a | b);
		break;
	case DW_OP_xor:
		push(e, a ^ b);
		break;
	case DW_OP_shr:
		push(e, b < 64 ? a >> b : 0);
		break;
	case DW_OP_shra:
		push(e, (uint64_t)((int64_t)a >> (b < 64 ? b : 63)));
		break;
	case DW_OP_eq:
		push(e, a == b);
		break;
	case DW_OP_ne:
		push(e, a != b);
		break;
	case DW_OP_lt:
		push(e, (int64_t)a < (int64_t)b);
		break;
	case DW_OP_le:
		push(e, (int64_t)a <= (int64_t)b);
		break;
	case DW_OP_gt:
		push(e, (int64_t)a > (int64_t)b);
		break;
	case DW_OP_ge:
		push(e, (int64_t)a >= (int64_t)b);
		break;
	default:
		e->failed = true;
	}
}

/* The operations that have to do with the stack alone. */
static bool rearrange(struct evaluation *e, const Dwarf_Op *op)
{
	uint64_t a, b;

	switch (op->atom) {
	case DW_OP_dup:
		a = pop(e);
		push(e, a);
		push(e, a);
		return true;
	case DW_OP_drop:
		(void)pop(e);
		return true;
	case DW_OP_swap:
	case DW_OP_over:
		a = pop(e);
		b = pop(e);
		if (op->atom == DW_OP_over)
			push(e, b);
		push(e, a);
		push(e, b);
		return true;
	case DW_OP_pick:
		if (op->number >= e->depth)
			e->failed = true;
		else
			push(e, e->stack[e->depth - 1 - op->number]);
		return true;
	case DW_OP_neg:
		push(e, 0 - pop(e));
		return true;
	case DW_OP_not:
		push(e, ~pop(e));
		return true;
	case DW_OP_nop:
		return true;
	default:
		return false;
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
	} else if (op->atom == DW_OP_regx) {
		push_register(e, op->number, 0);
		e->is_value = true;
	} else if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		push_register(e, op->atom - DW_OP_reg0, 0);
		e->is_value = true;
	} else if (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts) {
		push(e, op->number);
	} else if (!rearrange(e, op)) {
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

/* What the caller's register holds. Returns false where that cannot be evaluated. */
static bool find_saved(const struct cfi_row *row, unsigned number, struct evaluation e,
		       bool *ret_undefined, uint64_t *ret_value)
{
	Dwarf_Op room[3], *ops;
	size_t count;

	assert_int_equal(dwarf_frame_register(row->frame, (int)number, room, &ops, &count),
			 0);
	*ret_undefined = count == 0 && ops == room;
	if (count == 0) {
		push_register(&e, number, 0);
		*ret_value = pop(&e);
		return true;
	}
	*ret_value = evaluate(&e, ops, count);
	if (!e.is_value)
		*ret_value = memory_value(*ret_value);
	return !e.failed;
}

struct cfi_way cfi_oracle_way(const struct cfi_row *row, uint64_t address)
{
	const struct cfi_way unknown = {.outcome = OUTCOME_UNKNOWN};
	struct cfi_way way = {.outcome = OUTCOME_CALLER};
	struct evaluation e = {.address = address};
	bool undefined;
	Dwarf_Op *ops;
	size_t count;

	if (!row->frame)
		return (struct cfi_way){.outcome = OUTCOME_NONE};
	if (row->is_signal)
		return (struct cfi_way){.outcome = OUTCOME_SIGNAL};
	if (dwarf_frame_cfa(row->frame, &ops, &count) != 0)
		return unknown;
	e.cfa = evaluate(&e, ops, count);
	e.depth = 0;
	if (!find_saved(row, CFI_RIP, e, &undefined, &way.pc))
		return unknown;
	if (undefined)
		return (struct cfi_way){.outcome = OUTCOME_OUTERMOST};
	if (e.failed || !find_saved(row, CFI_SP, e, &undefined, &way.sp) ||
	    !find_saved(row, CFI_FP, e, &undefined, &way.fp))
		return unknown;
	return way;
}

bool cfi_ways_are_equal(struct cfi_way a, struct cfi_way b)
{
	return a.outcome == b.outcome && a.sp == b.sp && a.pc == b.pc && a.fp == b.fp;
}

static bool read_made_up(const struct cfi_known *known, uintptr_t address,
			 uint64_t *ret_word)
{
	(void)known;
	*ret_word = memory_value(address);
	return true;
}

static struct cfi_known make_frame(uint64_t address)
{
	struct cfi_known known = {.read = read_made_up};

	for (unsigned i = 0; i < CFI_REGISTERS; i++)
		known.registers[i] = i == CFI_RIP ? address : register_value(i);
	known.have = (1u << CFI_REGISTERS) - 1;
	return known;
}

static struct cfi_way way_of_step(const struct cfi_module *module, uintptr_t pc,
				  uint64_t address)
{
	struct cfi_known known = make_frame(address);

	if (!cfi_step_in(module, &known, pc))
		return (struct cfi_way){.outcome = OUTCOME_UNKNOWN};
	assert_int_equal(~known.have & (1u << CFI_SP | 1u << CFI_RIP | 1u << CFI_FP), 0);
	return (struct cfi_way){.outcome = OUTCOME_CALLER,
				.sp = known.registers[CFI_SP],
				.pc = known.registers[CFI_RIP],
				.fp = known.registers[CFI_FP]};
}

static struct cfi_way way_of_rule(struct cfi_rule rule)
{
	const uint64_t sp = register_value(CFI_SP), fp = register_value(CFI_FP);
	const uint64_t cfa_offset = (uint64_t)(int64_t)rule.cfa_offset;
	const uint64_t fp_offset = (uint64_t)(int64_t)rule.fp_offset;
	struct cfi_way way = {.outcome = OUTCOME_CALLER};

	if (rule.kind == CFI_REALIGNED) {
		way.sp = memory_value(fp + cfa_offset);
		way.fp = memory_value(fp + fp_offset);
	} else {
		way.sp = (rule.from_fp ? fp : sp) + cfa_offset;
		way.fp = rule.fp_offset ? memory_value(way.sp + fp_offset) : fp;
	}
	way.pc = memory_value(way.sp - 8);
	return way;
}

struct cfi_way cfi_oracle_way_in(const struct cfi_module *module, uintptr_t pc,
				 uint64_t address, struct cfi_rule *ret_rule)
{
	struct cfi_rule rule = cfi_find_in(module, pc);
	struct cfi_way way = way_of_step(module, pc, address);

	*ret_rule = rule;
	switch (rule.kind) {
	case CFI_NONE:
		return (struct cfi_way){.outcome = OUTCOME_NONE};
	case CFI_SIGNAL:
		return (struct cfi_way){.outcome = OUTCOME_SIGNAL};
	case CFI_OUTERMOST:
		return (struct cfi_way){.outcome = OUTCOME_OUTERMOST};
	case CFI_STEP:
	case CFI_REALIGNED:
		/* A step must come to the same: it goes through such frames too. */
		assert_true(cfi_ways_are_equal(way, way_of_rule(rule)));
		return way;
	case CFI_EVALUATED:
		return way;
	default:
		return (struct cfi_way){.outcome = OUTCOME_UNKNOWN};
	}
}

bool cfi_oracle_is_of_calls(const struct cfi_module *module, uintptr_t pc)
{
	struct cfi_known known = make_frame(pc);

	/* System V ABI, AMD64 supplement, 3.2.1: rbx, rbp, rsp, r12 to r15. */
	known.have = 1u << 3 | 1u << 6 | 1u << 7 | 0xfu << 12 | 1u << CFI_RIP;
	return cfi_step_in(module, &known, pc);
}
