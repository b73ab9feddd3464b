/* SPDX-License-Identifier: MIT */
#include "heap_dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "complaint.h"
#include "profile.h"
#include "replay.h"

#define CHUNK_BYTES 65536u

static int begin(void **state, const char *allocator)
{
	struct heap_dump *d = calloc(1, sizeof(*d));

	*state = d;
	if (!d)
		return -1;
	scratch_open(&d->scratch);
	assert_int_equal(dump_writer_open(&d->writer, d->scratch.path, CHUNK_BYTES), 0);
	d->s = dump_writer_stream(&d->writer, HEAP_DUMP_THREAD);
	if (allocator)
		dump_allocator(d->s, allocator);
	d->a = dump_node(d->s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xa);
	d->b = dump_node(d->s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xb);
	return 0;
}

int heap_dump_begin(void **state)
{
	return begin(state, NULL);
}

int heap_dump_begin_glibc(void **state)
{
	return begin(state, "/lib/x86_64-linux-gnu/libc.so.6");
}

int heap_dump_end(void **state)
{
	struct heap_dump *d = *state;

	scratch_close(&d->scratch);
	free(d);
	return 0;
}

void heap_dump_chunk(struct heap_dump *d, uint64_t address, uint64_t bytes, uint32_t node)
{
	dump_alloc(d->s, MFT_OP_MALLOC, address, bytes - 18, bytes - 8, node);
}

void heap_dump_snapshot(struct heap_dump *d, uint32_t reason, uint64_t rss_bytes,
			uint64_t file_bytes)
{
	const struct mft_snapshot snapshot = {
		.reason = reason, .rss_bytes = rss_bytes, .file_bytes = file_bytes};

	assert_true(dump_room(d->s, 64));
	assert_int_equal(mft_put_snapshot(&d->s->encoder, &snapshot), 0);
}

static struct profile *replay(struct heap_dump *d, const struct profile_moment *moment)
{
	struct complaint complaint;
	struct profile *profile;

	assert_int_equal(dump_writer_close(&d->writer, MFT_STATE_EXITED), 0);
	assert_int_equal(
		replay_dump_at(d->scratch.path, moment, NULL, NULL, &profile, &complaint),
		0);
	return profile;
}

struct profile *heap_dump_replay(struct heap_dump *d, const struct profile_moment *moment)
{
	const struct profile_moment worst = {.kind = PROFILE_MOMENT_WORST};
	struct profile *profile = replay(d, moment ? moment : &worst);

	assert_null(profile->damage);
	return profile;
}

struct profile *heap_dump_replay_damaged(struct heap_dump *d)
{
	const struct profile_moment worst = {.kind = PROFILE_MOMENT_WORST};
	struct profile *profile = replay(d, &worst);

	assert_non_null(profile->damage);
	return profile;
}
