/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "two_streams.h"

void two_streams_write(const char *path, bool sealed, enum mft_state end)
{
	struct dump_writer writer;
	struct dump_stream *streams[2];

	assert_int_equal(dump_writer_open(&writer, path, TWO_STREAMS_CHUNK), 0);
	if (sealed)
		dump_writer_seal(&writer);
	streams[0] = dump_writer_stream(&writer, 10);
	streams[1] = dump_writer_stream(&writer, 20);
	for (uint64_t i = 0; i < TWO_STREAMS_FREES; i++)
		for (int s = 0; s < 2; s++)
			dump_free(streams[s], 0x1000 + 4096 * (i * i % 777));
	assert_int_equal(dump_writer_close(&writer, end), 0);
}

uint64_t two_streams_chunk_offset(uint64_t slot)
{
	return MFT_HEADER_BYTES + slot * TWO_STREAMS_CHUNK;
}
