/* SPDX-License-Identifier: MIT */
/*
 * mft_format.h - the layout of an mftrace dump (version 1.1).
 *
 * The only header that the recorder (preload/) and the analyzer share. Types and
 * constants, no I/O, no allocation. docs/format.md is the specification in prose and
 * changes in the same commit as this file.
 *
 * A dump is one header page followed by chunks of one fixed size. A chunk belongs to one
 * stream; a stream is what one recorder (normally one thread) wrote, in its own order.
 * Chunks start zero-filled. A record is committed by storing its first byte, the opcode,
 * last; opcode 0 therefore ends what is committed in a chunk, at every instant, also
 * after the writer was killed.
 *
 * All integers are little-endian. "Units" of time are header.clock_unit_ns nanoseconds
 * since header.start_monotonic_ns.
 */
#ifndef MFT_FORMAT_H
#define MFT_FORMAT_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the dump is little-endian and is written with plain stores"
#endif

/* First byte not ASCII, CR LF and ^Z: a transfer in text mode shows (as in PNG, RFC 2083).
 */
#define MFT_MAGIC "\x89MFT\r\n\x1a\n"
#define MFT_MAGIC_BYTES 8

/* Readers refuse another major; a newer minor only adds long records and flags. */
#define MFT_VERSION_MAJOR 1
#define MFT_VERSION_MINOR 1
#define MFT_VERSION_SEALED 1 /* from this minor on chunks and headers have seals */

#define MFT_HEADER_BYTES 4096u
#define MFT_CHUNK_BYTES_DEFAULT (64u * 1024)
#define MFT_CHUNK_BYTES_MAX (16u * 1024 * 1024)
#define MFT_CHUNK_MAGIC 0x4354464du /* "MFTC" */
#define MFT_CLOCK_UNIT_NS 64u

enum mft_mode {
	MFT_MODE_FULL = 0,
	MFT_MODE_RING = 1,
	MFT_MODE_SAMPLED = 2
};

/* How the traced process stands; header.state. RUNNING in the dump of a process that is
 * gone means that it was killed. */
enum mft_state {
	MFT_STATE_RUNNING = 0,
	MFT_STATE_EXITED = 1,
	MFT_STATE_EXEC = 2
};

/* Why recording ended before the process did; header.stop_reason. */
enum mft_stop {
	MFT_STOP_NONE = 0,
	MFT_STOP_SPACE = 1,
	MFT_STOP_FILE_GONE = 2,
	MFT_STOP_MAP = 3,
	MFT_STOP_LIMIT = 4,
	MFT_STOP_FILTER = 5
};

/* header.control */
enum mft_control {
	MFT_CONTROL_RECORD = 0,
	MFT_CONTROL_PAUSE = 1, /* releases alone are recorded, acquisitions are counted */
};

/* header.flags */
#define MFT_FLAG_EXIT_STATUS_KNOWN (1u << 0) /* exit_status is what exit() was given */
#define MFT_FLAG_FORKED (1u << 1) /* the process began as a copy of parent_id's */
#define MFT_FLAG_OWN_MALLOC                                                                \
	(1u << 2) /* the program's malloc is not the one we interpose                      \
		   */

/* Page 0 of the file. Written once at start but for the members marked mutable. */
struct mft_header {
	uint8_t magic[MFT_MAGIC_BYTES];
	uint16_t version_major;
	uint16_t version_minor;
	uint32_t header_bytes;
	uint32_t chunk_bytes;
	uint32_t page_bytes;  /* of the traced system */
	uint16_t elf_machine; /* e_machine of the traced process */
	uint16_t pointer_bytes;
	uint32_t mode; /* enum mft_mode */
	int32_t pid;   /* in the process's own pid namespace */
	int32_t ppid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat: tells a reused pid */
	uint64_t start_unix_ns;
	uint64_t start_monotonic_ns;
	uint32_t clock_unit_ns;
	uint32_t reserved;
	uint8_t boot_id[16];   /* /proc/sys/kernel/random/boot_id */
	uint8_t dump_id[16];   /* random */
	uint8_t parent_id[16]; /* dump_id of the process we were forked from, or zeros */
	char recorder[32];     /* version of the library, zero-terminated */
	uint8_t reserved0[104];
	/* 256: mutable; each written with one store. */
	uint32_t chunks;      /* chunks handed out (atomic add) */
	uint32_t state;	      /* enum mft_state */
	int32_t exit_status;  /* as given to exit(), where the flag says so */
	uint32_t flags;	      /* MFT_FLAG_* */
	uint64_t end_clock;   /* units; when state was set */
	uint64_t lost_events; /* events of threads that never got a chunk (atomic add) */
	uint32_t stop_reason; /* enum mft_stop */
	int32_t stop_errno;
	/* Seals (mft_seal.h), since version 1.1. */
	uint64_t start_seal; /* of the members before 256 */
	uint64_t end_seal;   /* when state was set; 0 before. Atomic, stored last */
	/* Since version 1.1: */
	uint32_t control;      /* enum mft_control; written from outside while state is 0 */
	uint32_t control_seen; /* what the recorder has made of it */
	uint64_t paused_events; /* acquisitions while it was paused (atomic add) */
	uint8_t reserved1[MFT_HEADER_BYTES - 328];
};
_Static_assert(sizeof(struct mft_header) == MFT_HEADER_BYTES, "header is one page");
_Static_assert(__builtin_offsetof(struct mft_header, chunks) == 256, "mutable part at 256");

enum mft_chunk_kind {
	MFT_CHUNK_EVENTS = 1
}; /* readers skip chunks of other kinds */

#define MFT_CHUNK_FLAG_NESTED                                                              \
	(1u << 0) /* events of signal handlers that interrupted the recorder */

/* At header_bytes + n * chunk_bytes. magic is stored last. */
struct mft_chunk {
	uint32_t magic;
	uint16_t kind;	       /* enum mft_chunk_kind */
	uint16_t header_bytes; /* first record at this offset */
	uint32_t stream;
	uint32_t seq; /* 0, 1, 2, ... within the stream */
	int32_t tid;  /* thread that took the chunk; MFT_OP_THREAD tells of a change */
	uint32_t flags;
	uint64_t base_clock; /* units; delta base of the first MFT_OP_CLOCK in this chunk */
	/* Mutable, by the owner alone: */
	uint64_t lost_events; /* events of this stream that found no space, since the last
				 chunk */
	uint64_t fallback_stacks; /* stacks of this chunk taken by the reference unwinder
				   * although a faster way exists */
	uint64_t stack_checks;	  /* stacks of this chunk compared with the reference */
	uint64_t stack_differences;
	/* Of the chunk (mft_seal.h), since version 1.1, where header_bytes says that it is
	 * there: put by the owner when it goes on to the next chunk, of what is committed
	 * also when the process exits; 0 before. Atomic. */
	uint64_t seal;
	uint8_t reserved[56];
};
_Static_assert(sizeof(struct mft_chunk) == 128, "chunk header is two cache lines");
#define MFT_CHUNK_HEADER_LEAST 64u /* up to version 1.0: without a seal */

/*
 * Opcodes. 0x01..0x7f are hot records, whose layout is fixed for the major version;
 * 0x80..0xff are long records: opcode, u16 payload length, payload. A reader skips a long
 * record that it does not know.
 *
 * Fields below are varints (mft_codec.h) unless a width is given. ADDRESS is coded against
 * the previous address in the same chunk (starting from 0).
 */
enum mft_op {
	MFT_OP_END = 0,
	/* Acquisitions: STACK SIZE ADDRESS, then log2(alignment) for the aligned kinds,
	 * then usable - SIZE where MFT_OP_USABLE is set (otherwise mft_usable_guess). */
	MFT_OP_MALLOC = 1,
	MFT_OP_CALLOC = 2,
	MFT_OP_REALLOC = 3,
	MFT_OP_REALLOCARRAY = 4,
	MFT_OP_POSIX_MEMALIGN = 5, /* first aligned kind */
	MFT_OP_ALIGNED_ALLOC = 6,
	MFT_OP_MEMALIGN = 7,
	MFT_OP_VALLOC = 8,
	MFT_OP_PVALLOC = 9,
	MFT_OP_NEW_ALIGNED = 10,
	MFT_OP_NEW_ARRAY_ALIGNED = 11,
	MFT_OP_NEW_ALIGNED_NOTHROW = 12,
	MFT_OP_NEW_ARRAY_ALIGNED_NOTHROW = 13, /* last aligned kind */
	MFT_OP_NEW = 14,
	MFT_OP_NEW_ARRAY = 15,
	MFT_OP_NEW_NOTHROW = 16,
	MFT_OP_NEW_ARRAY_NOTHROW = 17,
	/* Releases: ADDRESS. */
	MFT_OP_FREE = 32,
	MFT_OP_REALLOC_RELEASE =
		33, /* first half of a realloc; the second is MFT_OP_REALLOC,
		     * MFT_OP_REACQUIRE (it failed) or nothing (it freed) */
	MFT_OP_REALLOCARRAY_RELEASE = 34,
	MFT_OP_FREE_SIZED = 35,
	MFT_OP_FREE_ALIGNED_SIZED = 36,
	MFT_OP_DELETE = 37,
	MFT_OP_DELETE_ARRAY = 38,
	MFT_OP_DELETE_SIZED = 39,
	MFT_OP_DELETE_ARRAY_SIZED = 40,
	MFT_OP_DELETE_ALIGNED = 41,
	MFT_OP_DELETE_ARRAY_ALIGNED = 42,
	MFT_OP_DELETE_SIZED_ALIGNED = 43,
	MFT_OP_DELETE_ARRAY_SIZED_ALIGNED = 44,
	MFT_OP_DELETE_NOTHROW = 45,
	MFT_OP_DELETE_ARRAY_NOTHROW = 46,
	MFT_OP_DELETE_ALIGNED_NOTHROW = 47,
	MFT_OP_DELETE_ARRAY_ALIGNED_NOTHROW = 48,
	/* Others. */
	MFT_OP_REACQUIRE =
		60,	   /* no fields: the stream's last released block is live again */
	MFT_OP_CLOCK = 61, /* DELTA: the stream's clock moves on by so many units */
	MFT_OP_NODE =
		62, /* PARENT, MODULE * 2 + exact, OFFSET: defines the next stack node */

	MFT_OP_USABLE = 0x40, /* flag of acquisitions */

	MFT_OP_LONG = 0x80,    /* first long record */
	MFT_OP_PROCESS = 0x80, /* struct mft_process */
	MFT_OP_THREAD = 0x81,  /* the stream's records are of this thread from here on */
	MFT_OP_MODULE = 0x82,  /* struct mft_module: loaded */
	MFT_OP_MODULE_GONE = 0x83, /* id */
	MFT_OP_NODES_RESET =
		0x84,	      /* empty: node numbers start anew (a library was unloaded) */
	MFT_OP_FAILED = 0x85, /* op, size, stack, errno: an allocation that returned NULL */
	MFT_OP_MMAP = 0x86,   /* struct mft_mapping */
	MFT_OP_MUNMAP = 0x87,
	MFT_OP_MREMAP = 0x88,
	MFT_OP_BRK = 0x89,
	MFT_OP_MADVISE = 0x8a,
	MFT_OP_SNAPSHOT = 0x8b, /* struct mft_snapshot: opens a snapshot */
	MFT_OP_SNAPSHOT_MAP =
		0x8c, /* struct mft_snapshot_map: one mapping, or a part of it */
	MFT_OP_SNAPSHOT_END =
		0x8d, /* empty; a snapshot without it is incomplete: ignore it */
	MFT_OP_ALLOCATOR =
		0x8e, /* string: path of the module whose malloc serves the program */
	MFT_OP_NOTICE = 0x8f, /* enum mft_notice_code, string */
	MFT_OP_SNAPSHOT_THREADS =
		0x90,	    /* within a snapshot: tids, of the recorded threads that live */
	MFT_OP_SCAN = 0x91, /* struct mft_scan: opens a scan for pointers */
	MFT_OP_SCAN_ROOT = 0x92,  /* struct mft_scan_root */
	MFT_OP_SCAN_WORDS = 0x93, /* words that point to where blocks may be */
	MFT_OP_SCAN_CONTENTS =
		0x94,		/* other words of the heap, for what they say of those */
	MFT_OP_SCAN_END = 0x95, /* struct mft_scan_end; a scan without it is incomplete */
};

#define MFT_LONG_HEADER_BYTES 3u
#define MFT_LONG_PAYLOAD_MAX 0x7fffu
/* No hot record is longer: opcode and five varints of nine bytes, an alignment. */
#define MFT_HOT_BYTES_MAX 48u

/* Stack nodes are numbered from 2 in the order of their definition within a stream. */
#define MFT_NODE_ROOT 0u      /* parent of an outermost frame */
#define MFT_NODE_TRUNCATED 1u /* parent of a frame beyond which the stack is not known */
#define MFT_NODE_FIRST 2u

#define MFT_MODULE_NONE 0u /* OFFSET is then the address itself */

enum mft_snapshot_reason {
	MFT_SNAPSHOT_EXIT = 0,
	MFT_SNAPSHOT_PEAK_LIVE = 1,
	MFT_SNAPSHOT_PEAK_RESIDENT = 2,
	MFT_SNAPSHOT_INTERVAL = 3,
	MFT_SNAPSHOT_REQUEST = 4
};

/* What a mapping is, as far as the recorder can tell. */
enum mft_map_kind {
	MFT_MAP_BRK = 1,      /* [heap] */
	MFT_MAP_ANON = 2,     /* private anonymous, writable */
	MFT_MAP_STACK = 3,    /* the main thread's stack */
	MFT_MAP_OWN = 4,      /* the recorder's: its memory and the dump's windows */
	MFT_MAP_FILE = 5,     /* file-backed */
	MFT_MAP_SHARED = 6,   /* shared anonymous, shmem */
	MFT_MAP_OTHER = 7,    /* vdso and the like */
	MFT_MAP_OWN_FILE = 8, /* windows onto the dump; their pages count as file-backed */
};

/* What memory is that holds pointers without being the heap's. */
enum mft_root_kind {
	MFT_ROOT_MODULE = 1,	/* writable segment of a program or library */
	MFT_ROOT_STACK = 2,	/* of a thread, from its stack pointer up */
	MFT_ROOT_REGISTERS = 3, /* of a thread, where they were saved */
	MFT_ROOT_TLS = 4,	/* a thread's descriptor and static thread-local storage */
	MFT_ROOT_MAPPING = 5,	/* any other writable memory; may hold parts of the heap */
	MFT_ROOT_HEAP = 6,	/* brk or an arena: no root, but in a forked process */
};

/* What a scan lacks; SCAN_END's FLAGS. */
#define MFT_SCAN_DEADLINE (1u << 0) /* it ran out of time */
#define MFT_SCAN_THREADS (1u << 1)  /* not every thread could be stopped */
#define MFT_SCAN_PAGES (1u << 2)    /* some pages were swapped out, or not to be read */
#define MFT_SCAN_SPACE (1u << 3)    /* words found no place in the dump */
#define MFT_SCAN_MOVING (1u << 4)   /* the process was not stopped at all */

enum mft_notice_code {
	MFT_NOTICE_OWN_MALLOC = 1, /* text: path of the module with a malloc of its own */
	MFT_NOTICE_OPTION = 2,	   /* text: an option that was not understood */
	MFT_NOTICE_FILTER = 4,	   /* text: what a filter of system calls leaves */
	MFT_NOTICE_UNSEEN = 5, /* text: a library whose calls are not recorded, and why */
	MFT_NOTICE_DIFFERENCE =
		3, /* text: where a stack differs from the reference unwinder's */
};

/* ---- Snapshots from outside ------------------------------------------------------- */

/* A file beside a dump: what was seen of the process from outside at an instant. The
 * header, the cuts, the records, one behind the other. */
#define MFT_SNAP_MAGIC "\x89MFS\r\n\x1a\n"
#define MFT_SNAP_HEADER_BYTES 128u

struct mft_snap_header {
	char magic[MFT_MAGIC_BYTES];
	uint16_t version_major; /* as the dump's */
	uint16_t version_minor;
	uint32_t header_bytes;
	uint8_t dump_id[16]; /* of the dump that it belongs to */
	uint64_t start_ticks;
	uint64_t clock; /* units of the dump; the instant */
	uint64_t records_bytes;
	uint32_t cuts; /* how many streams had been begun */
	int32_t pid;
	uint8_t reserved[MFT_SNAP_HEADER_BYTES - 64];
};
_Static_assert(sizeof(struct mft_snap_header) == MFT_SNAP_HEADER_BYTES, "no padding");

/* How far a stream had been written. */
struct mft_snap_cut {
	uint32_t stream;
	uint32_t seq;	/* of its last chunk */
	uint32_t bytes; /* committed of that, its header included */
	uint32_t reserved;
};

#endif
