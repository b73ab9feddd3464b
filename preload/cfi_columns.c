/* SPDX-License-Identifier: MIT */
#include "cfi_columns.h"

#include <stddef.h>

#define STATES_MOST 4 /* of DW_CFA_remember_state; compilers nest one deep */

struct machine {
	uintptr_t location;
	const struct cfi_entry *entry;
	bool bad;		    /* an operand that is too large */
	struct cfi_columns *now;    /* the caller's: there is little stack */
	struct cfi_columns initial; /* what the common part set, for DW_CFA_restore */
	struct cfi_columns kept[STATES_MOST];
	unsigned kept_count;
};

/* NULL: of no interest. */
static struct cfi_column *column_of(struct cfi_columns *columns, uint64_t reg)
{
	switch (reg) {
	case CFI_FP:
		return &columns->fp;
	case CFI_SP:
		return &columns->sp;
	case CFI_RIP:
		return &columns->ra;
	case CFI_KEPT_NUMBER(0):
		return &columns->kept[0];
	default:
		break;
	}
	if (reg >= CFI_KEPT_NUMBER(1) && reg <= CFI_KEPT_NUMBER(4))
		return &columns->kept[reg - CFI_KEPT_NUMBER(1) + 1];
	return NULL;
}

static int32_t narrow(struct machine *m, int64_t offset)
{
	m->bad |= offset < INT32_MIN || offset > INT32_MAX;
	return (int32_t)offset;
}

static void set_column(struct machine *m, uint64_t reg, enum cfi_how how, int64_t offset)
{
	struct cfi_column *column = column_of(m->now, reg);

	if (column)
		*column = (struct cfi_column){.how = (uint8_t)how,
					      .offset = narrow(m, offset)};
}

static void restore_column(struct machine *m, uint64_t reg)
{
	struct cfi_column *column = column_of(m->now, reg);

	if (column)
		*column = *column_of(&m->initial, reg);
}

static uint8_t register_number(uint64_t reg)
{
	return reg > CFI_NO_REGISTER ? CFI_NO_REGISTER : (uint8_t)reg;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->now->cfa = (struct cfi_column){.how = CFI_IN_REGISTER,
					  .reg = register_number(reg),
					  .offset = narrow(m, offset)};
}

/* Only where the CFA is a register and an offset has it these two. */
static bool move_cfa(struct machine *m, uint64_t reg)
{
	m->now->cfa.reg = register_number(reg);
	return m->now->cfa.how == CFI_IN_REGISTER;
}

static bool shift_cfa(struct machine *m, int64_t offset)
{
	m->now->cfa.offset = narrow(m, offset);
	return m->now->cfa.how == CFI_IN_REGISTER;
}

static bool take_expression(struct machine *m, struct cfi_bytes *b,
			    struct cfi_column *column, enum cfi_how how)
{
	uint64_t length = cfi_bytes_uleb(b);
	const uint8_t *start = b->pos;

	cfi_bytes_skip(b, length);
	if (column)
		*column = (struct cfi_column){
			.how = (uint8_t)how,
			.length = (uint16_t)length,
			.offset = narrow(m, start - m->entry->instructions.end)};
	return !b->bad && length <= UINT16_MAX;
}

static void advance(struct machine *m, uint64_t delta)
{
	m->location += (uintptr_t)(delta * m->entry->code_align);
}

/* DW_CFA_remember_state and DW_CFA_restore_state. */
static bool keep_columns(struct machine *m)
{
	if (m->kept_count == STATES_MOST)
		return false;
	m->kept[m->kept_count++] = *m->now;
	return true;
}

static bool bring_columns_back(struct machine *m)
{
	if (m->kept_count == 0)
		return false;
	*m->now = m->kept[--m->kept_count];
	return true;
}

/* The instructions that say how a register is saved. Returns false for any other. */
static bool execute_register(struct machine *m, struct cfi_bytes *b, uint8_t op)
{
	const uint64_t reg = cfi_bytes_uleb(b);
	struct cfi_column *column = column_of(m->now, reg);
	uint8_t from;

	switch (op) {
	case 0x05: /* offset_extended */
		set_column(m, reg, CFI_AT_CFA,
			   (int64_t)cfi_bytes_uleb(b) * m->entry->data_align);
		return true;
	case 0x06: /* restore_extended */
		restore_column(m, reg);
		return true;
	case 0x07: /* undefined */
		set_column(m, reg, CFI_UNDEFINED, 0);
		return true;
	case 0x08: /* same_value */
		set_column(m, reg, CFI_SAME, 0);
		return true;
	case 0x09: /* register */
		from = register_number(cfi_bytes_uleb(b));
		if (column)
			*column = (struct cfi_column){.how = CFI_IN_REGISTER, .reg = from};
		return true;
	case 0x10: /* expression */
		return take_expression(m, b, column, CFI_AT_EXPRESSION);
	case 0x11: /* offset_extended_sf */
		set_column(m, reg, CFI_AT_CFA, cfi_bytes_sleb(b) * m->entry->data_align);
		return true;
	case 0x14: /* val_offset */
		set_column(m, reg, CFI_IS_CFA,
			   (int64_t)cfi_bytes_uleb(b) * m->entry->data_align);
		return true;
	case 0x15: /* val_offset_sf */
		set_column(m, reg, CFI_IS_CFA, cfi_bytes_sleb(b) * m->entry->data_align);
		return true;
	case 0x16: /* val_expression */
		return take_expression(m, b, column, CFI_IS_EXPRESSION);
	default:
		return false;
	}
}

/* One of the instructions that are not packed with their operand. Returns false for one
 * that is not known. 0x2e is GNU's. */
static bool execute_extended(struct machine *m, struct cfi_bytes *b, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x02: /* advance_loc1 */
		advance(m, cfi_bytes_fixed(b, 1));
		return true;
	case 0x03: /* advance_loc2 */
		advance(m, cfi_bytes_fixed(b, 2));
		return true;
	case 0x04: /* advance_loc4 */
		advance(m, cfi_bytes_fixed(b, 4));
		return true;
	case 0x0a: /* remember_state */
		return keep_columns(m);
	case 0x0b: /* restore_state */
		return bring_columns_back(m);
	case 0x0c: /* def_cfa */
		reg = cfi_bytes_uleb(b);
		set_cfa(m, reg, (int64_t)cfi_bytes_uleb(b));
		return true;
	case 0x0d: /* def_cfa_register */
		return move_cfa(m, cfi_bytes_uleb(b));
	case 0x0e: /* def_cfa_offset */
		return shift_cfa(m, (int64_t)cfi_bytes_uleb(b));
	case 0x0f: /* def_cfa_expression */
		return take_expression(m, b, &m->now->cfa, CFI_IS_EXPRESSION);
	case 0x12: /* def_cfa_sf */
		reg = cfi_bytes_uleb(b);
		set_cfa(m, reg, cfi_bytes_sleb(b) * m->entry->data_align);
		return true;
	case 0x13: /* def_cfa_offset_sf */
		return shift_cfa(m, cfi_bytes_sleb(b) * m->entry->data_align);
	case 0x2e: /* GNU_args_size */
		(void)cfi_bytes_uleb(b);
		return true;
	default:
		return execute_register(m, b, op);
	}
}

/* Runs instructions up to the columns that cover pc. Returns false when it cannot. */
static bool execute(struct machine *m, struct cfi_bytes b, uintptr_t pc)
{
	while (b.pos < b.end && !b.bad && !m->bad) {
		uint8_t op = cfi_bytes_u8(&b);

		switch (op & 0xc0) {
		case 0x40: /* advance_loc */
			advance(m, op & 0x3f);
			break;
		case 0x80: /* offset */
			set_column(m, op & 0x3f, CFI_AT_CFA,
				   (int64_t)cfi_bytes_uleb(&b) * m->entry->data_align);
			break;
		case 0xc0: /* restore */
			restore_column(m, op & 0x3f);
			break;
		default:
			if (!execute_extended(m, &b, op))
				return false;
		}
		if (m->location > pc)
			break; /* what follows is about later instructions */
	}
	return !b.bad && !m->bad;
}

bool cfi_columns_read(const struct cfi_entry *entry, uintptr_t pc,
		      struct cfi_columns *columns)
{
	struct machine m = {
		.entry = entry,
		.now = columns,
	};

	*columns = (struct cfi_columns){.cfa = {.how = CFI_UNDEFINED}};
	/* The return address is at CFA - 8 by an instruction of every entry. */
	m.location = entry->start;
	if (!execute(&m, entry->common, pc))
		return false;
	m.location = entry->start;
	m.initial = *columns;
	return execute(&m, entry->instructions, pc);
}
