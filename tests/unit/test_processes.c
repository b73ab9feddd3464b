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

#include "dump_writer.h"
#include "made_report.h"
#include "terminal.h"
#include "text_family.h"

#define PROCESSES 2u

/* Processes of 3 events of 100 bytes, and of 6 of 7: blocks, of which one is freed. */
static void record(const char *path, unsigned process)
{
	const int pid = 42 + (int)process;
	const uint64_t size = process == 0 ? 100 : 7;
	const unsigned count = process == 0 ? 2 : 5;
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
	return made_report_new(state, PROCESSES, record);
}

static void table(void **state)
{
	struct made_report *f = *state;
	struct terminal terminal = {.width = 80};
	size_t bytes;

	terminal.out = open_memstream(&f->text, &bytes);
	assert_non_null(terminal.out);
	text_family(&terminal, &f->report);
	assert_int_equal(fclose(terminal.out), 0);
	made_report_has(f->text, "2 processes\n");
	made_report_has(
		f->text,
		"       42  prog                                3     200 B     100 B  ");
	made_report_has(
		f->text,
		"       43  prog                                6      35 B      28 B  ");
	made_report_has(
		f->text,
		"           all together                        9               128 B\n");
}

static void callgrind(void **state)
{
	const char *text = made_report_export(*state, "callgrind", EXPORT_ALLOCATED);

	made_report_has(text,
			"\nevents: allocated peak leaked allocations temporary pinned\n");
	made_report_has(text, "\nsummary: 235 235 128 7 0 0\n");
	made_report_has(text, "\ntotals: 235 235 128 7 0 0\n");
}

static void folded(void **state)
{
	assert_string_equal(made_report_export(*state, "folded", EXPORT_LEAKED),
			    "prog (pid 42);prog+0x10 100\nprog (pid 43);prog+0x10 28\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(table, setup, made_report_free),
		cmocka_unit_test_setup_teardown(callgrind, setup, made_report_free),
		cmocka_unit_test_setup_teardown(folded, setup, made_report_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
