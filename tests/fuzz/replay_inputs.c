/* SPDX-License-Identifier: MIT */
/*
 * replay_inputs.c - a fuzz target over given inputs, without libFuzzer: TARGET PATH...
 *
 * A path is an input, or a directory of inputs. The program ends as its input makes it end;
 * its last line names the input. Without any input it fails.
 */
#include <stdio.h>

#include "inputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const uint8_t *bytes, size_t count)
{
	(void)LLVMFuzzerTestOneInput(bytes, count);
}

int main(int argc, char **argv)
{
	(void)argc;
	if (inputs_give(argv + 1, replay) != 0)
		return 0;
	fprintf(stderr, "no input\n");
	return 1;
}
