/* SPDX-License-Identifier: MIT */
/* What each writer of other tools' formats makes of a recording that is known whole: the
 * bytes where a format is text, and what a reader of its own finds in JSON and protobuf. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "dump_writer.h"
#include "made_report.h"
#include "protobuf.h"

/* A program of three call sites, none of which has a name: main calls malloc at a and b,
 * and of the stack through t the callers are not known. 64 ns are a unit of the clock. */
#define A 0xa0u
#define B 0xb0u
#define T 0xe0u
#define MAIN 0x10u
#define PID 42
#define PEAK_BYTES 150
#define ALLOCATED_BYTES 157

static void record(const char *path, unsigned i)
{
	struct dump_writer writer;
	struct dump_stream *s;
	uint32_t outer, a, b, t;

	(void)i;
	assert_int_equal(dump_writer_open(&writer, path, 4096), 0);
	writer.header.pid = PID;
	s = dump_writer_stream(&writer, PID);
	dump_process(s, "/bin/prog", "/work", "prog\0=1;2\0", 10);
	dump_module(s, 1, 0x400000, "/bin/prog");
	outer = dump_node(s, MFT_NODE_ROOT, 1, MAIN);
	a = dump_node(s, outer, 1, A);
	b = dump_node(s, outer, 1, B);
	dump_module(s, 2, 0x800000, "/lib/a;b.so");
	t = dump_node(s, MFT_NODE_TRUNCATED, 2, T);
	dump_clock(s, 1000);
	dump_malloc(s, 0x1000, 100, a);
	dump_clock(s, 2000);
	dump_malloc(s, 0x2000, 50, b);
	dump_clock(s, 3000);
	dump_free(s, 0x1000);
	dump_clock(s, 4000);
	dump_malloc(s, 0x3000, 7, t); /* a temporary one */
	dump_free(s, 0x3000);
	dump_clock(s, 5000);
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
}

static int setup(void **state)
{
	return made_report_new(state, 1, record);
}

static void folded(void **state)
{
	assert_string_equal(made_report_export(*state, "folded", EXPORT_PEAK),
			    "prog+0x10;prog+0xa0 100\nprog+0x10;prog+0xb0 50\n");
	assert_string_equal(made_report_export(*state, "folded", EXPORT_LEAKED),
			    "prog+0x10;prog+0xb0 50\n");
	assert_string_equal(made_report_export(*state, "folded", EXPORT_TEMPORARY),
			    "[callers not known];a:b.so+0xe0 1\n");
	assert_string_equal(made_report_export(*state, "folded", EXPORT_ALLOCATED),
			    "prog+0x10;prog+0xa0 100\nprog+0x10;prog+0xb0 50\n"
			    "[callers not known];a:b.so+0xe0 7\n");
	assert_string_equal(made_report_export(*state, "folded", EXPORT_PINNED), "");
}

static void csv(void **state)
{
	const char *text = made_report_export(*state, "csv", EXPORT_PEAK);
	size_t lines = 0;

	for (const char *p = text; (p = strstr(p, "\r\n")); p += 2)
		lines++;
	assert_int_equal(lines, 4);
	assert_memory_equal(text, "process,pid,site,function,", 26);
	/* allocations, bytes, freed, failed, temporary, lifetime, peak, live, leaked */
	made_report_has(text, "\"prog =1;2\",42,\"");
	made_report_has(text, ",\"prog+0xa0\",,,\"/bin/"
			      "prog\",\"malloc\",1,100,1,0,0,128000,100,1,0,0,0,0,"
			      ",0,0.000,0,\"prog+0xa0 < prog+0x10\"\r\n");
	made_report_has(
		text,
		",\"prog+0xb0\",,,\"/bin/prog\",\"malloc\",1,50,0,0,0,,50,1,50,1,50,1,"
		"unfreed,0,0.000,0,\"prog+0xb0 < prog+0x10\"\r\n");
	made_report_has(text,
			",1,7,1,0,1,0,0,0,0,0,0,0,,0,0.000,0,\"a;b.so+0xe0 < [callers not "
			"known]\"\r\n");
}

static void callgrind(void **state)
{
	const char *text = made_report_export(*state, "callgrind", EXPORT_ALLOCATED);

	made_report_has(text, "\npid: 42\ncmd: prog =1;2\n");
	made_report_has(text,
			"\nevents: allocated peak leaked allocations temporary pinned\n");
	made_report_has(text, "\nsummary: 157 150 50 3 1 0\n");
	made_report_has(text, "\ntotals: 157 150 50 3 1 0\n");
	/* The process calls main twice, and main a and b. */
	made_report_has(text, "fn=(1) prog (pid 42)\n");
	made_report_has(text, ") prog+0x10\ncalls=2 0\n0 150 150 50 2 0 0\n");
	made_report_has(text, ") prog+0xa0\ncalls=1 0\n0 100 100 0 1 0 0\n");
	made_report_has(text, ") prog+0xb0\ncalls=1 0\n0 50 50 50 1 0 0\n");
	made_report_has(text, ") [callers not known]\ncalls=1 0\n0 7 0 0 1 1 0\n");
}

static void massif(void **state)
{
	const char *text = made_report_export(*state, "massif", EXPORT_PEAK);

	assert_memory_equal(text, "desc: mftrace ", 14);
	made_report_has(text, "\ncmd: prog =1;2\ntime_unit: ms\n");
	made_report_has(
		text,
		"mem_heap_B=150\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=peak\n"
		"n2: 150 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n"
		" n1: 100 0xA0: ??? (in /bin/prog)\n"
		"  n0: 100 0x10: ??? (in /bin/prog)\n"
		" n1: 50 0xB0: ??? (in /bin/prog)\n"
		"  n0: 50 0x10: ??? (in /bin/prog)\n");
	made_report_has(
		text,
		"mem_heap_B=50\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=detailed\n"
		"n1: 50 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n"
		" n1: 50 0xB0: ??? (in /bin/prog)\n");
}

static json_t *export_json(struct made_report *f, const char *name,
			   enum export_metric metric)
{
	json_error_t wrong;
	json_t *root = json_loads(made_report_export(f, name, metric),
				  JSON_REJECT_DUPLICATES, &wrong);

	if (!root)
		fail_msg("line %d: %s", wrong.line, wrong.text);
	return root;
}

static const char *frame_name(json_t *root, json_t *sample, size_t i)
{
	json_t *frames = json_object_get(json_object_get(root, "shared"), "frames");
	json_int_t frame = json_integer_value(json_array_get(sample, i));

	return json_string_value(
		json_object_get(json_array_get(frames, (size_t)frame), "name"));
}

static void speedscope(void **state)
{
	json_t *root = export_json(*state, "speedscope", EXPORT_LEAKED);
	json_t *profiles = json_object_get(root, "profiles");
	json_t *peak = json_array_get(profiles, 0), *leaked = json_array_get(profiles, 1);
	json_t *sample = json_array_get(json_object_get(peak, "samples"), 0);

	assert_int_equal(json_array_size(profiles), 5); /* nothing is pinned */
	assert_string_equal(json_string_value(json_object_get(root, "name")), "prog =1;2");
	assert_int_equal(json_integer_value(json_object_get(root, "activeProfileIndex")),
			 1);
	assert_string_equal(json_string_value(json_object_get(leaked, "name")), "leaked");
	assert_string_equal(json_string_value(json_object_get(peak, "unit")), "bytes");
	assert_int_equal(json_integer_value(json_object_get(peak, "endValue")), PEAK_BYTES);
	assert_int_equal(json_integer_value(json_object_get(leaked, "endValue")), 50);
	/* Outermost first. */
	assert_int_equal(json_array_size(sample), 2);
	assert_string_equal(frame_name(root, sample, 0), "prog+0x10");
	assert_int_equal(json_array_size(json_object_get(peak, "weights")), 2);
	json_decref(root);
}

static double last_value(json_t *events, const char *name, double *ret_time_us)
{
	double value = -1;

	for (size_t i = 0; i < json_array_size(events); i++) {
		json_t *event = json_array_get(events, i);
		json_t *args = json_object_get(event, "args");

		if (strcmp(json_string_value(json_object_get(event, "name")), name) != 0)
			continue;
		value = json_number_value(json_object_iter_value(json_object_iter(args)));
		*ret_time_us = json_number_value(json_object_get(event, "ts"));
	}
	return value;
}

static void perfetto(void **state)
{
	json_t *root = export_json(*state, "perfetto", EXPORT_PEAK);
	json_t *events = json_object_get(root, "traceEvents");
	double time_us = -1;

	assert_true(last_value(events, "live bytes", &time_us) == 50);
	assert_true(last_value(events, "live blocks", &time_us) == 1);
	assert_true(last_value(events, "peak of live bytes", &time_us) == PEAK_BYTES);
	assert_true(time_us == 2000 * 64 / 1000.0);
	assert_true(last_value(events, "allocates", &time_us) == 3);
	assert_true(time_us == 1000 * 64 / 1000.0);
	json_decref(root);
}

/* ---- pprof -------------------------------------------------------------------------- */

struct wire {
	const uint8_t *p, *end;
};

static uint64_t varint(struct wire *wire)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		assert_true(wire->p < wire->end && shift < 64);
		value |= (uint64_t)(*wire->p & 0x7f) << shift;
		if (!(*wire->p++ & 0x80))
			return value;
	}
}

/* The next field: its number, and its value or what is in it. */
static bool next_field(struct wire *wire, unsigned *field, uint64_t *value,
		       struct wire *inner)
{
	uint64_t key;

	if (wire->p == wire->end)
		return false;
	key = varint(wire);
	*field = (unsigned)(key >> 3);
	*value = varint(wire);
	if ((key & 7) == 0)
		return true;
	assert_int_equal(key & 7, 2);
	assert_true(*value <= (uint64_t)(wire->end - wire->p));
	inner->p = wire->p;
	inner->end = wire->p += *value;
	return true;
}

#define PPROF_TYPES 10

struct pprof_found {
	int64_t sums[PPROF_TYPES];
	size_t samples, mappings, locations, functions, strings;
	uint64_t lowest_address;
	bool has_prog, has_type;
};

static void take_sample(struct wire sample, struct pprof_found *found)
{
	struct wire inner = {NULL, NULL};
	uint64_t value;
	unsigned field;

	found->samples++;
	while (next_field(&sample, &field, &value, &inner))
		for (size_t i = 0; field == 2 && inner.p < inner.end; i++) {
			assert_true(i < PPROF_TYPES);
			found->sums[i] += (int64_t)varint(&inner);
		}
}

static void take_location(struct wire location, struct pprof_found *found)
{
	struct wire inner;
	uint64_t value;
	unsigned field;

	found->locations++;
	while (next_field(&location, &field, &value, &inner))
		if (field == 3 && value < found->lowest_address)
			found->lowest_address = value;
}

static void pprof(void **state)
{
	static const int64_t sums[PPROF_TYPES] = {
		3, ALLOCATED_BYTES, 1, 50, 2, 150, 1, 50, 1, 0};
	struct pprof_found found = {.lowest_address = UINT64_MAX};
	struct made_report *f = *state;
	z_stream stream = {.next_in = NULL};
	struct wire wire, inner = {NULL, NULL};
	uint8_t plain[8192];
	uint64_t value;
	unsigned field;

	made_report_export(f, "pprof", EXPORT_PEAK);
	stream.next_in = (uint8_t *)f->text;
	stream.avail_in = (unsigned)f->bytes;
	stream.next_out = plain;
	stream.avail_out = sizeof(plain);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	wire = (struct wire){plain, plain + stream.total_out};
	inflateEnd(&stream);
	while (next_field(&wire, &field, &value, &inner)) {
		if (field == 2)
			take_sample(inner, &found);
		else if (field == 4)
			take_location(inner, &found);
		found.mappings += field == 3;
		found.functions += field == 5;
		found.strings += field == 6;
		found.has_prog |=
			field == 6 && value == 9 && memcmp(inner.p, "/bin/prog", 9) == 0;
		found.has_type |=
			field == 6 && value == 10 && memcmp(inner.p, "peak_space", 10) == 0;
	}
	assert_int_equal(found.samples, 3);
	assert_int_equal(found.mappings, 2);
	assert_int_equal(found.locations, 5); /* four frames, and unknown callers */
	assert_int_equal(found.functions, 5);
	assert_true(found.has_prog && found.has_type);
	assert_true(found.lowest_address == 0x400000 + MAIN - 1);
	for (size_t i = 0; i < PPROF_TYPES; i++)
		assert_true(found.sums[i] == sums[i]);
}

static void protobuf_wire(void **state)
{
	static const uint8_t expected[] = {0x08, 0x96, 0x01, 0x12, 0x03, 'a',  'b',
					   'c',	 0x1a, 0x02, 0x08, 0x01, 0x22, 0x00};
	struct protobuf message = {.count = 0}, inner = {.count = 0};

	(void)state;
	/* The examples of the encoding's own documentation: 150, and a string. */
	protobuf_number(&message, 1, 150);
	protobuf_bytes(&message, 2, "abc", 3);
	protobuf_number(&inner, 1, 1);
	protobuf_message(&message, 3, &inner);
	protobuf_number(&message, 5, 0); /* what is 0 is left out */
	protobuf_bytes(&message, 4, "", 0);
	assert_int_equal(message.count, sizeof(expected));
	assert_memory_equal(message.bytes, expected, sizeof(expected));
	protobuf_clear(&inner);
	protobuf_value(&inner, UINT64_MAX);
	assert_int_equal(inner.count, 10);
	protobuf_done(&message);
	protobuf_done(&inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(folded, setup, made_report_free),
		cmocka_unit_test_setup_teardown(csv, setup, made_report_free),
		cmocka_unit_test_setup_teardown(callgrind, setup, made_report_free),
		cmocka_unit_test_setup_teardown(massif, setup, made_report_free),
		cmocka_unit_test_setup_teardown(speedscope, setup, made_report_free),
		cmocka_unit_test_setup_teardown(perfetto, setup, made_report_free),
		cmocka_unit_test_setup_teardown(pprof, setup, made_report_free),
		cmocka_unit_test(protobuf_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
