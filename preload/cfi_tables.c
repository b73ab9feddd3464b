/* SPDX-License-Identifier: MIT */
#include "cfi_tables.h"

#include <stddef.h>
#include <string.h>

/* System V ABI, AMD64: DWARF register number. */
#define REGISTER_RA 16u

/* Pointer encodings: LSB, table "DWARF Exception Header Encoding". */
#define ENCODING_SDATA4 0x0bu
#define ENCODING_PCREL 0x10u
#define ENCODING_DATAREL 0x30u
#define ENCODING_OMIT 0xffu

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_register;
	uint8_t pointer_encoding;
	bool has_augmentation;
	bool is_signal;
	struct cfi_bytes instructions;
};

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

/* The body of the CIE or FDE at p; its length comes before. 64-bit lengths are not used on
 * Linux. */
static struct cfi_bytes entry_at(const uint8_t *p, const struct cfi_module *module)
{
	struct cfi_bytes b = {p, module->limit, p < module->start || p >= module->limit};
	uint64_t length;

	if (b.bad) {
		b.pos = b.end;
		return b;
	}
	length = cfi_bytes_fixed(&b, 4);
	if (length == 0 || length >= 0xfffffff0u || length > (uint64_t)(b.end - b.pos))
		b.bad = true;
	else
		b.end = b.pos + length;
	return b;
}

static bool read_cie(const uint8_t *p, const struct cfi_module *module, struct cie *cie)
{
	struct cfi_bytes b = entry_at(p, module);
	const char *augmentation;
	uint8_t version;

	if (b.bad || cfi_bytes_fixed(&b, 4) != 0)
		return false;
	version = cfi_bytes_u8(&b);
	augmentation = (const char *)b.pos;
	while (cfi_bytes_u8(&b))
		;
	if (b.bad || (version != 1 && version != 3))
		return false;
	cie->code_align = cfi_bytes_uleb(&b);
	cie->data_align = cfi_bytes_sleb(&b);
	cie->return_register = version == 1 ? cfi_bytes_u8(&b) : cfi_bytes_uleb(&b);
	cie->pointer_encoding = 0;
	cie->is_signal = false;
	cie->has_augmentation = augmentation[0] == 'z';
	if (!cie->has_augmentation && augmentation[0])
		return false;
	if (cie->has_augmentation) {
		uint64_t length = cfi_bytes_uleb(&b);
		const uint8_t *data = b.pos;

		for (const char *a = augmentation + 1; *a; a++) {
			if (*a == 'R')
				cie->pointer_encoding = cfi_bytes_u8(&b);
			else if (*a == 'S')
				cie->is_signal = true;
			else if (*a == 'L')
				(void)cfi_bytes_u8(&b);
			else if (*a == 'P')
				cfi_bytes_skip(&b, pointer_bytes(cfi_bytes_u8(&b)));
			else
				break; /* the length says where the rest ends */
		}
		b.pos = data;
		cfi_bytes_skip(&b, length);
	}
	cie->instructions = b;
	return !b.bad && cie->return_register == REGISTER_RA;
}

/* The FDE whose range begins last at or before pc: .eh_frame_hdr's sorted table. */
static const uint8_t *search(const uint8_t *hdr, const uint8_t *limit, uintptr_t pc)
{
	struct cfi_bytes b = {hdr, limit, false};
	uint8_t version = cfi_bytes_u8(&b), frame = cfi_bytes_u8(&b),
		count_encoding = cfi_bytes_u8(&b), table = cfi_bytes_u8(&b);
	uint64_t count;
	size_t low = 0, high;
	const uint8_t *entries;

	if (version != 1 || table != (ENCODING_DATAREL | ENCODING_SDATA4) ||
	    frame == ENCODING_OMIT || (count_encoding & 0x0f) != 0x03)
		return NULL;
	cfi_bytes_skip(&b, pointer_bytes(frame));
	count = cfi_bytes_fixed(&b, 4);
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

enum cfi_lookup cfi_tables_find(const struct cfi_module *module, uintptr_t pc,
				struct cfi_entry *ret_entry)
{
	const uint8_t *fde = search(module->eh_frame_hdr, module->limit, pc);
	struct cie cie;
	struct cfi_bytes b;
	uintptr_t start, range;
	uint64_t back;

	if (!fde)
		return CFI_NOT_COVERED;
	b = entry_at(fde, module);
	back = cfi_bytes_fixed(&b, 4);
	if (b.bad || back == 0 || back > (uint64_t)(b.pos - 4 - module->start) ||
	    !read_cie(b.pos - 4 - back, module, &cie))
		return CFI_UNREADABLE;
	if (cie.pointer_encoding != (ENCODING_PCREL | ENCODING_SDATA4))
		return CFI_UNREADABLE;
	start = (uintptr_t)b.pos;
	start += (uintptr_t)(intptr_t)cfi_bytes_signed(&b, 4);
	range = (uintptr_t)cfi_bytes_fixed(&b, 4);
	if (b.bad || pc < start || pc - start >= range)
		return CFI_NOT_COVERED;
	if (cie.has_augmentation)
		cfi_bytes_skip(&b, cfi_bytes_uleb(&b));
	*ret_entry = (struct cfi_entry){
		.start = start,
		.code_align = cie.code_align,
		.data_align = cie.data_align,
		.is_signal = cie.is_signal,
		.common = cie.instructions,
		.instructions = b,
	};
	return CFI_FOUND;
}
