/* SPDX-License-Identifier: MIT */
/* What was live over time, of a recording of 200 steps of 10 ms: the steps themselves, and
 * the points that massif's format makes of them, one for each two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "course.h"
#include "dump_writer.h"
#include "made_report.h"

#define MS 1000000u	/* in nanoseconds */
#define MS_UNITS 15625u /* in the clock's units of 64 ns */
#define DURATION_MS 2000
#define KEPT 0x1000
#define BRIEF 0x2000
#define LAST 0x3000

/* A block that lives for a millisecond. */
static void bump(struct dump_stream *s, uint64_t at_ms, uint64_t size, uint32_t stack)
{
	dump_clock(s, at_ms * MS_UNITS);
	dump_malloc(s, BRIEF, size, stack);
	dump_clock(s, (at_ms + 1) * MS_UNITS);
	dump_free(s, BRIEF);
}

static void record(const char *path, unsigned i)
{
	struct dump_writer writer;
	struct dump_stream *s;
	uint32_t stack;

	(void)i;
	assert_int_equal(dump_writer_open(&writer, path, 4096), 0);
	s = dump_writer_stream(&writer, 42);
	dump_process(s, "/bin/prog", "/work", "prog\0", 5);
	dump_module(s, 1, 0x400000, "/bin/prog");
	stack = dump_node(s, MFT_NODE_ROOT, 1, 0x10);
	dump_clock(s, 1 * MS_UNITS);
	dump_malloc(s, KEPT, 1000, stack);
	/* The highest of two steps is in the second one, in the first, in both. */
	bump(s, 15, 500, stack);
	bump(s, 25, 700, stack);
	bump(s, 35, 300, stack);
	bump(s, 45, 200, stack);
	bump(s, 55, 200, stack);
	/* Nothing for two steps, then one that only frees. */
	dump_clock(s, 85 * MS_UNITS);
	dump_free(s, KEPT);
	bump(s, 105, 5000, stack);
	dump_clock(s, 120 * MS_UNITS); /* the very end of a step */
	dump_malloc(s, LAST, 40, stack);
	dump_clock(s, (uint64_t)DURATION_MS * MS_UNITS);
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
}

static int setup(void **state)
{
	return made_report_new(state, 1, record);
}

static void steps(void **state)
{
	/* In milliseconds, and bytes. */
	static const struct {
		uint64_t live, highest, highest_at;
	} expected[] = {
		{1000, 1000, 1},  {1000, 1500, 15}, {1000, 1700, 25}, {1000, 1300, 35},
		{1000, 1200, 45}, {1000, 1200, 55}, {1000, 1000, 60}, {1000, 1000, 70},
		{0, 1000, 80},	  {0, 0, 90},	    {0, 5000, 105},   {40, 40, 120},
		{40, 40, 120},	  {40, 40, 130},
	};
	struct made_report *f = *state;
	struct course course;

	assert_int_equal(course_init(&course, &f->report, 0), 0);
	assert_int_equal(course.count, DURATION_MS / 10);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(course.steps[i].time_ns, (i + 1) * 10 * MS);
		assert_int_equal(course.steps[i].live_bytes, expected[i].live);
		assert_int_equal(course.steps[i].highest_bytes, expected[i].highest);
		assert_int_equal(course.steps[i].highest_time_ns,
				 expected[i].highest_at * MS);
	}
	assert_int_equal(course.steps[course.count - 1].live_bytes, 40);
	assert_int_equal(course.steps[course.count - 1].highest_bytes, 40);
	course_done(&course);
}

/* The number behind `key`, which is the next thing that begins so. */
static uint64_t number_after(const char **text, const char *key)
{
	const char *found = strstr(*text, key);

	assert_non_null(found);
	*text = found + strlen(key);
	return strtoull(*text, NULL, 10);
}

static void massif_points(void **state)
{
	static const uint64_t expected[][2] = {
		{15, 1500}, {25, 1700},	 {45, 1200}, {60, 1000},
		{80, 1000}, {105, 5000}, {120, 40},
	};
	struct made_report *f = *state;
	char *text = NULL;
	const char *at;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	assert_int_equal(export_find_format("massif")->write(&f->report, EXPORT_PEAK, out),
			 0);
	assert_int_equal(fclose(out), 0);
	at = text;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(number_after(&at, "\nsnapshot="), i);
		assert_int_equal(number_after(&at, "\ntime="), expected[i][0]);
		assert_int_equal(number_after(&at, "\nmem_heap_B="), expected[i][1]);
		at = strstr(at, "\nheap_tree=");
		assert_non_null(at);
		/* One of them is the peak. */
		assert_int_equal(strncmp(at, "\nheap_tree=peak\n", 16) == 0,
				 expected[i][1] == 5000);
	}
	at = strstr(at, "\nsnapshot=100\n");
	assert_non_null(at);
	assert_int_equal(number_after(&at, "\ntime="), DURATION_MS);
	assert_int_equal(number_after(&at, "\nmem_heap_B="), 40);
	assert_null(strstr(at, "\nsnapshot="));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(steps, setup, made_report_free),
		cmocka_unit_test_setup_teardown(massif_points, setup, made_report_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
