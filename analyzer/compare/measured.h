/* SPDX-License-Identifier: MIT */
/*
 * measured.h - what comparisons know of a run: its processes, their figures, their sites.
 *
 * A run is what one argument of the user's names: a dump, a directory of dumps (a process
 * tree), or what `mftrace report --json` wrote of either. A side of a comparison is one run
 * or several of the same thing.
 * Guarantees: plain data; the same whether it was read from dumps or from JSON.
 * Threads: none. Memory: side_done frees all of it; strings live as long as the side, and
 * within a side equal strings have equal addresses.
 * Not here: reading (side.h), comparing (comparison.h).
 */
#ifndef MEASURED_H
#define MEASURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A figure of a process, and mostly of its call sites too. Bytes, or counts. */
enum measure {
	MEASURE_PEAK, /* live bytes at the peak */
	MEASURE_PEAK_BLOCKS,
	MEASURE_LIVE, /* at exit, or at the instant that was asked for */
	MEASURE_LIVE_BLOCKS,
	MEASURE_LEAKED, /* what counts as leaked (profile_leaked) */
	MEASURE_LEAKED_BLOCKS,
	MEASURE_DEFINITE, /* definitely lost bytes; not known without a scan */
	MEASURE_DEFINITE_BLOCKS,
	MEASURE_ALLOCATIONS,
	MEASURE_ALLOCATED, /* bytes */
	MEASURE_TEMPORARY, /* allocations */
	MEASURE_PINNED, /* in the snapshot with the lowest utilisation; of sites exclusive
			 * and shared together */
	/* Of processes only. */
	MEASURE_RESIDENT,      /* F, the highest of all snapshots */
	MEASURE_RSS,	       /* the highest of all snapshots */
	MEASURE_FRAGMENTATION, /* ratio 1 - R/F in the snapshot with the lowest utilisation
				*/
};
#define MEASURES 15u
#define MEASURES_OF_SITES 12u

/* Values by enum measure; NaN: not known. */
struct measures {
	double values[MEASURES];
};

struct measured_frame {
	const char *function; /* readable; NULL: not known */
	const char *file;     /* NULL: not known */
	const char *module;   /* path; NULL: not known */
	unsigned line;	      /* 0: not known */
	uint64_t address;     /* in the module's file; of the first stack merged */
	bool inlined;
};

/* A call site, as in reports: stacks whose shown frames are the same. */
struct measured_site {
	uint64_t id;		       /* the fingerprint that reports print (sites.h) */
	struct measured_frame *frames; /* innermost first, nothing trimmed */
	size_t frames_count;
	size_t shown_begin, shown_end; /* the part of frames that text reports show */
	const char *leak_kind;	       /* the gravest (profile_leak_name); NULL: none */
	struct measures measures;
};

struct measured_module {
	const char *path;
	const char *build_id; /* in hexadecimal digits; NULL: none */
};

struct measured_process {
	const char *exe;  /* path; "" where it is not known */
	const char *dump; /* the dump that it was recorded in */
	long pid;
	bool running; /* had not ended when it was read */
	/* Why the recording is not whole, as a clause: events are missing, by mishap
	 * (losses.h) or as was asked for (MEASURED_PAUSED). NULL: it is whole. A constant.
	 */
	const char *lacks;
	bool classified; /* leaks, by a scan */
	struct measures measures;
	struct measured_site *sites;
	size_t sites_count;
	struct measured_module *modules; /* none: not known */
	size_t modules_count;
};

/* What a process lacks that was paused while it allocated: its leaks are none the less
 * leaks, because frees are recorded, but all its figures may be too low. */
#define MEASURED_PAUSED "allocations were left out while it was paused"

struct measured_run {
	const char *path; /* as the user named it */
	bool stored;	  /* read from JSON */
	struct measured_process *processes;
	size_t count;
};

/* "peak_bytes", "live_blocks", ...: the name in JSON. */
const char *measure_name(enum measure measure);

/* All values NaN. */
struct measures measures_unknown(void);

/* What the process's program is called, without its path; "?": not known. */
const char *measured_program_name(const struct measured_process *process);

/* Frees the sites and modules of a process. */
void measured_process_done(struct measured_process *process);

/* Adds up: what one of the two does not know is taken from the other. The ratio, which
 * cannot be added, becomes the higher one. */
void measures_add(struct measures *to, const struct measures *more);

#endif
