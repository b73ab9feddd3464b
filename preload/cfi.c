/* SPDX-License-Identifier: MIT */
#include "cfi.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

/* System V ABI, AMD64: DWARF register numbers. */
#define REGISTER_FP 6u
#define REGISTER_SP 7u
#define REGISTER_RA 16u

/* Pointer encodings: LSB, table "DWARF Exception Header Encoding". */
#define ENCODING_SDATA4 0x0bu
#define ENCODING_PCREL 0x10u
#define ENCODING_DATAREL 0x30u
#define ENCODING_OMIT 0xffu

#define STATES_MOST 4 /* of DW_CFA_remember_state; compilers nest one deep */

/* A piece of a table. Reading beyond its end gives zeros and sets bad. */
struct bytes {
	const uint8_t *pos;
	const uint8_t *end;
	bool bad;
};

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_register;
	uint8_t pointer_encoding;
	bool has_augmentation;
	bool is_signal;
	struct bytes instructions;
};

enum saved {
	SAVED_SAME,
	SAVED_AT_OFFSET,
	SAVED_UNDEFINED,
	SAVED_OTHERWISE,
	SAVED_AT_FP
};

struct column {
	enum saved how;
	int64_t offset; /* from the CFA; SAVED_AT_FP: from the frame pointer */
};

struct row {
	uint64_t cfa_register;
	int64_t cfa_offset;
	bool cfa_complex;
	bool cfa_is_behind_fp; /* the CFA is the value at frame pointer + cfa_offset */
	struct column fp;
	struct column ra;
};

struct machine {
	uintptr_t pc;
	const struct cie *cie;
	struct row now;
	struct row initial; /* what the CIE set, for DW_CFA_restore */
	struct row kept[STATES_MOST];
	unsigned kept_count;
	uintptr_t location;
};

static uint64_t take_fixed(struct bytes *b, size_t width)
{
	uint64_t v = 0;

	if ((size_t)(b->end - b->pos) < width) {
		b->bad = true;
		b->pos = b->end;
		return 0;
	}
	memcpy(&v, b->pos, width);
	b->pos += width;
	return v;
}

static uint8_t take_byte(struct bytes *b)
{
	return (uint8_t)take_fixed(b, 1);
}

static int32_t take_s32(struct bytes *b)
{
	return (int32_t)take_fixed(b, 4);
}

static uint64_t take_uleb(struct bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = take_byte(b);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !b->bad);
	return v;
}

static int64_t take_sleb(struct bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = take_byte(b);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !b->bad);
	if (shift < 64 && (byte & 0x40))
		v |= ~0ull << shift;
	return (int64_t)v;
}

static void skip(struct bytes *b, uint64_t count)
{
	if (count > (uint64_t)(b->end - b->pos)) {
		b->bad = true;
		b->pos = b->end;
	} else {
		b->pos += count;
	}
}

/* How many bytes a pointer of this encoding takes, or 0: not one of fixed width. */
static size_t pointer_bytes(uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case 0x00: /* absptr */
	case 0x04: /* udata8 */
	case 0x0c: /* sdata8 */
		return 8;
	case 0x02: /* udata2 */
	case 0x0a: /* sdata2 */
		return 2;
	case 0x03: /* udata4 */
	case 0x0b: /* sdata4 */
		return 4;
	default:
		return 0;
	}
}

/* ---- Tables ----------------------------------------------------------------------- */

/* Where a module's tables may lie. */
struct extent {
	const uint8_t *start;
	const uint8_t *limit;
};

/* The body of the CIE or FDE at p; its length comes before. 64-bit lengths are not used on
 * Linux. */
static struct bytes entry_at(const uint8_t *p, struct extent extent)
{
	struct bytes b = {p, extent.limit, p < extent.start || p >= extent.limit};
	uint64_t length;

	if (b.bad) {
		b.pos = b.end;
		return b;
	}
	length = take_fixed(&b, 4);
	if (length == 0 || length >= 0xfffffff0u || length > (uint64_t)(b.end - b.pos))
		b.bad = true;
	else
		b.end = b.pos + length;
	return b;
}

static bool read_cie(const uint8_t *p, struct extent extent, struct cie *cie)
{
	struct bytes b = entry_at(p, extent);
	const char *augmentation;
	uint8_t version;

	if (b.bad || take_fixed(&b, 4) != 0)
		return false;
	version = take_byte(&b);
	augmentation = (const char *)b.pos;
	while (take_byte(&b))
		;
	if (b.bad || (version != 1 && version != 3))
		return false;
	cie->code_align = take_uleb(&b);
	cie->data_align = take_sleb(&b);
	cie->return_register = version == 1 ? take_byte(&b) : take_uleb(&b);
	cie->pointer_encoding = 0;
	cie->is_signal = false;
	cie->has_augmentation = augmentation[0] == 'z';
	if (!cie->has_augmentation && augmentation[0])
		return false;
	if (cie->has_augmentation) {
		uint64_t length = take_uleb(&b);
		const uint8_t *data = b.pos;

		for (const char *a = augmentation + 1; *a; a++) {
			if (*a == 'R')
				cie->pointer_encoding = take_byte(&b);
			else if (*a == 'S')
				cie->is_signal = true;
			else if (*a == 'L')
				(void)take_byte(&b);
			else if (*a == 'P')
				skip(&b, pointer_bytes(take_byte(&b)));
			else
				break; /* the length says where the rest ends */
		}
		b.pos = data;
		skip(&b, length);
	}
	cie->instructions = b;
	return !b.bad && cie->return_register == REGISTER_RA;
}

/* The FDE whose range begins last at or before pc: .eh_frame_hdr's sorted table. */
static const uint8_t *search(const uint8_t *hdr, const uint8_t *limit, uintptr_t pc)
{
	struct bytes b = {hdr, limit, false};
	uint8_t version = take_byte(&b), frame = take_byte(&b),
		count_encoding = take_byte(&b), table = take_byte(&b);
	uint64_t count;
	size_t low = 0, high;
	const uint8_t *entries;

	if (version != 1 || table != (ENCODING_DATAREL | ENCODING_SDATA4) ||
	    frame == ENCODING_OMIT || (count_encoding & 0x0f) != 0x03)
		return NULL;
	skip(&b, pointer_bytes(frame));
	count = take_fixed(&b, 4);
	entries = b.pos;
	if (b.bad || count == 0 || count > (uint64_t)(b.end - b.pos) / 8)
		return NULL;
	high = (size_t)count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int32_t start;

		memcpy(&start, entries + middle * 8, sizeof(start));
		if ((uintptr_t)hdr + (uintptr_t)(intptr_t)start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;

	int32_t offset;

	memcpy(&offset, entries + (low - 1) * 8 + 4, sizeof(offset));
	return hdr + offset;
}

/* ---- Call frame instructions ------------------------------------------------------ */

static void set_column(struct machine *m, uint64_t reg, enum saved how, int64_t offset)
{
	if (reg == REGISTER_FP)
		m->now.fp = (struct column){how, offset};
	else if (reg == REGISTER_RA)
		m->now.ra = (struct column){how, offset};
	else if (reg == REGISTER_SP)
		m->now.cfa_complex = true; /* a stack pointer that is not the CFA */
}

static void restore_column(struct machine *m, uint64_t reg)
{
	if (reg == REGISTER_FP)
		m->now.fp = m->initial.fp;
	else if (reg == REGISTER_RA)
		m->now.ra = m->initial.ra;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->now.cfa_register = reg;
	m->now.cfa_offset = offset;
	m->now.cfa_complex = false;
	m->now.cfa_is_behind_fp = false;
}

static void advance(struct machine *m, uint64_t delta)
{
	m->location += (uintptr_t)(delta * m->cie->code_align);
}

/* DW_CFA_remember_state and DW_CFA_restore_state. */
static bool keep_row(struct machine *m)
{
	if (m->kept_count == STATES_MOST)
		return false;
	m->kept[m->kept_count++] = m->now;
	return true;
}

static bool bring_row_back(struct machine *m)
{
	if (m->kept_count == 0)
		return false;
	m->now = m->kept[--m->kept_count];
	return true;
}

/* An expression "frame pointer + offset", and with `deref` the value there: all that gcc
 * needs where a function aligns its stack and reaches its arguments through another
 * register. DWARF 5, 2.5.1: DW_OP_breg6, DW_OP_deref. */
static bool take_fp_expression(struct bytes *b, bool deref, int64_t *ret_offset)
{
	struct bytes expression = *b;
	uint64_t length = take_uleb(&expression);
	const uint8_t *start = expression.pos;
	int64_t offset;

	skip(b, take_uleb(b));
	if (b->bad || take_byte(&expression) != 0x70 + REGISTER_FP)
		return false;
	offset = take_sleb(&expression);
	if (deref && take_byte(&expression) != 0x06)
		return false;
	*ret_offset = offset;
	return expression.pos == start + length;
}

/* The expression that linkers write for the stubs of a procedure linkage table: stack
 * pointer + 8, and 8 more from the N-th byte of a 16-byte stub on, where it has pushed:
 * breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus. A signal may come there. */
static bool take_plt_expression(struct bytes *b, uintptr_t pc, int64_t *ret_offset)
{
	static const uint8_t pattern[] = {0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a,
					  0x30, 0x2a, 0x33, 0x24, 0x22};
	const size_t literal = 6;
	struct bytes expression = *b;
	unsigned n;

	if (take_uleb(&expression) != sizeof(pattern) ||
	    (size_t)(expression.end - expression.pos) < sizeof(pattern))
		return false;
	n = (unsigned)expression.pos[literal] - pattern[literal];
	if (memcmp(expression.pos, pattern, literal) != 0 || n > 15 ||
	    memcmp(expression.pos + literal + 1, pattern + literal + 1,
		   sizeof(pattern) - literal - 1) != 0)
		return false;
	b->pos = expression.pos + sizeof(pattern);
	*ret_offset = 8 + ((pc & 15) >= n ? 8 : 0);
	return true;
}

/* One of the instructions that are not packed with their operand. Returns false for one
 * that is not known. DWARF 5, 6.4.2 and 7.24; 0x2e is GNU's. */
static bool execute_extended(struct machine *m, struct bytes *b, uint8_t op)
{
	const int64_t scale = m->cie->data_align;
	int64_t offset;
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x02: /* advance_loc1 */
		advance(m, take_fixed(b, 1));
		return true;
	case 0x03: /* advance_loc2 */
		advance(m, take_fixed(b, 2));
		return true;
	case 0x04: /* advance_loc4 */
		advance(m, take_fixed(b, 4));
		return true;
	case 0x05: /* offset_extended */
		reg = take_uleb(b);
		set_column(m, reg, SAVED_AT_OFFSET, (int64_t)take_uleb(b) * scale);
		return true;
	case 0x06: /* restore_extended */
		restore_column(m, take_uleb(b));
		return true;
	case 0x07: /* undefined */
		set_column(m, take_uleb(b), SAVED_UNDEFINED, 0);
		return true;
	case 0x08: /* same_value */
		set_column(m, take_uleb(b), SAVED_SAME, 0);
		return true;
	case 0x09: /* register */
		reg = take_uleb(b);
		(void)take_uleb(b);
		set_column(m, reg, SAVED_OTHERWISE, 0);
		return true;
	case 0x0a: /* remember_state */
		return keep_row(m);
	case 0x0b: /* restore_state */
		return bring_row_back(m);
	case 0x0c: /* def_cfa */
		reg = take_uleb(b);
		set_cfa(m, reg, (int64_t)take_uleb(b));
		return true;
	case 0x0d: /* def_cfa_register */
		set_cfa(m, take_uleb(b), m->now.cfa_offset);
		return true;
	case 0x0e: /* def_cfa_offset */
		m->now.cfa_offset = (int64_t)take_uleb(b);
		return true;
	case 0x0f: /* def_cfa_expression */
		if (take_plt_expression(b, m->pc, &offset)) {
			set_cfa(m, REGISTER_SP, offset);
			return true;
		}
		m->now.cfa_is_behind_fp = take_fp_expression(b, true, &m->now.cfa_offset);
		m->now.cfa_complex = !m->now.cfa_is_behind_fp;
		return true;
	case 0x10: /* expression */
		reg = take_uleb(b);
		if (take_fp_expression(b, false, &offset))
			set_column(m, reg, SAVED_AT_FP, offset);
		else
			set_column(m, reg, SAVED_OTHERWISE, 0);
		return true;
	case 0x16: /* val_expression */
		reg = take_uleb(b);
		skip(b, take_uleb(b));
		set_column(m, reg, SAVED_OTHERWISE, 0);
		return true;
	case 0x11: /* offset_extended_sf */
		reg = take_uleb(b);
		set_column(m, reg, SAVED_AT_OFFSET, take_sleb(b) * scale);
		return true;
	case 0x12: /* def_cfa_sf */
		reg = take_uleb(b);
		set_cfa(m, reg, take_sleb(b) * scale);
		return true;
	case 0x13: /* def_cfa_offset_sf */
		m->now.cfa_offset = take_sleb(b) * scale;
		return true;
	case 0x14: /* val_offset */
	case 0x15: /* val_offset_sf */
		reg = take_uleb(b);
		(void)take_uleb(b);
		set_column(m, reg, SAVED_OTHERWISE, 0);
		return true;
	case 0x2e: /* GNU_args_size */
		(void)take_uleb(b);
		return true;
	default:
		return false;
	}
}

/* Runs instructions up to the row that covers pc. Returns false when it cannot. */
static bool execute(struct machine *m, struct bytes b, uintptr_t pc)
{
	while (b.pos < b.end && m->location <= pc && !b.bad) {
		uint8_t op = take_byte(&b);
		struct row before = m->now;

		switch (op & 0xc0) {
		case 0x40: /* advance_loc */
			advance(m, op & 0x3f);
			break;
		case 0x80: /* offset */
			set_column(m, op & 0x3f, SAVED_AT_OFFSET,
				   (int64_t)take_uleb(&b) * m->cie->data_align);
			break;
		case 0xc0: /* restore */
			restore_column(m, op & 0x3f);
			break;
		default:
			if (!execute_extended(m, &b, op))
				return false;
		}
		if (m->location > pc) {
			m->now = before;
			break;
		}
	}
	return !b.bad;
}

static struct cfi_rule condense(const struct row *row)
{
	struct cfi_rule rule = {.kind = CFI_COMPLEX};

	if (row->ra.how == SAVED_UNDEFINED)
		return (struct cfi_rule){.kind = CFI_OUTERMOST};
	if (row->cfa_is_behind_fp && !row->cfa_complex && row->fp.how == SAVED_AT_FP &&
	    row->ra.how == SAVED_AT_OFFSET && row->ra.offset == -8 &&
	    row->cfa_offset >= INT32_MIN && row->cfa_offset <= INT32_MAX &&
	    row->fp.offset >= INT16_MIN && row->fp.offset <= INT16_MAX)
		return (struct cfi_rule){.kind = CFI_REALIGNED,
					 .cfa_offset = (int32_t)row->cfa_offset,
					 .fp_offset = (int16_t)row->fp.offset};
	if (row->cfa_complex || row->cfa_is_behind_fp || row->ra.how != SAVED_AT_OFFSET ||
	    row->ra.offset != -8 ||
	    (row->cfa_register != REGISTER_SP && row->cfa_register != REGISTER_FP) ||
	    row->cfa_offset < INT32_MIN || row->cfa_offset > INT32_MAX)
		return rule;
	if (row->fp.how == SAVED_AT_OFFSET) {
		if (row->fp.offset < INT16_MIN || row->fp.offset > INT16_MAX ||
		    row->fp.offset == 0)
			return rule;
		rule.fp_offset = (int16_t)row->fp.offset;
	} else if (row->fp.how != SAVED_SAME && row->fp.how != SAVED_UNDEFINED) {
		return rule;
	}
	rule.kind = CFI_STEP;
	rule.from_fp = row->cfa_register == REGISTER_FP;
	rule.cfa_offset = (int32_t)row->cfa_offset;
	return rule;
}

static struct cfi_rule find_between(const uint8_t *eh_frame_hdr, struct extent extent,
				    uintptr_t pc)
{
	const struct cfi_rule none = {.kind = CFI_NONE}, complex = {.kind = CFI_COMPLEX};
	const uint8_t *fde = search(eh_frame_hdr, extent.limit, pc);
	struct machine m = {0};
	struct cie cie;
	struct bytes b;
	uint64_t back;

	if (!fde)
		return none;
	b = entry_at(fde, extent);
	back = take_fixed(&b, 4);
	if (b.bad || back == 0 || back > (uint64_t)(b.pos - 4 - extent.start) ||
	    !read_cie(b.pos - 4 - back, extent, &cie))
		return complex;
	if (cie.pointer_encoding != (ENCODING_PCREL | ENCODING_SDATA4))
		return complex;
	m.location = (uintptr_t)b.pos;
	m.location += (uintptr_t)(intptr_t)take_s32(&b);

	uintptr_t range = (uintptr_t)take_fixed(&b, 4);

	if (b.bad || pc < m.location || pc - m.location >= range)
		return none;
	if (cie.is_signal)
		return (struct cfi_rule){.kind = CFI_SIGNAL};
	if (cie.has_augmentation)
		skip(&b, take_uleb(&b));

	uintptr_t start = m.location;

	m.pc = pc;
	m.cie = &cie;
	m.now.cfa_complex = true;
	if (!execute(&m, cie.instructions, pc))
		return complex;
	m.location = start;
	m.initial = m.now;
	if (!execute(&m, b, pc))
		return complex;
	return condense(&m.now);
}

struct cfi_rule cfi_find_in(const uint8_t *eh_frame_hdr, uintptr_t table_end, uintptr_t pc)
{
	struct extent extent = {eh_frame_hdr, (const uint8_t *)table_end};

	return find_between(eh_frame_hdr, extent, pc);
}

#if __GLIBC_PREREQ(2, 35)
extern __typeof(_dl_find_object) _dl_find_object __attribute__((weak));

struct cfi_rule cfi_find(uintptr_t pc)
{
	struct dl_find_object object;

	if (!_dl_find_object || _dl_find_object((void *)pc, &object) != 0)
		return (struct cfi_rule){.kind = CFI_NONE};
	if (!object.dlfo_eh_frame)
		return (struct cfi_rule){.kind = CFI_NONE};
	return find_between(object.dlfo_eh_frame,
			    (struct extent){object.dlfo_map_start, object.dlfo_map_end},
			    pc);
}
#else
struct cfi_rule cfi_find(uintptr_t pc)
{
	(void)pc;
	return (struct cfi_rule){.kind = CFI_COMPLEX};
}
#endif
