/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: every row of every library in this process as libdw reads it, and
 * rows of kinds that are rare. Files that are given as arguments are checked instead, and
 * what could not be read is counted: test_cfi /usr/lib/x86_64-linux-gnu/lib*.so
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cfi.h"
#include "cfi_oracle.h"

/* ---- Against the oracle ------------------------------------------------------------- */

/* How many rows were answered as libdw does, or not at all, or wrong. */
struct tally {
	uint64_t exact, left, wrong;
	uint64_t gaps; /* places without a row, of which we know none either */
	uint64_t signals, outermost, realigned, stubs;
	uint64_t evaluated;   /* those that are no rule */
	uint64_t interrupted; /* of them, those that only an interrupted frame can follow */
};

static void add_tally(struct tally *sum, const struct tally *tally)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)tally;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static void print_tally(const char *path, const struct tally *t)
{
	print_message("%s: %llu rows exact, %llu of them evaluated (%llu for interrupted "
		      "frames), %llu left, %llu wrong\n",
		      path, (unsigned long long)t->exact, (unsigned long long)t->evaluated,
		      (unsigned long long)t->interrupted, (unsigned long long)t->left,
		      (unsigned long long)t->wrong);
}

static void report_wrong(const char *path, uint64_t address, struct cfi_way expected,
			 struct cfi_rule rule)
{
	print_error("%s+%#llx: outcome %d expected; the rule is of kind %d, %s%+d, %+d\n",
		    path, (unsigned long long)address, (int)expected.outcome,
		    (int)rule.kind, rule.from_fp ? "fp" : "sp", (int)rule.cfa_offset,
		    (int)rule.fp_offset);
}

/* A file, and where its tables are in memory. */
struct image {
	const char *path;
	uintptr_t bias;
	struct cfi_module module;
	const ElfW(Phdr) * segments;
	size_t segments_count;
};

static void count_kind(const struct image *image, const struct cfi_row *row,
		       struct cfi_rule rule, struct tally *tally)
{
	tally->signals += rule.kind == CFI_SIGNAL;
	tally->outermost += rule.kind == CFI_OUTERMOST;
	tally->realigned += rule.kind == CFI_REALIGNED;
	tally->stubs += row->varies && rule.kind == CFI_STEP;
	if (rule.kind == CFI_EVALUATED) {
		tally->evaluated++;
		tally->interrupted +=
			!cfi_oracle_is_of_calls(&image->module, image->bias + row->start);
	}
}

/* Several addresses of a row: all of a short one, and of one that may depend on them. */
static void check_row(const struct image *image, const struct cfi_row *row,
		      struct tally *tally)
{
	uint64_t length = row->end - row->start;
	uint64_t step = length <= 4 || row->varies ? 1 : (length - 1) / 3;
	bool left = false;

	for (uint64_t a = row->start; a < row->end; a += step) {
		struct cfi_way expected = cfi_oracle_way(row, a);
		struct cfi_rule rule;
		struct cfi_way way =
			cfi_oracle_way_in(&image->module, image->bias + a, a, &rule);

		if (way.outcome == OUTCOME_UNKNOWN) {
			left = true;
		} else if (!cfi_ways_are_equal(expected, way)) {
			if (tally->wrong++ < 10)
				report_wrong(image->path, a, expected, rule);
			return;
		}
		if (a == row->start && row->frame)
			count_kind(image, row, rule, tally);
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

static struct tally check_image(const struct image *image)
{
	struct tally tally = {0};
	struct cfi_oracle oracle;

	cfi_oracle_open(&oracle, image->path);
	for (size_t i = 0; i < image->segments_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];
		uint64_t a = segment->p_vaddr;

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		while (a < segment->p_vaddr + segment->p_memsz) {
			struct cfi_row row = cfi_oracle_row(&oracle, a);

			check_row(image, &row, &tally);
			a = row.end;
			cfi_oracle_free_row(&row);
		}
	}
	cfi_oracle_close(&oracle);
	print_tally(image->path, &tally);
	return tally;
}

static struct image image_of(const char *path, uintptr_t bias, const ElfW(Phdr) * segments,
			     size_t count)
{
	struct image image = {path, bias, {0}, segments, count};
	uintptr_t top = bias;

	for (size_t i = 0; i < count; i++) {
		const ElfW(Phdr) *s = &segments[i];

		if (s->p_type == PT_LOAD && bias + s->p_vaddr + s->p_memsz > top)
			top = bias + s->p_vaddr + s->p_memsz;
		if (s->p_type == PT_GNU_EH_FRAME)
			image.module.eh_frame_hdr = (const uint8_t *)bias + s->p_vaddr;
	}
	image.module.start = (const uint8_t *)bias;
	image.module.limit = (const uint8_t *)top;
	return image;
}

static int check_module(struct dl_phdr_info *info, size_t size, void *context)
{
	const char *path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
	struct image image =
		image_of(path, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum);

	(void)size;
	if (path[0] == '/' && image.module.eh_frame_hdr) { /* the kernel's is in no file */
		struct tally tally = check_image(&image);

		add_tally(context, &tally);
	}
	return 0;
}

static void rules_are_what_libdw_reads(void **state)
{
	struct tally tally = {0};

	(void)state;
	/* The one library that most programs in C++ have, and much code. */
	assert_non_null(dlopen("libstdc++.so.6", RTLD_NOW));
	/* Written by hand for the most part, with the tables for that; if it is there. */
	(void)dlopen("libcrypto.so.3", RTLD_NOW);
	dl_iterate_phdr(check_module, &tally);
	assert_int_equal(tally.wrong, 0);
	/* All but those that odd_rows.S has to be left. */
	assert_int_equal(tally.left, 6);
	assert_true(tally.exact > 50000);
	/* Every kind was there to be compared. */
	assert_true(tally.gaps > 0);
	assert_true(tally.signals > 0);
	assert_true(tally.outermost > 0);
	assert_true(tally.realigned > 0);
	assert_true(tally.stubs > 0);
	assert_true(tally.evaluated > tally.interrupted);
	assert_true(tally.interrupted > 0);
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
	odd_return_restored, odd_cfa_far, odd_cfa_kept, odd_cfa_indexed,
	odd_cfa_register_by_number, odd_bytes, odd_words, odd_double_words, odd_quad_words,
	odd_leb, odd_rearranged, odd_shifted_with_sign, odd_shifted, odd_less, odd_greater,
	odd_equal, odd_fp_from_cfa, odd_fp_value_from_cfa, odd_return_is_expression,
	odd_return_at_expression, odd_return_in_register, odd_sp_is_offset,
	odd_sp_at_expression, odd_no_operation, odd_too_few, odd_too_many, odd_empty,
	odd_signal;

static const struct {
	const char *row;
	enum cfi_kind kind;
	const char *name;
} odd_rows[] = {
	{&odd_realigned, CFI_REALIGNED, "realigned"},
	{&odd_realigned_far, CFI_REALIGNED, "realigned_far"},
	{&odd_realigned_no_more, CFI_STEP, "realigned_no_more"},
	{&odd_through_r10, CFI_EVALUATED, "through_r10"},
	{&odd_not_dereferenced, CFI_EVALUATED, "not_dereferenced"},
	{&odd_added_afterwards, CFI_EVALUATED, "added_afterwards"},
	{&odd_stub, CFI_STEP, "stub"},
	{&odd_stub_first, CFI_STEP, "stub_first"},
	{&odd_stub_last, CFI_STEP, "stub_last"},
	{&odd_no_stub, CFI_EVALUATED, "no_stub"},
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
	{&odd_remembered_too_often, CFI_UNKNOWN, "remembered_too_often"},
	{&odd_cfa_in_r10, CFI_EVALUATED, "cfa_in_r10"},
	{&odd_fp_in_register, CFI_EVALUATED, "fp_in_register"},
	{&odd_fp_is_offset, CFI_EVALUATED, "fp_is_offset"},
	{&odd_fp_is_expression, CFI_EVALUATED, "fp_is_expression"},
	{&odd_fp_at_expression, CFI_EVALUATED, "fp_at_expression"},
	{&odd_fp_far, CFI_EVALUATED, "fp_far"},
	{&odd_fp_at_cfa, CFI_EVALUATED, "fp_at_cfa"},
	{&odd_fp_undefined, CFI_STEP, "fp_undefined"},
	{&odd_return_elsewhere, CFI_EVALUATED, "return_elsewhere"},
	{&odd_outermost, CFI_OUTERMOST, "outermost"},
	{&odd_return_restored, CFI_STEP, "return_restored"},
	{&odd_cfa_far, CFI_UNKNOWN, "cfa_far"},
	{&odd_cfa_kept, CFI_EVALUATED, "cfa_kept"},
	{&odd_cfa_indexed, CFI_EVALUATED, "cfa_indexed"},
	{&odd_cfa_register_by_number, CFI_EVALUATED, "cfa_register_by_number"},
	{&odd_bytes, CFI_EVALUATED, "bytes"},
	{&odd_words, CFI_EVALUATED, "words"},
	{&odd_double_words, CFI_EVALUATED, "double_words"},
	{&odd_quad_words, CFI_EVALUATED, "quad_words"},
	{&odd_leb, CFI_EVALUATED, "leb"},
	{&odd_rearranged, CFI_EVALUATED, "rearranged"},
	{&odd_shifted_with_sign, CFI_EVALUATED, "shifted_with_sign"},
	{&odd_shifted, CFI_EVALUATED, "shifted"},
	{&odd_less, CFI_EVALUATED, "less"},
	{&odd_greater, CFI_EVALUATED, "greater"},
	{&odd_equal, CFI_EVALUATED, "equal"},
	{&odd_fp_from_cfa, CFI_EVALUATED, "fp_from_cfa"},
	{&odd_fp_value_from_cfa, CFI_EVALUATED, "fp_value_from_cfa"},
	{&odd_return_is_expression, CFI_EVALUATED, "return_is_expression"},
	{&odd_return_at_expression, CFI_EVALUATED, "return_at_expression"},
	{&odd_return_in_register, CFI_EVALUATED, "return_in_register"},
	{&odd_sp_is_offset, CFI_EVALUATED, "sp_is_offset"},
	{&odd_sp_at_expression, CFI_EVALUATED, "sp_at_expression"},
	{&odd_no_operation, CFI_EVALUATED, "no_operation"},
	{&odd_too_few, CFI_EVALUATED, "too_few"},
	{&odd_too_many, CFI_EVALUATED, "too_many"},
	{&odd_empty, CFI_EVALUATED, "empty"},
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

/* ---- Files ----------------------------------------------------------------------------
 */

static struct tally of_files;

/* Maps a file's segments as the dynamic linker would, and checks them. */
static void check_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *all;
	struct image image;
	ElfW(Ehdr) header;
	ElfW(Phdr) * segments;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	assert_memory_equal(header.e_ident, ELFMAG, SELFMAG);
	assert_int_equal(header.e_machine, EM_X86_64);
	segments = calloc(header.e_phnum, sizeof(*segments));
	assert_int_equal(pread(fd, segments, header.e_phnum * sizeof(*segments),
			       (off_t)header.e_phoff),
			 header.e_phnum * sizeof(*segments));
	image = image_of(path, 0, segments, header.e_phnum);
	if (image.module.eh_frame_hdr) {
		size_t top = (size_t)image.module.limit;

		all = mmap(NULL, top, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(all, MAP_FAILED);
		for (size_t i = 0; i < header.e_phnum; i++) {
			const ElfW(Phdr) *s = &segments[i];
			size_t before = s->p_vaddr % 4096;

			if (s->p_type == PT_LOAD && s->p_filesz)
				assert_ptr_equal(mmap(all + s->p_vaddr - before,
						      s->p_filesz + before, PROT_READ,
						      MAP_PRIVATE | MAP_FIXED, fd,
						      (off_t)(s->p_offset - before)),
						 all + s->p_vaddr - before);
		}
		image = image_of(path, (uintptr_t)all, segments, header.e_phnum);
		add_tally(&of_files, &(struct tally[]){check_image(&image)}[0]);
		assert_int_equal(munmap(all, top), 0);
	}
	free(segments);
	close(fd);
}

static char **files;

static void files_are_as_libdw_reads_them(void **state)
{
	(void)state;
	for (char **file = files; *file; file++)
		check_file(*file);
	print_tally("all", &of_files);
	assert_int_equal(of_files.wrong, 0);
}

/* With arguments: checks these files, which need not be loaded. */
int main(int argc, char **argv)
{
	const struct CMUnitTest on_files[] = {
		cmocka_unit_test(files_are_as_libdw_reads_them),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_what_libdw_reads),
		cmocka_unit_test(what_is_no_code_has_no_rule),
		cmocka_unit_test(odd_rows_are_answered_or_left),
	};

	files = argv + 1;
	if (argc > 1)
		return cmocka_run_group_tests_name("cfi of files", on_files, NULL, NULL);
	return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
