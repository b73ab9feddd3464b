/* SPDX-License-Identifier: MIT */
/*
 * profile_leaks.h - what of a profile says what was not freed, and what leads to it.
 *
 * Units, threads and memory: as profile.h, which includes it. Definitions: docs/leaks.md.
 * Not here: how blocks are told apart (leaks.h), and what leaks by call site (profile.h).
 */
#ifndef PROFILE_LEAKS_H
#define PROFILE_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of a block that was not freed; docs/leaks.md. */
enum profile_leak_kind {
	PROFILE_LEAK_UNFREED = 0, /* not known: no scan saw it */
	PROFILE_LEAK_REACHABLE,
	PROFILE_LEAK_POSSIBLE,
	PROFILE_LEAK_INDIRECT,
	PROFILE_LEAK_DEFINITE,
	PROFILE_LEAK_SUPPRESSED, /* would count as a leak, but is not to (suppressions.h) */
	PROFILE_LEAK_YOUNG,	 /* would, but is younger than was asked for */
};
#define PROFILE_LEAK_KINDS 7u

struct profile_amount {
	uint64_t bytes, blocks;
};

/* How the live bytes of a site grew over the second half of the run (trend.h). */
struct profile_trend {
	bool steady;	      /* they did, and had not stopped */
	double bytes_per_s;   /* the median slope */
	double low, high;     /* its 95 % confidence interval */
	double p;	      /* that there is no trend */
	uint64_t grown_bytes; /* in that half */
	uint64_t window_ns;   /* how long it was */
};

#define PROFILE_CYCLE_STEPS 6u
#define PROFILE_CYCLES_MOST 65536u

/* A block on a cycle, and where in it the pointer to the next one lies. */
struct profile_step {
	size_t site;
	uint64_t address;
	uint64_t offset;	/* of the pointer, in this block */
	uint64_t target_offset; /* 0: it points to the start of the next one */
};

/* Lost blocks each of which leads to each other. */
struct profile_cycle {
	uint64_t blocks, bytes;
	uint64_t retained_blocks, retained_bytes; /* with what the cycle alone leads to */
	bool entered; /* another lost block points into it: it is not the head */
	/* The shortest cycle through its entry, or else through its oldest block: from that
	 * block on, the first of its length. */
	struct profile_step steps[PROFILE_CYCLE_STEPS];
	uint64_t length;
	/* The last of its length: its pointer leads back to the first. */
	struct profile_step closing;
};

/* A place outside the heap that pointers were looked for in. */
struct profile_root {
	uint64_t start, end;
	uint32_t kind;	 /* enum mft_root_kind */
	uint32_t module; /* index, or PROFILE_NO_MODULE */
	uint32_t tid;	 /* 0: none */
};

/* A block at the scan, for who wants to know what holds it. */
struct profile_block {
	uint64_t address, size;
	uint64_t birth_ns;
	uint32_t site, thread;
	uint8_t kind;  /* enum profile_leak_kind */
	bool interior; /* the pointer that holds it is an interior one */
	/* The pointer that holds it: of a reachable or possibly lost block the last one of
	 * a shortest way from a root, of an indirectly lost one any; 0: none. */
	uint64_t pointer;
	uint32_t holder; /* the block which that is in, or PROFILE_NO_BLOCK: in a root */
};
#define PROFILE_NO_BLOCK UINT32_MAX

struct profile_leaks {
	/* Why what is unfreed may have been freed, unseen (losses.h); NULL: it was not. */
	const char *doubt;
	bool forced;		  /* classified in spite of it, as was asked for */
	bool classified;	  /* by a scan; otherwise all is PROFILE_LEAK_UNFREED */
	uint64_t time_ns;	  /* of the scan */
	uint64_t scan_ns;	  /* how long the process stood still for it */
	uint32_t flags;		  /* MFT_SCAN_*: what it lacks */
	uint64_t threads_running; /* threads that it could not stop */
	uint64_t absent_pages;	  /* that it could not look at */
	struct profile_amount totals[PROFILE_LEAK_KINDS];
	struct profile_cycle *cycles; /* that which retains most first */
	size_t cycles_count;	      /* of them, at most PROFILE_CYCLES_MOST */
	uint64_t cycles_total;
	struct profile_amount in_cycles;
	uint64_t older_than_ns; /* as was asked for; 0: any age counts */
	/* Only where they were asked for; both in order of address. */
	struct profile_block *blocks;
	size_t blocks_count;
	struct profile_root *roots;
	size_t roots_count;
};

/* What counts as leaked: definite, indirect and possible, or what is unfreed where there
 * was no scan. */
struct profile_amount
profile_leaked(const struct profile_leaks *leaks,
	       const struct profile_amount amounts[PROFILE_LEAK_KINDS]);

/* "definite", "indirect", "possible", "reachable", "suppressed", "young", "unfreed" */
const char *profile_leak_name(enum profile_leak_kind kind);

#endif
