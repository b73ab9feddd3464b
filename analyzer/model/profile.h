/* SPDX-License-Identifier: MIT */
/*
 * profile.h - what is known of one traced process after its dump was replayed.
 *
 * The contract between the replay (which fills it) and the reports (which only read it).
 * Definitions of the figures: docs/design.md, "Words and figures".
 * Units: bytes, nanoseconds since the process's recording began, counts.
 * Threads: none; plain data. Memory: owned by the profile, freed by profile_free;
 * everything is proportional to live blocks, distinct stacks and snapshots, never to the
 * number of events.
 * Not here: what leaks (profile_leaks.h), symbol names (symbols.h) and how any of it is
 * printed.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_format.h"
#include "profile_leaks.h"

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
	/* Of what is live at exit, or was at the scan. */
	struct profile_amount leaks[PROFILE_LEAK_KINDS];
	/* What the definitely lost blocks retain, themselves included. */
	struct profile_amount retained;
	/* Of all that leaks or is unfreed: when the first and the last was allocated, and
	 * the thread that did, 0 where there were several. leak_last_ns 0: nothing is. */
	uint64_t leak_first_ns, leak_last_ns;
	uint32_t leak_thread;
	struct profile_trend trend;
	/* In the chosen snapshot (profile.chosen_snapshot). */
	uint64_t pinned_exclusive_bytes;
	double pinned_shared_bytes;
	uint64_t pinned_pages;	    /* that are not full and hold a block of the site */
	uint64_t pinning_blocks;    /* on these pages */
	uint64_t pinning_oldest_ns; /* age of the oldest of them */
	double pinning_age_ns_sum;  /* of all of them */
	/* Free bytes of aligned 2 MiB whose live blocks all come from this site. */
	uint64_t pinned_huge_exclusive_bytes;
	/* Exclusive and shared, over the whole run: what a snapshot says holds until the
	 * next one. */
	double pinned_byte_seconds;
};

/* What a snapshot's RSS is made of, in bytes. All but untouched_bytes, which is in no page,
 * add up to rss_bytes. */
struct profile_waterfall {
	uint64_t requested_bytes;   /* of live blocks, on resident pages */
	uint64_t untouched_bytes;   /* the rest of R */
	uint64_t slack_bytes;	    /* usable less requested, and glibc's headers */
	uint64_t pinned_free_bytes; /* free, on pages with a live block; less headers */
	uint64_t empty_bytes;	    /* heap pages without a live block; less headers */
	uint64_t other_anon_bytes;
	uint64_t stack_bytes;
	uint64_t recorder_bytes;     /* mftrace's own, windows onto the dump included */
	uint64_t file_bytes;	     /* file-backed and shared */
	uint64_t private_file_bytes; /* the process's own copies of file pages */
	int64_t unexplained_bytes;
	uint64_t rss_bytes;
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
	struct profile_waterfall waterfall;
};

#define PROFILE_GROWTHS 3u
#define PROFILE_GROWTH_SITES 3u

/* A stretch of the run over which the fragmentation ratio only grew. */
struct profile_growth {
	size_t from, to;     /* snapshots */
	uint64_t lost_bytes; /* by which F - R grew */
	/* Sites whose pinned bytes grew most, and by how much; SIZE_MAX: none. */
	size_t sites[PROFILE_GROWTH_SITES];
	double bytes[PROFILE_GROWTH_SITES];
};

enum profile_region_kind {
	PROFILE_REGION_BRK = 0,
	PROFILE_REGION_ARENA,  /* a heap of one of glibc's further arenas */
	PROFILE_REGION_MAPPED, /* another mapping with blocks; the last kind of heap */
	PROFILE_REGION_THREAD_STACK,
	PROFILE_REGION_OTHER,
};

/* A heap of glibc's in the chosen snapshot. */
struct profile_heap {
	enum profile_region_kind kind; /* BRK or ARENA */
	uint64_t start, end;
	uint64_t resident_bytes;
	uint64_t live_bytes; /* requested, of blocks that begin in it */
	uint64_t live_blocks;
	uint64_t empty_bytes; /* resident pages without a live block */
	uint64_t top_bytes;   /* resident bytes behind the last block */
	uint64_t trim_bytes;  /* what malloc_trim(0) would return of it */
	/* Threads that have allocated what lives in it, or were last to. */
	uint32_t threads, threads_alive;
	bool threads_known; /* which of them live */
	/* The highest live block; tail_site SIZE_MAX: there is none. */
	size_t tail_site;
	uint64_t tail_address, tail_size_bytes, tail_age_ns;
	uint64_t tail_would_return_bytes; /* of resident memory, if it were gone */
};

/* Runs of free bytes in resident memory with 2^n <= bytes < 2^(n+1). */
struct profile_free_class {
	uint64_t count, bytes;
	uint64_t fits; /* how many allocations of 2^n bytes all runs have room for */
};

/* Live blocks whose usable size is 2^n or more, less than twice that. */
struct profile_size_class {
	uint64_t blocks, requested_bytes, usable_bytes;
	uint64_t pages;		 /* resident ones with such a block */
	uint64_t resident_bytes; /* of the blocks themselves, on these pages */
	double pinned_bytes;	 /* free bytes of these pages, in even parts by class */
};

/* Resident pages of the heap without a gap. */
struct profile_stretch {
	uint64_t start;
	uint64_t pages;
	size_t first; /* in depth.page_classes */
	enum profile_region_kind kind;
	bool region_begins;
};

/* What is known of the chosen snapshot only. */
struct profile_depth {
	size_t snapshot; /* index */
	uint32_t page_bytes;
	struct profile_free_class free_runs[64];
	struct profile_size_class size_classes[64];
	/* glibc only. */
	struct profile_heap *heaps;
	size_t heaps_count;
	uint64_t trim_would_return_bytes;
	/* In order of address; none where a damaged dump tells of more than there can be.
	 */
	struct profile_stretch *stretches;
	size_t stretches_count;
	uint8_t *page_classes; /* as in page_occupancy, by page */
	size_t pages_count;
};

/* Which snapshot to look at in depth. */
enum profile_moment_kind {
	PROFILE_MOMENT_WORST = 0,     /* lowest utilisation of a heap of some size */
	PROFILE_MOMENT_EXIT,	      /* the last one at exit */
	PROFILE_MOMENT_PEAK_LIVE,     /* the one with the highest R */
	PROFILE_MOMENT_PEAK_RESIDENT, /* the one with the highest RSS */
	PROFILE_MOMENT_TIME,	      /* the last one not after time_ns, or the first */
	PROFILE_MOMENT_INDEX,
};

struct profile_moment {
	enum profile_moment_kind kind;
	uint64_t time_ns;
	size_t index;
};

/* What the process did with mmap and friends itself, outside its allocator. */
struct profile_mappings {
	uint64_t mmap_calls, munmap_calls, mremap_calls, brk_calls, madvise_calls;
	uint64_t mapped_bytes, unmapped_bytes;
};

/* Of what time the events are known one by one. Sums, peak and live blocks are of the whole
 * run in any case; snapshots and what is drawn over time are of the window. */
struct profile_window {
	uint64_t start_ns;	/* 0: they all are */
	uint64_t folded_events; /* that happened before */
	uint64_t folded_snapshots;
};

/* A thread that was recorded. */
struct profile_thread {
	int32_t tid;
	char *name; /* when its recording began; may be "" */
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
	/* Where it was not replayed to its end (mft_snap_header, snap.h): how far each of
	 * its streams. Without cuts up to cut_clock (units), UINT64_MAX: to the end. */
	struct mft_snap_cut *cuts;
	size_t cuts_count;
	uint64_t cut_clock;

	/* In the order of their first records, also those that one recorder served one
	 * behind the other. */
	struct profile_thread *thread_list;
	size_t thread_list_count;
	struct profile_module *modules;
	size_t modules_count;
	struct profile_frame *frames;
	size_t frames_count;
	struct profile_site *sites;
	size_t sites_count;
	struct profile_snapshot *snapshots; /* in order of time */
	size_t snapshots_count;
	/* index: lowest utilisation of those whose heap has at least an eighth of the
	 * highest resident_bytes; SIZE_MAX: there is none */
	size_t worst_snapshot;
	/* The one that was asked for, the worst unless said otherwise; SIZE_MAX: there is
	 * none. */
	size_t chosen_snapshot;
	struct profile_depth *depth;			/* of it; NULL: there is none */
	struct profile_growth growths[PROFILE_GROWTHS]; /* biggest first */
	size_t growths_count;

	/* recording */
	struct profile_window window;
	uint64_t events;      /* allocations + failed + frees + mapping calls */
	uint64_t allocations; /* that returned memory, a realloc included */
	uint64_t frees;	      /* of live blocks, a realloc's first half included */
	uint64_t reallocs; /* of a live block, that returned memory; also in both above */
	uint64_t failed;   /* allocations that returned NULL */
	uint64_t threads;
	uint64_t file_bytes;
	uint64_t lost_events;
	/* Records that no checksum covers; what was left out because of damage. */
	uint64_t unsealed_bytes, skipped_bytes;
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
	struct profile_leaks leaks;
	struct profile_mappings mappings;
};

/* Takes what leaks at a site, of those kinds whose bit (1 << kind) is set, out of the leaks
 * and into PROFILE_LEAK_SUPPRESSED, at the site and in the totals. Sets *ret_moved to how
 * much that was. */
void profile_suppress(struct profile *profile, size_t site, unsigned kinds,
		      struct profile_amount *ret_moved);

/* What an enum mft_snapshot_reason is called where programs read it: "exit", "peak_live",
 * "peak_resident", "interval", "request"; "?": it is none. */
const char *profile_reason_name(uint32_t reason);

/* Frees everything; NULL is fine. */
void profile_free(struct profile *profile);
void profile_depth_free(struct profile_depth *depth);

/* Whether of snapshots 0 to i the i-th is the one of a moment, when of those before it the
 * one was `best` (SIZE_MAX: none). highest_resident_bytes: of the heap, of all snapshots;
 * if it is that of 0 to i only, a later one may show that another was the worst. */
bool profile_moment_takes(const struct profile_moment *moment,
			  const struct profile_snapshot *snapshots, size_t i, size_t best,
			  uint64_t highest_resident_bytes);

/* The snapshot of a moment, an index, or SIZE_MAX where there is none. */
size_t profile_find_moment(const struct profile *profile,
			   const struct profile_moment *moment);

/* 1 - R/F of a snapshot; 0 where more was asked for than is resident. */
double profile_fragmentation(const struct profile_snapshot *snapshot);

/* Whether glibc's malloc served the program, whose ways are known. */
bool profile_is_glibc(const struct profile *profile);

#endif
