/* SPDX-License-Identifier: MIT */
/*
 * identity.h - who the traced process is: its program, its allocator, its boot and start.
 *
 * Asked once where the recording begins, of the kernel and of the dynamic linker, and put
 * into `process` (process.h); forked copies share the answers. Guarantees: what cannot be
 * told stays empty or 0, and nothing fails for it. Threads: one, before anything is
 * recorded, but for identity_describe. Memory: static.
 * Not here: where the dump is to lie (opening.h).
 * Source: proc(5), dladdr(3).
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdint.h>

#include "mft_codec.h"

/* Sets process.exe, absolute where the kernel says it, and process.cwd. */
void identity_read_names(void);

/* Sets process.allocator and process.own_malloc. After real_resolve and modules_begin. */
void identity_read_allocator(void);

/* When the process started, in clock ticks since boot (proc(5), /proc/PID/stat, field 22);
 * 0: not known. With the boot's name it tells a process from another of the same number. */
uint64_t identity_start_ticks(void);

/* Sets the 16 bytes at ret_id, which are zeros, to the boot's name. */
void identity_boot_id(uint8_t *ret_id);

/* Puts the record that opens the first stream: program, directory, arguments. By one thread
 * at a time. Returns 0, or what mft_long_end says. */
int identity_describe(struct mft_encoder *encoder);

#endif
