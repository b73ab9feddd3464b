/* SPDX-License-Identifier: MIT */
/* What reports and exports say of several processes together, of two that are known whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "complaint.h"
#include "dump_writer.h"
#include "export.h"
#include "family.h"
#include "profile.h"
#include "replay.h"
#include "report.h"
#include "scratch.h"
#include "terminal.h"
#include "text_family.h"

#define PROCESSES 2

struct fixture {
	struct scratch scratch[PROCESSES];
	struct family family;
	struct report report;
	char *text; /* of the last output */
};

/* A process that allocates `size` bytes `count` times and frees one of them. */
static void record(const char *path, int pid, uint64_t size, unsigned count)
{
	struct dump_writer writer;
	struct dump_stream *s;
	uint32_t stack;

	assert_int_equal(dump_writer_open(&writer, path, 4096), 0);
	writer.header.pid = pid;
	s = dump_writer_stream(&writer, pid);
	dump_process(s, "/bin/prog", "/work", "prog\0", 5);
	dump_module(s, 1, 0x400000, "/bin/prog");
	stack = dump_node(s, MFT_NODE_ROOT, 1, 0x10);
	for (unsigned i = 0; i < count; i++)
		dump_malloc(s, 0x1000 * (i + 1), size, stack);
	dump_free(s, 0x1000);
	dump_clock(s, 5000);
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct complaint complaint = {""};

	assert_non_null(f);
	family_init(&f->family);
	for (unsigned i = 0; i < PROCESSES; i++) {
		struct profile *profile;

		scratch_open(&f->scratch[i]);
		/* 3 events of 100 bytes, and 6 of 7. */
		record(f->scratch[i].path, 42 + (int)i, i == 0 ? 100 : 7, i == 0 ? 2 : 5);
		assert_int_equal(
			replay_dump(f->scratch[i].path, NULL, NULL, &profile, &complaint),
			0);
		assert_int_equal(family_add(&f->family, profile), 0);
	}
	assert_int_equal(family_arrange(&f->family), 0);
	assert_int_equal(report_init(&f->report, &f->family, REPORT_ALL, "DUMP"), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->text);
	report_done(&f->report);
	family_done(&f->family);
	for (unsigned i = 0; i < PROCESSES; i++)
		scratch_close(&f->scratch[i]);
	free(f);
	return 0;
}

static const char *export(struct fixture *f, const char *name, enum export_metric metric)
{
	size_t bytes;
	FILE *out;

	free(f->text);
	f->text = NULL;
	out = open_memstream(&f->text, &bytes);
	assert_non_null(out);
	assert_int_equal(export_find_format(name)->write(&f->report, metric, out), 0);
	assert_int_equal(fclose(out), 0);
	return f->text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("there is no \"%s\" in:\n%s", part, text);
}

static void table(void **state)
{
	struct fixture *f = *state;
	struct terminal terminal = {.width = 80};
	size_t bytes;

	terminal.out = open_memstream(&f->text, &bytes);
	assert_non_null(terminal.out);
	text_family(&terminal, &f->report);
	assert_int_equal(fclose(terminal.out), 0);
	has(f->text, "2 processes\n");
	has(f->text,
	    "       42  prog                                3     200 B     100 B  ");
	has(f->text,
	    "       43  prog                                6      35 B      28 B  ");
	has(f->text,
	    "           all together                        9               128 B\n");
}

static void callgrind(void **state)
{
	const char *text = export(*state, "callgrind", EXPORT_ALLOCATED);

	has(text, "\nevents: allocated peak leaked allocations temporary pinned\n");
	has(text, "\nsummary: 235 235 128 7 0 0\n");
	has(text, "\ntotals: 235 235 128 7 0 0\n");
}

static void folded(void **state)
{
	assert_string_equal(export(*state, "folded", EXPORT_LEAKED),
			    "prog (pid 42);prog+0x10 100\nprog (pid 43);prog+0x10 28\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(table, setup, teardown),
		cmocka_unit_test_setup_teardown(callgrind, setup, teardown),
		cmocka_unit_test_setup_teardown(folded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
