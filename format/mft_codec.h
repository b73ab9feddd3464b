/* SPDX-License-Identifier: MIT */
/*
 * mft_codec.h - encoding and decoding of the records in an mftrace dump.
 *
 * Guarantees: no I/O, no allocation, no global state; safe in signal handlers. Encoding is
 * inline because it is the recorder's hot path; decoding checks every length and never
 * reads beyond the buffer that it was given.
 * Threads: an encoder or a decoder belongs to one thread at a time.
 * Not here: chunks, files, what records mean (docs/format.md), and the records of scans for
 * pointers (mft_scan.h).
 *
 * Varints carry their length in the lowest set bit of the first byte: n-1 zero bits, a one
 * bit, then 7n value bits, for n = 1..8; a first byte of 0 is followed by 8 bytes. So both
 * directions need no loop.
 */
#ifndef MFT_CODEC_H
#define MFT_CODEC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mft_format.h"

#define MFT_VARINT_BYTES_MAX 9u
/* An encoder's end must have this many writable bytes behind it: varints are stored eight
 * bytes wide. */
#define MFT_ENCODE_SLACK 8u

/* ---- Encoding ------------------------------------------------------------------- */

/* Where the highest set bit of v is, which is not 0: the number of zero bits before it; on
 * x86-64 processors without lzcnt, who read it as bsr, the bit's own number. Many that have
 * both take several times as long for bsr (uops.info). */
static inline uint64_t mft_highest_bit(uint64_t v)
{
#if defined(__x86_64__)
	uint64_t place;

	__asm__("lzcnt %1, %0" : "=r"(place) : "r"(v) : "cc");
	return place;
#else
	return (uint64_t)__builtin_clzll(v);
#endif
}

/* By mft_highest_bit of 2v + 1 how many bytes a varint v below MFT_VARINT_SHORT takes, less
 * one, on this processor. 64 of them. */
const uint8_t *mft_varint_shifts(void);

#define MFT_VARINT_SHORT (1ull << 56)

/* Where the next record goes. pos..end are zero-filled and writable. */
struct mft_encoder {
	uint8_t *pos;
	uint8_t *end;
	uint64_t last_address;
	uint64_t clock;	       /* units; what a reader of this stream knows by now */
	const uint8_t *shifts; /* mft_varint_shifts */
};

/* Starts encoding at pos; clock is the chunk's base_clock. */
static inline void mft_encoder_init(struct mft_encoder *e, uint8_t *pos, uint8_t *end,
				    uint64_t clock)
{
	e->pos = pos;
	e->end = end;
	e->last_address = 0;
	e->clock = clock;
	e->shifts = mft_varint_shifts();
}

/* How many bytes a varint takes whose highest set bit is this one; 9 where it needs the
 * long form. */
extern const uint8_t mft_varint_bytes[64];

/* Writes v at p, up to MFT_VARINT_BYTES_MAX bytes; returns the position behind it. */
static inline uint8_t *mft_put_varint(uint8_t *p, uint64_t v)
{
	unsigned bytes = mft_varint_bytes[63 - __builtin_clzll(v | 1)];

	if (__builtin_expect(bytes <= 8, 1)) {
		uint64_t word = (2 * v + 1) << (bytes - 1);

		memcpy(p, &word, sizeof(word));
		return p + bytes;
	}
	*p = 0;
	memcpy(p + 1, &v, sizeof(v));
	return p + 9;
}

/* The same for a v below MFT_VARINT_SHORT. */
static inline uint8_t *mft_put_short(const uint8_t *shifts, uint8_t *p, uint64_t v)
{
	const uint64_t odd = 2 * v + 1;
	const unsigned shift = shifts[mft_highest_bit(odd)];
	const uint64_t word = odd << shift;

	memcpy(p, &word, sizeof(word));
	return p + shift + 1;
}

/* Folds small negative numbers into small positive ones: 0, -1, 1, -2, ... */
static inline uint64_t mft_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t mft_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Addresses differ mostly by multiples of 16, malloc's alignment on 64-bit systems. */
static inline uint8_t *mft_put_address(struct mft_encoder *e, uint8_t *p, uint64_t address)
{
	const uint8_t *const shifts = e->shifts;
	const int64_t delta = (int64_t)(address - e->last_address);
	/* mft_zigzag of a sixteenth of such a one. */
	const uint64_t folded = (uint64_t)(delta >> 3 ^ delta >> 63);
	uint64_t coded;

	e->last_address = address;
	if (__builtin_expect((delta & 15) == 0 && folded < MFT_VARINT_SHORT / 2, 1))
		return mft_put_short(shifts, p, folded << 1);
	if ((delta & 15) == 0)
		return mft_put_varint(p, folded << 1);
	coded = mft_zigzag(delta);
	if (__builtin_expect(coded >> 63 == 0, 1))
		return mft_put_varint(p, coded << 1 | 1);
	/* The top bit of a huge distance would be lost; then it is said from zero. */
	return mft_put_varint(mft_put_varint(p, ~0ull), address);
}

/* Makes the record that begins at `begin`, which is e->pos, and ends before p part of the
 * dump: one store, after all the others. Partner: the reader takes the opcode first. */
static inline void mft_commit_from(struct mft_encoder *e, uint8_t *begin, uint8_t op,
				   uint8_t *p)
{
	__atomic_store_n(begin, op, __ATOMIC_RELEASE);
	e->pos = p;
}

/* The same where e->pos is not at hand. */
static inline void mft_commit(struct mft_encoder *e, uint8_t op, uint8_t *p)
{
	mft_commit_from(e, e->pos, op, p);
}

/* Whether `bytes` more fit; a hot record needs MFT_HOT_BYTES_MAX. */
static inline bool mft_room(const struct mft_encoder *e, size_t bytes)
{
	return (size_t)(e->end - e->pos) >= bytes;
}

/* What glibc's malloc makes usable for a request on 64-bit systems when it splits a chunk
 * exactly (malloc.c, request2size: size + 8 rounded up to 16, at least 32, minus 8). Most
 * blocks need not say their usable size because of it. */
static inline uint64_t mft_usable_guess(uint64_t size)
{
	const uint64_t least = size > 24 ? size : 24;

	return ((least + 23) & ~15ull) - 8;
}

static inline bool mft_op_is_alloc(unsigned op)
{
	op &= ~(unsigned)MFT_OP_USABLE;
	return op >= MFT_OP_MALLOC && op <= MFT_OP_NEW_ARRAY_NOTHROW;
}

static inline bool mft_op_is_aligned(unsigned op)
{
	op &= ~(unsigned)MFT_OP_USABLE;
	return op >= MFT_OP_POSIX_MEMALIGN && op <= MFT_OP_NEW_ARRAY_ALIGNED_NOTHROW;
}

static inline bool mft_op_is_free(unsigned op)
{
	return op >= MFT_OP_FREE && op <= MFT_OP_DELETE_ARRAY_ALIGNED_NOTHROW;
}

/* Records an acquisition. op: an acquisition opcode without MFT_OP_USABLE. stack: number of
 * a stack node. align_log2 counts for the aligned kinds only. Needs MFT_HOT_BYTES_MAX. */
static inline void mft_put_alloc(struct mft_encoder *e, uint8_t op, uint64_t address,
				 uint64_t size, uint64_t usable, uint32_t stack,
				 unsigned align_log2)
{
	uint8_t *const begin = e->pos;
	const uint8_t *const shifts = e->shifts;
	uint8_t *p = mft_put_short(shifts, begin + 1, stack);

	p = __builtin_expect(size < MFT_VARINT_SHORT, 1) ? mft_put_short(shifts, p, size)
							 : mft_put_varint(p, size);
	p = mft_put_address(e, p, address);
	if (mft_op_is_aligned(op))
		p = mft_put_short(shifts, p, align_log2);
	if (usable != mft_usable_guess(size)) {
		p = mft_put_varint(p, usable - size);
		op |= MFT_OP_USABLE;
	}
	mft_commit_from(e, begin, op, p);
}

/* Records a release. Needs MFT_HOT_BYTES_MAX. */
static inline void mft_put_free(struct mft_encoder *e, uint8_t op, uint64_t address)
{
	uint8_t *const begin = e->pos;

	mft_commit_from(e, begin, op, mft_put_address(e, begin + 1, address));
}

/* Moves the stream's clock to `clock` (units), which must not lie before e->clock. */
static inline void mft_put_clock(struct mft_encoder *e, uint64_t clock)
{
	uint8_t *p = mft_put_varint(e->pos + 1, clock - e->clock);

	e->clock = clock;
	mft_commit(e, MFT_OP_CLOCK, p);
}

/* Defines the next stack node. exact: offset is the interrupted instruction itself (the
 * frame was interrupted by a signal), not a return address. */
static inline void mft_put_node(struct mft_encoder *e, uint32_t parent, uint32_t module,
				bool exact, uint64_t offset)
{
	uint8_t *p = mft_put_varint(e->pos + 1, parent);

	p = mft_put_varint(p, (uint64_t)module << 1 | exact);
	mft_commit(e, MFT_OP_NODE, mft_put_varint(p, offset));
}

static inline void mft_put_reacquire(struct mft_encoder *e)
{
	mft_commit(e, MFT_OP_REACQUIRE, e->pos + 1);
}

/* A long record under construction. Everything put after the room has run out is ignored
 * and mft_long_end commits nothing. */
struct mft_long {
	uint8_t *pos;	/* next payload byte */
	uint8_t *limit; /* first byte that must not be written */
};

/* Begins a long record of at most payload_max bytes at the encoder's position. */
void mft_long_begin(const struct mft_encoder *e, struct mft_long *record,
		    size_t payload_max);
void mft_long_varint(struct mft_long *record, uint64_t v);
/* A string or any bytes: length, then the bytes. */
void mft_long_bytes(struct mft_long *record, const void *bytes, size_t length);
/* Commits. Returns 0, or -ENOSPC: it did not fit, and the encoder is as it was. */
int mft_long_end(struct mft_encoder *e, struct mft_long *record, uint8_t op);

/* ---- Decoding ------------------------------------------------------------------- */

struct mft_bytes {
	const uint8_t *data; /* in the reader's buffer; not terminated */
	size_t length;
};

struct mft_decoder {
	const uint8_t *pos;
	const uint8_t *end;
	uint64_t last_address;
	uint64_t clock; /* units, of the next record */
};

/* One record. Which members count depends on op. */
struct mft_record {
	uint8_t op;	    /* without MFT_OP_USABLE */
	uint8_t align_log2; /* aligned acquisitions; 63 when the alignment was no power of
			       two */
	bool exact;	    /* NODE */
	uint32_t stack;	    /* acquisitions */
	uint32_t parent;    /* NODE */
	uint32_t module;    /* NODE */
	uint64_t clock;	    /* units; of every record */
	uint64_t address;   /* acquisitions and releases; offset of a NODE */
	uint64_t size;	    /* acquisitions: bytes asked for */
	uint64_t usable;    /* acquisitions: bytes usable */
	struct mft_bytes payload; /* long records */
};

/* Starts decoding bytes..end, the records of one chunk; base_clock from its header. */
void mft_decoder_init(struct mft_decoder *d, const uint8_t *bytes, const uint8_t *end,
		      uint64_t base_clock);

/* Takes the next record. Returns 1 and fills *ret_record; 0 at the end of what is
 * committed; -EBADMSG where the bytes are no record (d->pos is then the place). CLOCK
 * records are taken in passing and not returned. */
int mft_decode(struct mft_decoder *d, struct mft_record *ret_record);

/* Takes a varint off *pos. Returns 0 or -EBADMSG; nothing changes on failure. */
int mft_take_varint(const uint8_t **pos, const uint8_t *end, uint64_t *ret_v);
int mft_take_bytes(const uint8_t **pos, const uint8_t *end, struct mft_bytes *ret_bytes);

/* As mft_take_varint, for fields that are 32 bits wide in memory. */
static inline int mft_take_u32(const uint8_t **pos, const uint8_t *end, uint32_t *ret_v)
{
	uint64_t v;

	if (mft_take_varint(pos, end, &v) || v > UINT32_MAX)
		return -EBADMSG;
	*ret_v = (uint32_t)v;
	return 0;
}

/* No hot record that is well-formed is longer, an address in the long form included, and
 * what is read beyond its last varint. */
#define MFT_QUICK_BYTES 64

/* As mft_take_varint, where there is room for the longest one: takes it from p, and returns
 * the position behind it. */
static inline const uint8_t *mft_quick_varint(const uint8_t *p, uint64_t *ret_v)
{
	uint64_t word;
	unsigned bytes;

	memcpy(&word, p, sizeof(word));
	bytes = (unsigned)__builtin_ctzll(word | 1u << 8) + 1;
	if (__builtin_expect(bytes > 8, 0)) {
		memcpy(ret_v, p + 1, sizeof(*ret_v));
		return p + 9;
	}
	*ret_v = word << (64 - 8 * bytes) >> (64 - 7 * bytes);
	return p + bytes;
}

/* As an ADDRESS is coded against the one before. */
static inline const uint8_t *mft_quick_address(const uint8_t *p, uint64_t last,
					       uint64_t *ret_address)
{
	uint64_t coded;

	p = mft_quick_varint(p, &coded);
	if (__builtin_expect(!(coded & 1), 1))
		*ret_address = last + ((uint64_t)mft_unzigzag(coded >> 1) << 4);
	else if (coded == ~0ull)
		p = mft_quick_varint(p, ret_address);
	else
		*ret_address = last + (uint64_t)mft_unzigzag(coded >> 1);
	return p;
}

/* The payloads of long records, in the order of their fields on disk. Strings are not
 * terminated. Decoders return 0 or -EBADMSG and ignore fields behind those they know. */

#define MFT_PROCESS_ARGS_CUT (1u << 0) /* argv was longer than the record */

struct mft_process {
	uint32_t flags;	      /* MFT_PROCESS_* */
	struct mft_bytes exe; /* absolute path */
	struct mft_bytes cwd;
	struct mft_bytes argv; /* each argument followed by a zero byte */
};
int mft_decode_process(struct mft_bytes payload, struct mft_process *ret_process);

struct mft_thread {
	int32_t tid;
	struct mft_bytes name;
};
int mft_decode_thread(struct mft_bytes payload, struct mft_thread *ret_thread);

struct mft_module {
	uint32_t id;	/* from 1; unique within the dump */
	uint64_t bias;	/* load address minus the address in the file */
	uint64_t start; /* mapped range */
	uint64_t end;
	struct mft_bytes build_id;
	struct mft_bytes path;
};
int mft_decode_module(struct mft_bytes payload, struct mft_module *ret_module);
int mft_decode_module_gone(struct mft_bytes payload, uint32_t *ret_id);

struct mft_failed {
	uint8_t op; /* the acquisition that failed */
	uint64_t size;
	uint32_t stack;
	int32_t error; /* errno */
};
int mft_decode_failed(struct mft_bytes payload, struct mft_failed *ret_failed);

/* MMAP: address, length, stack, prot, flags. MUNMAP: address, length, stack. MREMAP:
 * address and length after, stack, flags, old_address, old_length. BRK: address (the new
 * break), stack, old_address (the break before). MADVISE: address, length, stack, advice in
 * flags. Only calls that succeeded are recorded. */
struct mft_mapping {
	uint64_t address;
	uint64_t length;
	uint32_t stack;
	uint32_t prot;
	uint32_t flags;
	uint64_t old_address;
	uint64_t old_length;
};
int mft_decode_mapping(struct mft_bytes payload, struct mft_mapping *ret_mapping);

struct mft_snapshot {
	uint32_t reason;     /* enum mft_snapshot_reason */
	uint64_t rss_bytes;  /* VmRSS: anonymous + file + shmem */
	uint64_t file_bytes; /* of these, file-backed and shmem */
	uint64_t live_bytes; /* usable bytes live, the recorder's running sum */
};
int mft_decode_snapshot(struct mft_bytes payload, struct mft_snapshot *ret_snapshot);

/* One mapping or a part of one. runs alternate: pages absent, pages present, absent, ...
 * Without runs only the number of resident bytes is known. */
struct mft_snapshot_map {
	uint32_t kind; /* enum mft_map_kind */
	uint64_t start;
	uint64_t length; /* bytes */
	uint64_t resident_bytes;
	struct mft_bytes runs;
};
int mft_decode_snapshot_map(struct mft_bytes payload, struct mft_snapshot_map *ret_map);
/* Takes the next pair of runs off map->runs. Returns 1, 0 at the end, -EBADMSG. */
int mft_next_run(struct mft_bytes *runs, uint64_t *ret_absent_pages,
		 uint64_t *ret_present_pages);

/* SNAPSHOT_THREADS: takes the next thread id off the payload. Returns 1, 0 at the end,
 * -EBADMSG. */
int mft_next_thread(struct mft_bytes *payload, int32_t *ret_tid);

struct mft_notice {
	uint32_t code; /* enum mft_notice_code */
	struct mft_bytes text;
};
int mft_decode_notice(struct mft_bytes payload, struct mft_notice *ret_notice);

/* ALLOCATOR: the payload is one string. */
int mft_decode_string(struct mft_bytes payload, struct mft_bytes *ret_text);

/* Matching encoders, for records with more than two fields. */
int mft_put_module(struct mft_encoder *e, const struct mft_module *module);
int mft_put_failed(struct mft_encoder *e, const struct mft_failed *failed);
int mft_put_mapping(struct mft_encoder *e, uint8_t op, const struct mft_mapping *mapping);
int mft_put_snapshot(struct mft_encoder *e, const struct mft_snapshot *snapshot);
int mft_put_snapshot_map(struct mft_encoder *e, const struct mft_snapshot_map *map);

/* The name of an opcode as the function a programmer knows ("malloc", "operator new[]"). */
const char *mft_op_name(unsigned op);

#endif
