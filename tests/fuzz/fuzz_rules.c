/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rules.c - libFuzzer target: any bytes as a file of suppressions.
 *
 * In either syntax. What is understood is held against stacks, real and odd ones.
 */
#include <stdlib.h>

#include "complaint.h"
#include "fuzz_file.h"
#include "suppressions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct suppression_seen stack[] = {
	{.function = "malloc"},
	{.function = "", .module = ""},
	{.function = "a::b<c>::d(e, f)",
	 .linker_name = "_ZN1a1bI1cE1dE1e1f",
	 .module = "/lib/libx.so.1",
	 .file = "x.cc"},
	{.module = "/usr/bin/prog"},
	{.function = "main", .module = "/usr/bin/prog", .file = "main.c"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file = {.fd = -1};
	struct complaint complaint = {""};
	struct suppressions *set = suppressions_new();
	struct suppression rule;
	size_t next = 0;

	if (file.fd < 0)
		fuzz_file_open(&file);
	if (!set)
		return 0;
	fuzz_file_fill(&file, data, size);
	if (suppressions_add_file(set, file.path, &complaint) < 0 &&
	    complaint.text[0] == '\0')
		abort();
	while (suppressions_next(set, &next, &rule))
		(void)suppression_match(&rule, stack, sizeof(stack) / sizeof(stack[0]));
	suppressions_free(set);
	return 0;
}
