/* SPDX-License-Identifier: MIT */
/* One tree of frames over the node numbers of several streams. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dump_writer.h"
#include "modulemap.h"
#include "reader.h"
#include "scratch.h"
#include "stacks.h"

static void same_frame_is_found_again(void **state)
{
	struct stacks stacks;
	struct profile_frame frame = {.parent = 0, .module = 3, .offset = 0x10};
	uint32_t first, again, other;

	(void)state;
	assert_int_equal(stacks_init(&stacks), 0);
	assert_int_equal(stacks.count, 2);
	assert_int_equal(stacks_add(&stacks, &frame, &first), 0);
	assert_int_equal(first, 2);
	assert_int_equal(stacks_add(&stacks, &frame, &again), 0);
	assert_int_equal(again, first);
	frame.exact = true;
	assert_int_equal(stacks_add(&stacks, &frame, &other), 0);
	assert_int_equal(other, 3);
	frame.parent = MFT_NODE_TRUNCATED;
	assert_int_equal(stacks_add(&stacks, &frame, &other), 0);
	assert_int_equal(other, 4);
	stacks_done(&stacks);
}

static void growth_loses_nothing(void **state)
{
	struct stacks stacks;
	uint32_t parent = 0, got;

	(void)state;
	assert_int_equal(stacks_init(&stacks), 0);
	for (int round = 0; round < 2; round++) {
		parent = 0;
		for (uint32_t i = 0; i < 20000; i++) {
			struct profile_frame frame = {
				.parent = i % 100 ? parent : 0,
				.module = i % 5,
				.offset = i,
			};

			assert_int_equal(stacks_add(&stacks, &frame, &got), 0);
			assert_int_equal(got, i + 2);
			assert_true(stacks.frames[got].parent < got);
			parent = got;
		}
	}
	assert_int_equal(stacks.count, 20002);
	stacks_done(&stacks);
}

static struct mft_record node(uint32_t parent, uint32_t module, uint64_t offset)
{
	return (struct mft_record){
		.op = MFT_OP_NODE, .parent = parent, .module = module, .address = offset};
}

/* Two streams define the same stack in different orders; the module's record is in the
 * second stream only, and one library was loaded twice at the same place. */
static void streams_share_frames(void **state)
{
	struct stack_nodes one = {0}, two = {0};
	struct dump_writer writer;
	struct dump_stream *stream;
	struct modulemap modules;
	struct mft_record record;
	struct scratch scratch;
	struct stacks stacks;
	struct reader *reader;
	uint32_t a, b;

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 4096), 0);
	dump_writer_stream(&writer, 1);
	stream = dump_writer_stream(&writer, 2);
	dump_module(stream, 5, 0x400000, "/lib/a.so");
	dump_module(stream, 6, 0x400000, "/lib/a.so");
	dump_module(stream, 7, 0x500000, "/lib/a.so");
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	modulemap_init(&modules, reader);
	assert_int_equal(stacks_init(&stacks), 0);

	record = node(MFT_NODE_ROOT, 5, 0x100);
	assert_int_equal(stack_nodes_define(&one, &record, &stacks, &modules), 0);
	record = node(2, 5, 0x200);
	assert_int_equal(stack_nodes_define(&one, &record, &stacks, &modules), 0);
	record = node(MFT_NODE_ROOT, 7, 0x100);
	assert_int_equal(stack_nodes_define(&two, &record, &stacks, &modules), 0);
	record = node(MFT_NODE_ROOT, 6, 0x100);
	assert_int_equal(stack_nodes_define(&two, &record, &stacks, &modules), 0);
	record = node(3, 6, 0x200);
	assert_int_equal(stack_nodes_define(&two, &record, &stacks, &modules), 0);
	assert_int_equal(modules.count, 2);

	assert_int_equal(stack_nodes_find(&one, 3, &a), 0);
	assert_int_equal(stack_nodes_find(&two, 4, &b), 0);
	assert_int_equal(a, b);
	assert_int_equal(stack_nodes_find(&two, 2, &b), 0);
	assert_int_equal(stack_nodes_find(&one, 2, &a), 0);
	assert_int_not_equal(a, b);
	assert_int_equal(stack_nodes_find(&one, MFT_NODE_TRUNCATED, &a), 0);
	assert_int_equal(a, MFT_NODE_TRUNCATED);
	assert_int_equal(stack_nodes_find(&one, 4, &a), -EBADMSG);
	record = node(4, 5, 0x300);
	assert_int_equal(stack_nodes_define(&one, &record, &stacks, &modules), -EBADMSG);
	record = node(0, 99, 0x300);
	assert_int_equal(stack_nodes_define(&one, &record, &stacks, &modules), -ENOENT);
	assert_int_equal(stack_nodes_find(&one, 4, &a), 0);
	assert_int_equal(stacks.frames[a].module, PROFILE_NO_MODULE);
	stack_nodes_reset(&one);
	assert_int_equal(stack_nodes_find(&one, 2, &a), -EBADMSG);

	stack_nodes_done(&one);
	stack_nodes_done(&two);
	stacks_done(&stacks);
	modulemap_done(&modules);
	reader_close(reader);
	scratch_close(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_frame_is_found_again),
		cmocka_unit_test(growth_loses_nothing),
		cmocka_unit_test(streams_share_frames),
	};

	return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
