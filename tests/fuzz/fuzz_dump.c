/* SPDX-License-Identifier: MIT */
/*
 * fuzz_dump.c - libFuzzer target: any bytes as a dump, through every command.
 *
 * The input's header is completed (magic, version, sizes) unless it begins as a dump does,
 * so that most inputs get past the first checks. With chunks of 1 KiB and streams of few
 * bytes an input of some kilobytes has everything that a dump can have.
 */
#include <string.h>

#include "every_report.h"
#include "fuzz_file.h"
#include "mft_format.h"

#define CHUNK_BYTES 1024u
/* Files are written, and sides compared, for one input of so many: that takes longest. */
#define FILES_EVERY 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A valid header, then the input cut into chunks, the chunk header's magic completed. */
static void write_dump(struct fuzz_file *file, const uint8_t *data, size_t size)
{
	static struct mft_header header;
	uint32_t magic = MFT_CHUNK_MAGIC;
	uint16_t kind_and_header[2] = {MFT_CHUNK_EVENTS, sizeof(struct mft_chunk)};

	memcpy(header.magic, MFT_MAGIC, MFT_MAGIC_BYTES);
	header.version_major = MFT_VERSION_MAJOR;
	header.header_bytes = MFT_HEADER_BYTES;
	header.chunk_bytes = CHUNK_BYTES;
	header.page_bytes = 4096;
	header.clock_unit_ns = MFT_CLOCK_UNIT_NS;
	fuzz_file_fill(file, &header, sizeof(header));
	fuzz_file_put(file, data, size, MFT_HEADER_BYTES);
	for (size_t at = 0; at + sizeof(struct mft_chunk) < size; at += CHUNK_BYTES) {
		/* Some stay as they are: a chunk that is none. */
		if (data[at] == 0xee)
			continue;
		fuzz_file_put(file, &magic, sizeof(magic), MFT_HEADER_BYTES + at);
		fuzz_file_put(file, kind_and_header, sizeof(kind_and_header),
			      MFT_HEADER_BYTES + at + sizeof(magic));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file = {.fd = -1};
	static unsigned inputs;
	bool files, damaged;

	if (file.fd < 0) {
		every_report_begin();
		fuzz_file_open(&file);
	}
	if (size > 0 && data[0] == (uint8_t)MFT_MAGIC[0])
		fuzz_file_fill(&file, data, size);
	else
		write_dump(&file, data, size);
	files = ++inputs % FILES_EVERY == 0;
	(void)every_report_of_dump(file.path, NULL, files, &damaged);
	every_record(file.path);
	if (files)
		every_verdict(file.path);
	return 0;
}
