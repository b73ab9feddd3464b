/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: every row of every library in this process as libdw reads it, and
 * tables that are damaged or end too soon.
 */
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "cfi.h"
#include "cfi_oracle.h"

/* ---- Against the oracle ------------------------------------------------------------- */

/* How many rows were answered as libdw does, left to a full unwinder, or wrong. */
struct tally {
	uint64_t exact, left, wrong;
	uint64_t gaps; /* places without a row, of which we know none either */
	uint64_t signals, outermost, realigned, stubs;
};

static bool ways_are_equal(struct cfi_way a, struct cfi_way b)
{
	return a.outcome == b.outcome && a.cfa == b.cfa && a.ra_at == b.ra_at &&
	       a.fp_at == b.fp_at;
}

static void report_wrong(const char *path, uint64_t address, struct cfi_way expected,
			 struct cfi_rule rule)
{
	print_error("%s+%#llx: outcome %d expected; the rule is of kind %d, %s%+d, %+d\n",
		    path, (unsigned long long)address, (int)expected.outcome,
		    (int)rule.kind, rule.from_fp ? "fp" : "sp", (int)rule.cfa_offset,
		    (int)rule.fp_offset);
}

/* Several addresses of a row: all of a short one, and of one that may depend on them. */
static void check_row(const char *path, uintptr_t bias, const struct cfi_row *row,
		      struct tally *tally)
{
	uint64_t length = row->end - row->start;
	uint64_t step = length <= 4 || row->varies ? 1 : (length - 1) / 3;
	bool left = false;

	for (uint64_t a = row->start; a < row->end; a += step) {
		struct cfi_rule rule = cfi_find(bias + a);
		struct cfi_way expected = cfi_oracle_way(row, a);

		if (rule.kind == CFI_COMPLEX) {
			left = true;
		} else if (!ways_are_equal(expected, cfi_oracle_way_of_rule(rule))) {
			if (tally->wrong++ < 10)
				report_wrong(path, a, expected, rule);
			return;
		}
		if (a == row->start && row->frame) {
			tally->signals += rule.kind == CFI_SIGNAL;
			tally->outermost += rule.kind == CFI_OUTERMOST;
			tally->realigned += rule.kind == CFI_REALIGNED;
			tally->stubs += row->varies && rule.kind == CFI_STEP;
		}
		/* The last byte too. */
		if (a != row->end - 1 && a + step > row->end - 1)
			a = row->end - 1 - step;
	}
	if (!row->frame)
		tally->gaps++;
	else if (left)
		tally->left++;
	else
		tally->exact++;
}

static void check_code(const struct cfi_oracle *oracle, const char *path, uintptr_t bias,
		       const ElfW(Phdr) * segment, struct tally *tally)
{
	uint64_t a = segment->p_vaddr;

	while (a < segment->p_vaddr + segment->p_memsz) {
		struct cfi_row row = cfi_oracle_row(oracle, a);

		check_row(path, bias, &row, tally);
		a = row.end;
		cfi_oracle_free_row(&row);
	}
}

static int check_module(struct dl_phdr_info *info, size_t size, void *context)
{
	const char *path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
	struct tally *sum = context, tally = {0};
	struct cfi_oracle oracle;

	(void)size;
	if (path[0] != '/')
		return 0; /* the kernel's, which is in no file */
	cfi_oracle_open(&oracle, path);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X))
			check_code(&oracle, path, info->dlpi_addr, segment, &tally);
	}
	cfi_oracle_close(&oracle);
	print_message("%s: %llu rows exact, %llu left, %llu wrong\n", path,
		      (unsigned long long)tally.exact, (unsigned long long)tally.left,
		      (unsigned long long)tally.wrong);
	sum->exact += tally.exact;
	sum->left += tally.left;
	sum->wrong += tally.wrong;
	sum->gaps += tally.gaps;
	sum->signals += tally.signals;
	sum->outermost += tally.outermost;
	sum->realigned += tally.realigned;
	sum->stubs += tally.stubs;
	return 0;
}

static void rules_are_what_libdw_reads(void **state)
{
	struct tally tally = {0};

	(void)state;
	/* The one library that most programs in C++ have, and much code. */
	assert_non_null(dlopen("libstdc++.so.6", RTLD_NOW));
	dl_iterate_phdr(check_module, &tally);
	assert_int_equal(tally.wrong, 0);
	assert_true(tally.exact > 50000);
	/* 99.9 of 100. */
	assert_in_range(tally.left, 0, (tally.exact + tally.left) / 1000);
	/* Every kind was there to be compared. */
	assert_true(tally.gaps > 0);
	assert_true(tally.signals > 0);
	assert_true(tally.outermost > 0);
	assert_true(tally.realigned > 0);
	assert_true(tally.stubs > 0);
}

static void what_is_no_code_has_no_rule(void **state)
{
	static char data;
	char *heap = malloc(1), local;

	(void)state;
	assert_int_equal(cfi_find(0).kind, CFI_NONE);
	assert_int_equal(cfi_find(1).kind, CFI_NONE);
	assert_int_equal(cfi_find(UINTPTR_MAX).kind, CFI_NONE);
	assert_int_equal(cfi_find((uintptr_t)&data).kind, CFI_NONE);
	assert_int_equal(cfi_find((uintptr_t)heap).kind, CFI_NONE);
	assert_int_equal(cfi_find((uintptr_t)&local).kind, CFI_NONE);
	free(heap);
}

/* ---- Rows that are written rarely ---------------------------------------------------- */

/* odd_rows.S; the first test compares what comes of the rules with the oracle. */
extern const char odd_realigned, odd_realigned_far, odd_realigned_no_more, odd_through_r10,
	odd_not_dereferenced, odd_added_afterwards, odd_stub, odd_stub_first, odd_stub_last,
	odd_no_stub, odd_cfa_factored, odd_cfa_offset_factored, odd_offset_extended,
	odd_offset_above_cfa, odd_restore_extended, odd_args_size, odd_after_300,
	odd_after_70000, odd_remembered, odd_remembered_twice, odd_restored,
	odd_restored_twice, odd_remembered_too_often, odd_cfa_in_r10, odd_fp_in_register,
	odd_fp_is_offset, odd_fp_is_expression, odd_fp_at_expression, odd_fp_far,
	odd_fp_at_cfa, odd_fp_undefined, odd_return_elsewhere, odd_outermost,
	odd_return_restored, odd_cfa_far, odd_signal;

static const struct {
	const char *row;
	enum cfi_kind kind;
	const char *name;
} odd_rows[] = {
	{&odd_realigned, CFI_REALIGNED, "realigned"},
	{&odd_realigned_far, CFI_REALIGNED, "realigned_far"},
	{&odd_realigned_no_more, CFI_STEP, "realigned_no_more"},
	{&odd_through_r10, CFI_COMPLEX, "through_r10"},
	{&odd_not_dereferenced, CFI_COMPLEX, "not_dereferenced"},
	{&odd_added_afterwards, CFI_COMPLEX, "added_afterwards"},
	{&odd_stub, CFI_STEP, "stub"},
	{&odd_stub_first, CFI_STEP, "stub_first"},
	{&odd_stub_last, CFI_STEP, "stub_last"},
	{&odd_no_stub, CFI_COMPLEX, "no_stub"},
	{&odd_cfa_factored, CFI_STEP, "cfa_factored"},
	{&odd_cfa_offset_factored, CFI_STEP, "cfa_offset_factored"},
	{&odd_offset_extended, CFI_STEP, "offset_extended"},
	{&odd_offset_above_cfa, CFI_STEP, "offset_above_cfa"},
	{&odd_restore_extended, CFI_STEP, "restore_extended"},
	{&odd_args_size, CFI_STEP, "args_size"},
	{&odd_after_300, CFI_STEP, "after_300"},
	{&odd_after_70000, CFI_STEP, "after_70000"},
	{&odd_remembered, CFI_STEP, "remembered"},
	{&odd_remembered_twice, CFI_STEP, "remembered_twice"},
	{&odd_restored, CFI_STEP, "restored"},
	{&odd_restored_twice, CFI_STEP, "restored_twice"},
	{&odd_remembered_too_often, CFI_COMPLEX, "remembered_too_often"},
	{&odd_cfa_in_r10, CFI_COMPLEX, "cfa_in_r10"},
	{&odd_fp_in_register, CFI_COMPLEX, "fp_in_register"},
	{&odd_fp_is_offset, CFI_COMPLEX, "fp_is_offset"},
	{&odd_fp_is_expression, CFI_COMPLEX, "fp_is_expression"},
	{&odd_fp_at_expression, CFI_COMPLEX, "fp_at_expression"},
	{&odd_fp_far, CFI_COMPLEX, "fp_far"},
	{&odd_fp_at_cfa, CFI_COMPLEX, "fp_at_cfa"},
	{&odd_fp_undefined, CFI_STEP, "fp_undefined"},
	{&odd_return_elsewhere, CFI_COMPLEX, "return_elsewhere"},
	{&odd_outermost, CFI_OUTERMOST, "outermost"},
	{&odd_return_restored, CFI_STEP, "return_restored"},
	{&odd_cfa_far, CFI_COMPLEX, "cfa_far"},
	{&odd_signal, CFI_SIGNAL, "signal"},
};

static void odd_rows_are_answered_or_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odd_rows) / sizeof(odd_rows[0]); i++) {
		struct cfi_rule rule = cfi_find((uintptr_t)odd_rows[i].row);

		if (rule.kind != odd_rows[i].kind)
			print_error("odd row %s\n", odd_rows[i].name);
		assert_int_equal(rule.kind, odd_rows[i].kind);
	}
}

/* ---- Damaged tables ----------------------------------------------------------------- */

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

static struct cfi_rule find_in_copy(const struct tables *t, int32_t address)
{
	return cfi_find_in(t->copy, (uintptr_t)(t->copy + t->bytes),
			   (uintptr_t)t->copy + (uintptr_t)(intptr_t)address);
}

static void expect_as_in_original(const struct tables *t, const uint8_t *copy, size_t bytes,
				  int32_t address)
{
	uintptr_t offset = (uintptr_t)(intptr_t)address;
	struct cfi_rule a = cfi_find((uintptr_t)t->original + offset);
	struct cfi_rule b =
		cfi_find_in(copy, (uintptr_t)copy + bytes, (uintptr_t)copy + offset);

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
				struct cfi_rule rule = cfi_find_in(
					copy, (uintptr_t)copy + bytes,
					(uintptr_t)copy +
						(uintptr_t)(intptr_t)entry_start(t, i));

				assert_true(rule.kind == CFI_NONE ||
					    rule.kind == CFI_COMPLEX);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_what_libdw_reads),
		cmocka_unit_test(what_is_no_code_has_no_rule),
		cmocka_unit_test(odd_rows_are_answered_or_left),
		cmocka_unit_test_setup_teardown(a_copy_says_the_same, copy_tables,
						free_tables),
		cmocka_unit_test_setup_teardown(cut_tables_are_read_to_their_end,
						copy_tables, free_tables),
		cmocka_unit_test_setup_teardown(damaged_headers_are_survived, copy_tables,
						free_tables),
		cmocka_unit_test_setup_teardown(damaged_search_tables_are_survived,
						copy_tables, free_tables),
		cmocka_unit_test_setup_teardown(damaged_entries_are_survived, copy_tables,
						free_tables),
	};

	return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
