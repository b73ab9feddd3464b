/* SPDX-License-Identifier: MIT */
/*
 * profile.h - what is known of one traced process after its dump was replayed.
 *
 * The contract between the replay (which fills it) and the reports (which only read it).
 * Definitions of the figures: docs/design.md, "Words and definitions".
 * Units: bytes, nanoseconds since the process's recording began, counts.
 * Threads: none; plain data. Memory: owned by the profile, freed by profile_free;
 * everything is proportional to live blocks, distinct stacks and snapshots, never to the
 * number of events.
 * Not here: symbol names (symbols.h) and how any of it is printed.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_format.h"

/* A library or the program itself, mapped for a part of the run. */
struct profile_module {
	char *path; /* absolute, as the traced process saw it; "" for the vdso */
	uint8_t build_id[64];
	size_t build_id_bytes; /* 0: none */
	uint64_t bias;	       /* run-time address minus address in the file */
	uint64_t start, end;   /* mapped range */
};

/* One frame of the tree of all call stacks of the process; frames[0] and frames[1] are the
 * roots (MFT_NODE_ROOT, MFT_NODE_TRUNCATED). Same parent, module and offset: same frame. */
struct profile_frame {
	uint32_t parent; /* index of the caller's frame */
	uint32_t module; /* index into modules, or PROFILE_NO_MODULE */
	bool exact;	 /* offset is the interrupted instruction, not a return address */
	uint64_t offset; /* address in the file (run-time address minus bias); without a
			  * module the run-time address */
};
#define PROFILE_NO_MODULE UINT32_MAX

/* A call site: one whole call stack that allocated. */
struct profile_site {
	uint32_t frame; /* innermost frame: the caller of the allocation function */
	uint8_t op;	/* enum mft_op: the function that was called (the first seen) */
	uint64_t allocations;
	uint64_t allocated_bytes;
	uint64_t live_blocks; /* at exit */
	uint64_t live_bytes;
	uint64_t live_usable_bytes;
	uint64_t peak_blocks; /* live when R was at its maximum */
	uint64_t peak_bytes;
	uint64_t temporary;	  /* allocations */
	uint64_t freed;		  /* of the allocations, how many were released again */
	uint64_t lifetime_ns_sum; /* over those */
	uint64_t failed;
	/* In the worst snapshot (profile.worst_snapshot), bytes. */
	uint64_t pinned_exclusive_bytes;
	double pinned_shared_bytes;
};

struct profile_snapshot {
	uint64_t time_ns;
	enum mft_snapshot_reason reason;
	uint64_t rss_bytes;
	uint64_t requested_bytes; /* R */
	uint64_t usable_bytes;	  /* U */
	uint64_t resident_bytes;  /* F */
	uint64_t free_bytes;	  /* within F: bytes of no live block */
	uint64_t largest_free_run_bytes;
	uint64_t pinned_bytes; /* free bytes on resident pages that hold a live block */
	uint64_t page_occupancy[11];
	uint64_t live_blocks;
};

/* What the process did with mmap and friends itself, outside its allocator. */
struct profile_mappings {
	uint64_t mmap_calls, munmap_calls, mremap_calls, brk_calls, madvise_calls;
	uint64_t mapped_bytes, unmapped_bytes;
};

struct profile {
	char *dump_path;
	struct mft_header header; /* as it was read; check nothing more, it is validated */
	char *exe;		  /* "" where the dump does not say */
	char *cwd;
	char **argv; /* NULL-terminated */
	bool argv_cut;
	char *allocator; /* path of the module whose malloc served the program, or "" */
	char **notices;	 /* NULL-terminated, sentences for the reader of a report */
	uint64_t duration_ns;

	struct profile_module *modules;
	size_t modules_count;
	struct profile_frame *frames;
	size_t frames_count;
	struct profile_site *sites;
	size_t sites_count;
	struct profile_snapshot *snapshots; /* in order of time */
	size_t snapshots_count;
	size_t worst_snapshot; /* index: lowest utilisation; SIZE_MAX: there is none */

	/* recording */
	uint64_t events;      /* allocations + failed + frees + mapping calls */
	uint64_t allocations; /* that returned memory, a realloc included */
	uint64_t frees;	      /* of live blocks, a realloc's first half included */
	uint64_t reallocs; /* of a live block, that returned memory; also in both above */
	uint64_t failed;   /* allocations that returned NULL */
	uint64_t threads;
	uint64_t file_bytes;
	uint64_t lost_events;
	uint64_t unmatched_frees;    /* of blocks that the dump never saw allocated */
	uint64_t double_allocations; /* of an address that was live: 0 unless events were
					lost */
	uint64_t op_counts[64];	     /* by enum mft_op */
	uint64_t stacks_complete, stacks_truncated, stacks_fallback;
	uint64_t stack_checks, stack_differences;

	/* Where reading ended before the end of the file, and why; NULL: it was read whole.
	 */
	char *damage;
	uint64_t damage_offset;

	/* totals */
	uint64_t allocated_bytes, freed_bytes;
	uint64_t temporary_allocations;
	/* peak of R */
	uint64_t peak_bytes, peak_blocks, peak_time_ns;
	/* at exit */
	uint64_t live_bytes, live_blocks, live_usable_bytes;
	struct profile_mappings mappings;
};

/* Frees everything; NULL is fine. */
void profile_free(struct profile *profile);

#endif
