/* SPDX-License-Identifier: MIT */
/*
 * fuzz_file.h - an input of a fuzzer as a file.
 *
 * In memory; nothing stays on disk however the fuzzer ends.
 * Threads: one at a time. Memory: the last input's.
 */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_file {
	int fd;
	char path[32];
};

/* An empty file. Aborts where there is none to be had. */
void fuzz_file_open(struct fuzz_file *file);

/* Makes `bytes` its whole contents. */
void fuzz_file_fill(struct fuzz_file *file, const void *data, size_t bytes);

/* Puts bytes at an offset. */
void fuzz_file_put(struct fuzz_file *file, const void *data, size_t bytes, uint64_t offset);

#endif
