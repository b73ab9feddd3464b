/* SPDX-License-Identifier: MIT */
/*
 * mft_ring.h - what a dump of mode MFT_MODE_RING holds beside its newest events: the state
 * that all older ones left behind.
 *
 * A ring dump consists of places of one chunk each, like any dump. Chunk 0 is the root
 * (struct mft_ring_root). Every place that the state takes is a chunk of a kind of its own,
 * with the usual chunk header (`seq` numbers the chunks of a kind from 0, `stream` is 0)
 * and its contents from header_bytes (MFT_RING_CONTENTS) on. The other places are those of
 * the ring: chunks of events as in full mode, and free ones, whose magic is 0 and whose
 * contents mean nothing.
 *
 * The state is what a reader of all events would know at an instant: after every event that
 * was *folded* into it and before every other. Each stream's place in it says where its
 * first event that was not folded stands.
 *
 * Crash consistency. Folding goes in steps. `sequence` is even between steps and odd within
 * one. Before a step changes bytes of the state that meant something before it, it appends
 * what they were to the journal (struct mft_ring_undo, then the bytes), and makes that
 * count by one store to journal_bytes. Who finds `sequence` odd, puts the old bytes back,
 * the last ones first, and has the state before the step. A chunk of events is used anew
 * only after the step has ended that folded the last of it, so what that state says is
 * still to come is still there.
 *
 * Everything is little-endian; positions are offsets in the file, never addresses.
 * docs/format.md says the same in prose and changes with this file.
 * Not here: how the state is kept (preload/fold.h).
 */
#ifndef MFT_RING_H
#define MFT_RING_H

#include <stdint.h>

#include "mft_format.h"

#define MFT_RING_VERSION 1u

/* Where the contents of a chunk of the state begin; its header_bytes. */
#define MFT_RING_CONTENTS 128u

/* Kinds of chunks, beside MFT_CHUNK_EVENTS. */
enum mft_ring_kind {
	MFT_RING_ROOT = 16,    /* struct mft_ring_root; chunk 0 */
	MFT_RING_JOURNAL = 17, /* chunk 1, which goes on through journal_chunks places */
	MFT_RING_FACTS = 18,   /* long records, whole, as they stood in their streams */
	MFT_RING_NODES = 19,   /* struct mft_ring_node: the call stacks of all streams */
	MFT_RING_NODEMAP = 20, /* struct mft_ring_granule: streams' numbers of nodes */
	MFT_RING_SITES = 21,   /* struct mft_ring_site */
	MFT_RING_STREAMS = 22, /* struct mft_ring_stream */
	MFT_RING_LIVE = 23,    /* struct mft_ring_block, in no order; address 0: none */
};

/* A live block. In chunks of kind MFT_RING_LIVE all places to the end of the chunk that
 * hold a whole one count. */
struct mft_ring_block {
	uint64_t address; /* 0: an empty place */
	uint64_t size;	  /* asked for */
	uint64_t usable;
	uint64_t birth;	 /* units */
	uint32_t site;	 /* index */
	uint32_t thread; /* id of the thread that allocated it */
};
_Static_assert(sizeof(struct mft_ring_block) == 40, "no padding");

/* A frame of the tree of all call stacks. Nodes are numbered from MFT_NODE_FIRST in the
 * order in which they stand; 0 and 1 are the roots, as in a stream. The same frame may be
 * there more than once, where its module was described under several ids. */
struct mft_ring_node {
	uint64_t offset;
	uint32_t parent; /* a smaller number */
	uint32_t module; /* twice the module's id, plus 1 if the frame is exact */
};
_Static_assert(sizeof(struct mft_ring_node) == 16, "no padding");

#define MFT_RING_GRANULE_NODES 254u

/* A piece of a stream's map from its own node numbers to those of the tree. */
struct mft_ring_granule {
	uint32_t stream; /* its number */
	uint32_t index;	 /* nodes[i] is the stream's node
			  * MFT_NODE_FIRST + index * MFT_RING_GRANULE_NODES + i */
	uint32_t nodes[MFT_RING_GRANULE_NODES];
};
_Static_assert(sizeof(struct mft_ring_granule) == 1024, "no padding");

/* A call site: what docs/design.md says of it, up to the instant of the state. */
struct mft_ring_site {
	uint64_t live_bytes, live_blocks, live_usable_bytes;
	uint64_t allocations, allocated_bytes;
	uint64_t freed;
	uint64_t lifetime; /* units, summed over those freed */
	/* Noted when the site first changed after peak number `peaks`: what it held then.
	 * If totals.peaks is another number, it still holds what it held at the peak:
	 * live_bytes and live_blocks. */
	uint64_t peaks;
	uint64_t peak_bytes, peak_blocks;
	uint64_t temporary, failed;
	uint32_t node; /* innermost frame, number in the tree */
	uint8_t op;    /* enum mft_op: the function that was called first */
	uint8_t reserved[27];
};
_Static_assert(sizeof(struct mft_ring_site) == 128, "no padding");

enum mft_ring_half {
	MFT_RING_HALF_NONE = 0,
	MFT_RING_HALF_BLOCK = 1,   /* `released` was taken out of the live blocks, and is
				    * still counted as live in its site and in the totals */
	MFT_RING_HALF_UNKNOWN = 2, /* the release was of no known block */
};

#define MFT_RING_STREAM_NESTED (1u << 0) /* as MFT_CHUNK_FLAG_NESTED */

/* How far a stream is folded. A stream that is not here, is not folded at all. */
struct mft_ring_stream {
	uint32_t stream; /* its number */
	uint32_t thread; /* id by its last THREAD record, or 0 */
	uint32_t flags;	 /* MFT_RING_STREAM_* */
	/* The first record that is not folded: in chunk `seq`, so many bytes behind the
	 * chunk's beginning, 0: at its first record. Chunks of smaller seq are folded
	 * whole, whether they are still in the file or not. */
	uint32_t seq;
	uint32_t offset;
	uint32_t nodes;	  /* that are defined, and not forgotten by NODES_RESET */
	uint64_t clock;	  /* units, where that record stands, if offset is not 0 */
	uint64_t address; /* that ADDRESS is coded against there, if offset is not 0 */
	/* The last block that it allocated; 0: none since the thread took the stream over.
	 */
	uint64_t last_address, last_birth;
	/* A realloc whose second half was not known yet. */
	uint8_t half;	 /* enum mft_ring_half */
	uint8_t half_op; /* of the release */
	uint8_t half_temporary;
	uint8_t reserved[5];
	uint64_t half_clock;
	struct mft_ring_block released;
	uint8_t reserved1[16];
};
_Static_assert(sizeof(struct mft_ring_stream) == 128, "no padding");

/* Sums over everything folded. What they count: docs/design.md, and the analyzer's
 * profile.h, whose members have the same names. */
struct mft_ring_totals {
	uint64_t clock; /* of the last event folded: where the window of events begins */
	uint64_t records;
	uint64_t allocations, allocated_bytes;
	uint64_t frees, freed_bytes;
	uint64_t reallocs, failed, temporary;
	uint64_t live_blocks, live_bytes, live_usable_bytes;
	uint64_t peak_blocks, peak_bytes, peak_clock;
	uint64_t peaks; /* how often the peak was raised */
	uint64_t unmatched_frees, double_allocations;
	uint64_t mmap_calls, munmap_calls, mremap_calls, brk_calls, madvise_calls;
	uint64_t mapped_bytes, unmapped_bytes;
	uint64_t threads;   /* THREAD records, those of nested streams not counted */
	uint64_t snapshots; /* complete ones that were dropped */
	uint64_t damaged;   /* records that made no sense; 0 unless memory was corrupted */
	/* Sums of the headers of the chunks that are folded whole. */
	uint64_t lost_events, fallback_stacks, stack_checks, stack_differences;
	uint64_t op_counts[64]; /* by enum mft_op */
};

/* Memory that the program took by brk itself: see analyzer/leaks/breaks.h. When there are
 * more pieces, the last one stretches over them. */
#define MFT_RING_BREAKS 64u
struct mft_ring_piece {
	uint64_t start, end;
};

struct mft_ring_root {
	uint32_t version; /* MFT_RING_VERSION; of the state's layout */
	/* Chunks 1 to journal_chunks are the journal: one chunk header, then its contents,
	 * straight on to the end of the last of these places. */
	uint32_t journal_chunks;
	uint64_t ring_bytes; /* SIZE as it holds */
	uint32_t reserved[10];
	/* 56: each written by one aligned store, and not undone. */
	uint64_t sequence;	/* odd: a step is under way */
	uint64_t journal_bytes; /* of its contents, that count while sequence is odd */
	/* A reader of a running process sets this to CLOCK_MONOTONIC plus at most 1 s;
	 * until then no step begins. The process takes more space meanwhile. */
	uint64_t hold_until_ns;
	uint64_t extra_chunks; /* how many there are beyond SIZE now */
	uint64_t reserved1[3];
	/* 112: how much of the state counts; undone with the rest. */
	uint32_t facts_chunks; /* the last of them is filled up to facts_bytes */
	uint32_t facts_bytes;  /* its header included; the others to their first 0 opcode */
	uint32_t nodes;
	uint32_t granules;
	uint32_t sites;
	uint32_t streams;
	uint32_t live_chunks;
	uint32_t breaks;
	struct mft_ring_totals totals;
	struct mft_ring_piece pieces[MFT_RING_BREAKS]; /* in order of address */
};
_Static_assert(__builtin_offsetof(struct mft_ring_root, sequence) == 56, "no padding");
_Static_assert(__builtin_offsetof(struct mft_ring_root, facts_chunks) == 112, "no padding");
_Static_assert(__builtin_offsetof(struct mft_ring_root, totals) == 144, "no padding");

/* An entry of the journal: `bytes` old bytes follow, those from file offset `offset` on,
 * and then zeros up to a multiple of 8. Entries lie one behind the other in the journal's
 * contents. An entry never reaches over the end of a chunk of the state. */
struct mft_ring_undo {
	uint64_t offset;
	uint32_t bytes;
	uint32_t reserved;
};
_Static_assert(sizeof(struct mft_ring_undo) == 16, "no padding");

#endif
