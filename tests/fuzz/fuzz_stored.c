/* SPDX-License-Identifier: MIT */
/*
 * fuzz_stored.c - libFuzzer target: any bytes as a stored report, compared and judged.
 *
 * The other side is the report itself.
 */
#include "every_report.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file = {.fd = -1};

	if (file.fd < 0) {
		every_report_begin();
		fuzz_file_open(&file);
	}
	fuzz_file_fill(&file, data, size);
	every_verdict(file.path);
	return 0;
}
