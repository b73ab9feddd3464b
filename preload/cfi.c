/* SPDX-License-Identifier: MIT */
#include "cfi.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

/* ---- Rules -------------------------------------------------------------------------- */

/* An expression "frame pointer + offset", and with `deref` the value there: all that gcc
 * needs where a function aligns its stack and reaches its arguments through another
 * register. DWARF 5, 2.5.1: DW_OP_breg6, DW_OP_deref. */
static bool is_at_fp(struct cfi_bytes expression, bool deref, int64_t *ret_offset)
{
	int64_t offset;

	if (cfi_bytes_u8(&expression) != 0x70 + CFI_FP)
		return false;
	offset = cfi_bytes_sleb(&expression);
	if (deref && cfi_bytes_u8(&expression) != 0x06)
		return false;
	*ret_offset = offset;
	return !expression.bad && expression.pos == expression.end;
}

/* The expression that linkers write for the stubs of a procedure linkage table: stack
 * pointer + 8, and 8 more from the N-th byte of a 16-byte stub on, where it has pushed:
 * breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus. A signal may come there. */
static bool is_plt(struct cfi_bytes expression, uintptr_t pc, int64_t *ret_offset)
{
	static const uint8_t pattern[] = {0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a,
					  0x30, 0x2a, 0x33, 0x24, 0x22};
	const size_t literal = 6;
	unsigned n;

	if ((size_t)(expression.end - expression.pos) != sizeof(pattern))
		return false;
	n = (unsigned)expression.pos[literal] - pattern[literal];
	if (memcmp(expression.pos, pattern, literal) != 0 || n > 15 ||
	    memcmp(expression.pos + literal + 1, pattern + literal + 1,
		   sizeof(pattern) - literal - 1) != 0)
		return false;
	*ret_offset = 8 + ((pc & 15) >= n ? 8 : 0);
	return true;
}

static bool condense_realigned(const struct cfi_entry *entry,
			       const struct cfi_columns *columns, struct cfi_rule *ret_rule)
{
	int64_t cfa_offset, fp_offset;

	if (columns->fp.how != CFI_AT_EXPRESSION ||
	    !is_at_fp(cfi_column_expression(entry, &columns->cfa), true, &cfa_offset) ||
	    !is_at_fp(cfi_column_expression(entry, &columns->fp), false, &fp_offset) ||
	    cfa_offset < INT32_MIN || cfa_offset > INT32_MAX || fp_offset < INT16_MIN ||
	    fp_offset > INT16_MAX)
		return false;
	*ret_rule = (struct cfi_rule){.kind = CFI_REALIGNED,
				      .cfa_offset = (int32_t)cfa_offset,
				      .fp_offset = (int16_t)fp_offset};
	return true;
}

static struct cfi_rule condense(const struct cfi_entry *entry,
				const struct cfi_columns *columns, uintptr_t pc)
{
	const struct cfi_rule evaluated = {.kind = CFI_EVALUATED};
	struct cfi_rule rule = {.kind = CFI_STEP};
	int64_t cfa_offset = columns->cfa.offset;

	if (columns->ra.how == CFI_UNDEFINED)
		return (struct cfi_rule){.kind = CFI_OUTERMOST};
	if (columns->ra.how != CFI_AT_CFA || columns->ra.offset != -8 ||
	    columns->sp.how != CFI_SAME)
		return evaluated;
	if (columns->cfa.how == CFI_IS_EXPRESSION) {
		if (condense_realigned(entry, columns, &rule))
			return rule;
		if (!is_plt(cfi_column_expression(entry, &columns->cfa), pc, &cfa_offset))
			return evaluated;
	} else if (columns->cfa.how == CFI_IN_REGISTER && columns->cfa.reg == CFI_FP) {
		rule.from_fp = true;
	} else if (columns->cfa.how != CFI_IN_REGISTER || columns->cfa.reg != CFI_SP) {
		return evaluated;
	}
	rule.cfa_offset = (int32_t)cfa_offset;
	if (columns->fp.how == CFI_AT_CFA && columns->fp.offset >= INT16_MIN &&
	    columns->fp.offset <= INT16_MAX && columns->fp.offset != 0)
		rule.fp_offset = (int16_t)columns->fp.offset;
	else if (columns->fp.how != CFI_SAME && columns->fp.how != CFI_UNDEFINED)
		return evaluated;
	return rule;
}

struct cfi_rule cfi_find_in(const struct cfi_module *module, uintptr_t pc)
{
	struct cfi_columns columns;
	struct cfi_entry entry;

	switch (cfi_tables_find(module, pc, &entry)) {
	case CFI_FOUND:
		break;
	case CFI_NOT_COVERED:
		return (struct cfi_rule){.kind = CFI_NONE};
	default:
		return (struct cfi_rule){.kind = CFI_UNKNOWN};
	}
	if (entry.is_signal)
		return (struct cfi_rule){.kind = CFI_SIGNAL};
	if (!cfi_columns_read(&entry, pc, &columns))
		return (struct cfi_rule){.kind = CFI_UNKNOWN};
	return condense(&entry, &columns, pc);
}

/* ---- Steps -------------------------------------------------------------------------- */

/* What evaluating a column takes. */
struct frame {
	const struct cfi_entry *entry;
	struct cfi_known *known;
	uint64_t cfa;
};

static bool find_cfa(struct frame *frame, const struct cfi_column *column)
{
	uint64_t value;

	switch (column->how) {
	case CFI_IN_REGISTER:
		if (!cfi_known_register(frame->known, column->reg, &value))
			return false;
		frame->cfa = value + (uint64_t)(int64_t)column->offset;
		return true;
	case CFI_IS_EXPRESSION:
		return cfi_expression_value(cfi_column_expression(frame->entry, column),
					    frame->known, NULL, &frame->cfa);
	default:
		return false;
	}
}

/* What the caller's register `number` holds, by its column. */
static bool find_value(const struct frame *frame, const struct cfi_column *column,
		       unsigned number, uint64_t *ret_value)
{
	uint64_t value = frame->cfa + (uint64_t)(int64_t)column->offset;

	switch (column->how) {
	case CFI_SAME:
		return cfi_known_register(frame->known, number, ret_value);
	case CFI_AT_CFA:
		return frame->known->read(frame->known, (uintptr_t)value, ret_value);
	case CFI_IS_CFA:
		*ret_value = value;
		return true;
	case CFI_IN_REGISTER:
		return cfi_known_register(frame->known, column->reg, ret_value);
	case CFI_AT_EXPRESSION:
	case CFI_IS_EXPRESSION:
		if (!cfi_expression_value(cfi_column_expression(frame->entry, column),
					  frame->known, &frame->cfa, &value))
			return false;
		if (column->how == CFI_AT_EXPRESSION)
			return frame->known->read(frame->known, (uintptr_t)value,
						  ret_value);
		*ret_value = value;
		return true;
	default:
		return false;
	}
}

/* The same, without a word when it is not known: few frames are found by these. */
static bool find_kept(const struct frame *frame, const struct cfi_column *column,
		      unsigned number, uint64_t *ret_value)
{
	const uint8_t lacked = frame->known->lacked;
	bool found = find_value(frame, column, number, ret_value);

	frame->known->lacked = lacked;
	return found;
}

bool cfi_step_in(const struct cfi_module *module, struct cfi_known *known, uintptr_t pc)
{
	struct cfi_entry entry;
	struct frame frame = {.entry = &entry, .known = known};
	struct cfi_columns columns;
	uint64_t ra, sp, fp = 0, kept[CFI_KEPT];
	uint32_t have = 1u << CFI_RIP | 1u << CFI_SP;

	if (cfi_tables_find(module, pc, &entry) != CFI_FOUND || entry.is_signal ||
	    !cfi_columns_read(&entry, pc, &columns))
		return false;
	if (!find_cfa(&frame, &columns.cfa) ||
	    !find_value(&frame, &columns.ra, CFI_RIP, &ra))
		return false;
	sp = frame.cfa;
	if (columns.sp.how != CFI_SAME && !find_value(&frame, &columns.sp, CFI_SP, &sp))
		return false;
	if (columns.fp.how == CFI_UNDEFINED)
		columns.fp.how = CFI_SAME; /* as good as any: nobody will go by it */
	if (find_value(&frame, &columns.fp, CFI_FP, &fp))
		have |= 1u << CFI_FP;
	for (unsigned i = 0; i < CFI_KEPT; i++)
		if (find_kept(&frame, &columns.kept[i], CFI_KEPT_NUMBER(i), &kept[i]))
			have |= 1u << CFI_KEPT_NUMBER(i);
	for (unsigned i = 0; i < CFI_KEPT; i++)
		if (have >> CFI_KEPT_NUMBER(i) & 1)
			known->registers[CFI_KEPT_NUMBER(i)] = kept[i];
	known->registers[CFI_RIP] = ra;
	known->registers[CFI_SP] = sp;
	known->registers[CFI_FP] = fp;
	known->have = have;
	return true;
}

/* ---- Modules ------------------------------------------------------------------------ */

#if __GLIBC_PREREQ(2, 35)
extern __typeof(_dl_find_object) _dl_find_object __attribute__((weak));

#define KIND_OUTSIDE CFI_NONE

static bool find_module(uintptr_t pc, struct cfi_module *ret_module)
{
	struct dl_find_object object;

	if (!_dl_find_object || _dl_find_object((void *)pc, &object) != 0 ||
	    !object.dlfo_eh_frame)
		return false;
	ret_module->eh_frame_hdr = object.dlfo_eh_frame;
	/* Of a program whose segments do not follow each other closely, the C library gives
	 * the one that pc is in; the tables are in another. */
	if ((uintptr_t)ret_module->eh_frame_hdr - (uintptr_t)object.dlfo_map_start >=
		    (uintptr_t)object.dlfo_map_end - (uintptr_t)object.dlfo_map_start &&
	    _dl_find_object(object.dlfo_eh_frame, &object) != 0)
		return false;
	ret_module->start = object.dlfo_map_start;
	ret_module->limit = object.dlfo_map_end;
	return true;
}
#else
#define KIND_OUTSIDE CFI_UNKNOWN

static bool find_module(uintptr_t pc, struct cfi_module *ret_module)
{
	(void)pc;
	(void)ret_module;
	return false;
}
#endif

struct cfi_rule cfi_find(uintptr_t pc)
{
	struct cfi_module module;

	if (!find_module(pc, &module))
		return (struct cfi_rule){.kind = KIND_OUTSIDE};
	return cfi_find_in(&module, pc);
}

bool cfi_step(struct cfi_known *known, uintptr_t pc)
{
	struct cfi_module module;

	return find_module(pc, &module) && cfi_step_in(&module, known, pc);
}
