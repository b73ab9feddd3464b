/* SPDX-License-Identifier: MIT */
/* Call frame information that is damaged or ends too soon: answered or not, never a fault.
 */
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "cfi.h"

/* Offsets in .eh_frame_hdr reach 2 GiB either way, and those from there 4 GiB back; all
 * that is not the copy must fault. */
#define ROOM_BELOW ((size_t)7 << 30)
#define ROOM_ABOVE ((size_t)3 << 30)
#define PAGE 4096u

/* .eh_frame_hdr and what follows it in its segment, copied to where nothing is around. */
struct tables {
	const uint8_t *original;
	size_t bytes;
	uint8_t *room; /* the writable part of it, whole pages */
	size_t room_bytes;
	uint8_t *copy;
	uint32_t count; /* of entries */
};

static int find_tables(struct dl_phdr_info *info, size_t size, void *context)
{
	const ElfW(Phdr) *header = NULL;
	struct tables *t = context;

	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			header = &info->dlpi_phdr[i];
	for (int i = 0; header && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *s = &info->dlpi_phdr[i];

		if (s->p_type == PT_LOAD && header->p_vaddr - s->p_vaddr < s->p_memsz) {
			t->original = (const uint8_t *)info->dlpi_addr + header->p_vaddr;
			t->bytes = s->p_vaddr + s->p_memsz - header->p_vaddr;
		}
	}
	return 1;
}

static int copy_tables(void **state)
{
	static struct tables t;
	uint8_t *all;

	dl_iterate_phdr(find_tables, &t);
	if (!t.original)
		return -1;
	t.room_bytes = (t.bytes + PAGE - 1) / PAGE * PAGE;
	all = mmap(NULL, ROOM_BELOW + t.room_bytes + ROOM_ABOVE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return -1;
	t.room = all + ROOM_BELOW;
	if (mprotect(t.room, t.room_bytes, PROT_READ | PROT_WRITE))
		return -1;
	/* Its end is at the end of the page: one byte more is a fault. */
	t.copy = t.room + t.room_bytes - t.bytes;
	memcpy(t.copy, t.original, t.bytes);
	memcpy(&t.count, t.copy + 8, sizeof(t.count));
	*state = &t;
	return 0;
}

static int free_tables(void **state)
{
	struct tables *t = *state;

	return munmap(t->room - ROOM_BELOW, ROOM_BELOW + t->room_bytes + ROOM_ABOVE);
}

/* Entry i of the sorted table: the first address it covers, and its FDE, both from the
 * table's own. */
static int32_t entry_start(const struct tables *t, uint32_t i)
{
	int32_t v;

	memcpy(&v, t->original + 12 + (size_t)i * 8, sizeof(v));
	return v;
}

static int32_t entry_fde(const struct tables *t, uint32_t i)
{
	int32_t v;

	memcpy(&v, t->original + 16 + (size_t)i * 8, sizeof(v));
	return v;
}

static struct cfi_module module_at(const uint8_t *copy, size_t bytes)
{
	return (struct cfi_module){copy, copy, copy + bytes};
}

static bool read_made_up(const struct cfi_known *known, uintptr_t address,
			 uint64_t *ret_word)
{
	(void)known;
	*ret_word = address ^ 0x5555;
	return address % 5 != 0;
}

/* Both answers for an address; the step's does not matter. */
static struct cfi_rule find_in(const uint8_t *copy, size_t bytes, int32_t address)
{
	const struct cfi_module module = module_at(copy, bytes);
	const uintptr_t pc = (uintptr_t)copy + (uintptr_t)(intptr_t)address;
	struct cfi_known known = {.have = (1u << CFI_REGISTERS) - 1, .read = read_made_up};

	(void)cfi_step_in(&module, &known, pc);
	return cfi_find_in(&module, pc);
}

static struct cfi_rule find_in_copy(const struct tables *t, int32_t address)
{
	return find_in(t->copy, t->bytes, address);
}

static void expect_as_in_original(const struct tables *t, const uint8_t *copy, size_t bytes,
				  int32_t address)
{
	uintptr_t offset = (uintptr_t)(intptr_t)address;
	struct cfi_rule a = cfi_find((uintptr_t)t->original + offset);
	struct cfi_rule b = find_in(copy, bytes, address);

	assert_memory_equal(&a, &b, sizeof(a));
}

static void a_copy_says_the_same(void **state)
{
	const struct tables *t = *state;

	assert_true(t->count > 1000);
	for (uint32_t i = 0; i < t->count; i++)
		for (int32_t a = 0; a < 64; a += 5)
			expect_as_in_original(t, t->copy, t->bytes, entry_start(t, i) + a);
	expect_as_in_original(t, t->copy, t->bytes, entry_start(t, 0) - 1);
}

/* A table that was cut is believed as far as it goes, and not read any farther. */
static void cut_tables_are_read_to_their_end(void **state)
{
	struct tables *t = *state;
	unsigned seed = 1;
	size_t whole = 0;

	for (int round = 0; round < 300; round++) {
		size_t bytes =
			round < 40 ? (size_t)round : (size_t)rand_r(&seed) % (t->bytes + 1);
		uint8_t *copy = t->room + t->room_bytes - bytes;

		memcpy(copy, t->original, bytes);
		for (int k = 0; k < 200; k++) {
			uint32_t i = (uint32_t)rand_r(&seed) % t->count;
			size_t fde = (size_t)entry_fde(t, i);
			uint32_t length;

			memcpy(&length, t->original + fde, sizeof(length));
			if (bytes >= fde + 4 + length) {
				expect_as_in_original(t, copy, bytes, entry_start(t, i));
				whole++;
			} else {
				struct cfi_rule rule =
					find_in(copy, bytes, entry_start(t, i));

				assert_true(rule.kind == CFI_NONE ||
					    rule.kind == CFI_UNKNOWN);
			}
		}
	}
	assert_true(whole > 1000);
	memcpy(t->copy, t->original, t->bytes);
}

/* Overwrites some bytes from an offset on, in one of several ways. */
static void damage(struct tables *t, size_t offset, unsigned *seed)
{
	size_t count = (size_t)rand_r(seed) % 8 + 1;

	for (size_t i = offset; i < offset + count && i < t->bytes; i++) {
		switch (rand_r(seed) % 4) {
		case 0:
			t->copy[i] = 0xff;
			break;
		case 1:
			t->copy[i] = 0x80;
			break;
		case 2:
			t->copy[i] ^= (uint8_t)(1u << rand_r(seed) % 8);
			break;
		default:
			t->copy[i] = (uint8_t)rand_r(seed);
		}
	}
}

/* Damages that part of the tables (from, and so many bytes) `rounds` times, and looks for
 * addresses of entry i each time. Only a fault fails. */
static void try_damaged(struct tables *t, uint32_t i, size_t from, size_t span, int rounds,
			unsigned *seed)
{
	for (int round = 0; round < rounds; round++) {
		damage(t, from + (size_t)rand_r(seed) % span, seed);
		for (int32_t a = 0; a < 48; a += 9)
			(void)find_in_copy(t, entry_start(t, i) + a);
		/* Damage adds up for a while. */
		if (round % 4 == 3 || round == rounds - 1)
			memcpy(t->copy + from, t->original + from, span + 8);
	}
}

static void damaged_headers_are_survived(void **state)
{
	struct tables *t = *state;
	unsigned seed = 2;

	for (int k = 0; k < 2000; k++)
		try_damaged(t, (uint32_t)rand_r(&seed) % t->count, 0, 12, 4, &seed);
	a_copy_says_the_same(state);
}

static void damaged_search_tables_are_survived(void **state)
{
	struct tables *t = *state;
	unsigned seed = 3;

	for (int k = 0; k < 10000; k++) {
		uint32_t i = (uint32_t)rand_r(&seed) % t->count;

		try_damaged(t, i, 12 + (size_t)i * 8, 8, 4, &seed);
	}
	a_copy_says_the_same(state);
}

static void damaged_entries_are_survived(void **state)
{
	struct tables *t = *state;
	unsigned seed = 4;

	for (int k = 0; k < 20000; k++) {
		uint32_t i = (uint32_t)rand_r(&seed) % t->count;
		size_t fde = (size_t)entry_fde(t, i);
		uint32_t back;

		try_damaged(t, i, fde, 32, 8, &seed);
		/* The CIE that it points back to. */
		memcpy(&back, t->original + fde + 4, sizeof(back));
		try_damaged(t, i, fde + 4 - back, 24, 4, &seed);
	}
	a_copy_says_the_same(state);
}

/* Expressions of any bytes: a value or none, and nothing beyond their end. */
static void any_expression_is_survived(void **state)
{
	struct tables *t = *state;
	uint8_t *end = t->room + t->room_bytes;
	unsigned seed = 5;
	uint64_t valued = 0, value;

	for (int round = 0; round < 300000; round++) {
		size_t length = (size_t)rand_r(&seed) % 24;
		struct cfi_known known = {.have = (uint32_t)rand_r(&seed),
					  .read = read_made_up};
		struct cfi_bytes expression = {end - length, end, false};

		for (size_t i = 0; i < length; i++)
			end[-(ptrdiff_t)length + (ptrdiff_t)i] =
				(uint8_t)(rand_r(&seed) % 3 ? 0x06 + rand_r(&seed) % 0x90
							    : rand_r(&seed));
		valued += cfi_expression_value(expression, &known, &(uint64_t){99}, &value);
	}
	assert_in_range(valued, 1000, 299000);
	memcpy(t->copy, t->original, t->bytes);
}

#define with_tables(test) cmocka_unit_test_setup_teardown(test, copy_tables, free_tables)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tables(a_copy_says_the_same),
		with_tables(cut_tables_are_read_to_their_end),
		with_tables(damaged_headers_are_survived),
		with_tables(damaged_search_tables_are_survived),
		with_tables(damaged_entries_are_survived),
		with_tables(any_expression_is_survived),
	};

	return cmocka_run_group_tests_name("damaged_cfi", tests, NULL, NULL);
}
