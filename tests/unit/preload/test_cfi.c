/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: every row of every library in this process as libdw reads it, and
 * rows of kinds that are rare.
 */
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_what_libdw_reads),
		cmocka_unit_test(what_is_no_code_has_no_rule),
		cmocka_unit_test(odd_rows_are_answered_or_left),
	};

	return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
