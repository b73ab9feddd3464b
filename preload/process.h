/* SPDX-License-Identifier: MIT */
/*
 * process.h - the traced process: when recording begins, what becomes of it at fork, exec
 * and exit.
 *
 * Guarantees: any entry point may be the first to be called, before constructors and after
 * destructors. Whatever fails, the program goes on untraced. A process that is a copy of a
 * traced one (fork, also by raw clone) never writes into its parent's dump: process_page is
 * wiped in the copy by the kernel (MADV_WIPEONFORK) and every event looks at it. A vfork
 * child shares its parent's memory and is no copy.
 * Not here: the interposed functions themselves (interpose_process.c), what is asked of the
 * process (identity.h), the file that it writes to (opening.h).
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "config.h"
#include "dumpfile.h"
#include "mft_codec.h"

enum process_state {
	PROCESS_UNKNOWN = 0, /* not begun; or a copy of a process that had */
	PROCESS_BEGINNING = 1,
	PROCESS_RECORDING = 2,
	PROCESS_INERT = 3,  /* nothing is recorded: refused, or no dump to write to */
	PROCESS_PAUSED = 4, /* releases are recorded; acquisitions are counted (pause.h) */
};

/* Alone on its page, which the kernel wipes in a forked child. */
struct process_page {
	uint32_t state; /* enum process_state; atomic, partner process_ready */
};
extern struct process_page process_page __attribute__((visibility("hidden")));

struct process {
	struct config config;
	struct dumpfile dump;
	int pid;
	uint64_t start_ns;		/* CLOCK_MONOTONIC */
	char output[CONFIG_PATH_BYTES]; /* absolute template */
	char exe[CONFIG_PATH_BYTES];
	char cwd[CONFIG_PATH_BYTES];
	char allocator[CONFIG_PATH_BYTES]; /* the library whose malloc serves the program */
	char own_malloc[CONFIG_PATH_BYTES]; /* what defines a malloc in front of ours, or ""
					     */
	uint8_t parent_dump_id[16];	    /* of the process we are a copy of */
};
extern struct process process __attribute__((visibility("hidden")));

/* The slow half of process_ready. */
bool process_begin(void);

static inline bool process_is_recording(void)
{
	return __atomic_load_n(&process_page.state, __ATOMIC_ACQUIRE) == PROCESS_RECORDING;
}

/* The same, or paused: there is a dump that is written to. */
static inline bool process_is_active(void)
{
	uint32_t state = __atomic_load_n(&process_page.state, __ATOMIC_ACQUIRE);

	return state == PROCESS_RECORDING || state == PROCESS_PAUSED;
}

/* Whether events are to be recorded, beginning to if this is the process's first. */
static inline bool process_ready(void)
{
	return __builtin_expect(__atomic_load_n(&process_page.state, __ATOMIC_ACQUIRE) ==
					PROCESS_RECORDING,
				1) ||
	       process_begin();
}

/* Whether this is the very process that the dump is of: no copy of it and no vfork child.
 */
bool process_is_own(void);

/* clock_gettime by the vdso (vdso(7)), or where there is none by the system call. */
typedef int process_clock_fn(clockid_t clock, struct timespec *ret_now);
process_clock_fn process_clock_call;
extern process_clock_fn *process_clock_gettime __attribute__((visibility("hidden")));
/* CLOCK_MONOTONIC, or what stands in for it where that may be a system call (confine.h). */
extern clockid_t process_exact_clock __attribute__((visibility("hidden")));

/* A time of the monotonic clocks in units of the dump's clock since the start. */
static inline uint64_t process_clock_units(const struct timespec *now)
{
	uint64_t ns = (uint64_t)now->tv_sec * 1000000000u + (uint64_t)now->tv_nsec;

	/* The coarse clock may still stand before our start. */
	return ns > process.start_ns ? (ns - process.start_ns) / MFT_CLOCK_UNIT_NS : 0;
}

/* Units of the dump's clock since the start; exact or, cheaper, to a few milliseconds.
 * *scratch is where the kernel puts the time. */
static inline uint64_t process_clock(bool exact, struct timespec *scratch)
{
	(void)process_clock_gettime(exact ? process_exact_clock : CLOCK_MONOTONIC_COARSE,
				    scratch);
	return process_clock_units(scratch);
}

/* Marks the dump: the process is about to exit, or to exec. status counts if known. */
void process_mark_exit(bool status_known, int status);
void process_mark_exec(void);
/* The exec failed: the process goes on. */
void process_unmark_exec(void);

/* One line on the standard error output, for what the user must know at start. */
void process_say(const char *what, const char *why);

#endif
