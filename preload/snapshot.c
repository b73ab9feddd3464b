/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "maps.h"
#include "memory.h"
#include "modules.h"
#include "pageruns.h"
#include "process.h"
#include "recorder.h"
#include "sys.h"
#include "text.h"

#define FIRST_PEAK_BYTES (256u * 1024)
#define LEAST_STEP_BYTES (32 * 1024)
/* A snapshot that took t is followed by none for so many t. */
#define REST_FACTOR 20u

/* Read-only mappings of files are looked at up to this size. */
#define RELRO_BYTES_MOST (4u << 20)

/* What the next snapshot depends on. Updated by whoever holds `busy`, read by anyone. */
static struct {
	uint32_t busy;		     /* atomic; a snapshot is being taken */
	uint64_t highest_live_bytes; /* as far as anyone looked */
	uint64_t next_live_bytes;
	uint64_t next_resident_bytes;
	uint64_t next_clock; /* interval */
	uint64_t rest_until; /* units */
} due = {.next_live_bytes = FIRST_PEAK_BYTES, .next_resident_bytes = FIRST_PEAK_BYTES};

/* Working space of the one that holds due.busy. */
static struct {
	char maps[20 * 1024];
	int tids[4096];
	bool nothing_shared; /* no anonymous page is another process's too */
} space;

static uint64_t units(uint64_t ns)
{
	return ns / MFT_CLOCK_UNIT_NS;
}

static int64_t live_bytes_of_all(void)
{
	int64_t sum = 0;

	for (struct recorder *r = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE); r;
	     r = r->next)
		sum += __atomic_load_n(&r->live_bytes, __ATOMIC_RELAXED);
	return sum > 0 ? sum : 0;
}

/* The highest RSS so far, without opening a file. */
static uint64_t peak_resident_bytes(void)
{
	struct rusage usage = {0};

	(void)SYS2(SYS_getrusage, RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024;
}

/* ---- Reading ---------------------------------------------------------------------- */

static bool is_named(const struct maps_line *line, const char *name)
{
	return text_equal(line->path, line->path_length, name);
}

/* vdso, vvar, vsyscall */
static bool is_of_kernel(const struct maps_line *line)
{
	return line->path_length && line->path[0] == '[' &&
	       !(line->path_length > 5 && memcmp(line->path, "[anon", 5) == 0);
}

/* What a mapping is. Returns false for one that holds no memory of the process's own. */
static bool tell_mapping(const struct maps_line *line, struct pageruns_mapping *ret_mapping)
{
	struct pageruns_mapping mapping = {line->start, line->end, MFT_MAP_ANON};

	if (line->shared && line->inode == process.dump.inode &&
	    is_named(line, process.dump.path))
		mapping.kind = MFT_MAP_OWN_FILE;
	else if (line->shared || (!line->readable && !line->writable))
		return false;
	else if (line->inode != 0)
		mapping.kind = MFT_MAP_FILE;
	else if (is_named(line, "[heap]"))
		mapping.kind = MFT_MAP_BRK;
	else if (is_named(line, "[stack]"))
		mapping.kind = MFT_MAP_STACK;
	else if (is_of_kernel(line))
		return false;
	else if (memory_is_own(line->start, line->end) || modules_is_own(line->start))
		mapping.kind = MFT_MAP_OWN;
	*ret_mapping = mapping;
	/* Pages of files that nobody writes are the page cache's; but what relocation wrote
	 * is the process's own, and read-only afterwards (RELRO). */
	return mapping.kind != MFT_MAP_FILE || line->writable ||
	       (!line->executable && line->end - line->start <= RELRO_BYTES_MOST);
}

/* Every mapping with memory of the process's own. */
static bool look_at_mappings(struct recorder *r, struct maps *maps, int pagemap)
{
	struct maps_line line;
	bool complete = true;
	int more;

	while ((more = maps_next(maps, &line)) > 0) {
		struct pageruns_mapping mapping;

		if (tell_mapping(&line, &mapping))
			complete &=
				pageruns_put(r, pagemap, &mapping, space.nothing_shared);
	}
	return more == 0 && complete;
}

/* The number behind "NAME:" in a file of such lines, in kB there, in bytes here. */
static bool find_kilobytes(const char *text, const char *end, const char *name,
			   uint64_t *ret_bytes)
{
	const char *p = strstr(text, name);

	if (!p)
		return false;
	p += strlen(name);
	while (p < end && *p == ' ')
		p++;
	if (!text_take_number(&p, end, 10, ret_bytes))
		return false;
	*ret_bytes *= 1024;
	return true;
}

/* /proc/self/smaps_rollup (Linux 4.14) counts pages; statm has sums that each processor
 * brings up to date in its own time: size resident shared ..., in pages. */
static bool read_resident(uint64_t page_bytes, struct mft_snapshot *snapshot)
{
	char *text = space.maps;
	long length = sys_read_file("/proc/self/smaps_rollup", text, sizeof(space.maps));
	uint64_t anonymous, in_parts, pages[3];
	const char *p = text;

	space.nothing_shared = false;
	if (length > 0 &&
	    find_kilobytes(text, text + length, "\nRss:", &snapshot->rss_bytes) &&
	    find_kilobytes(text, text + length, "\nAnonymous:", &anonymous)) {
		snapshot->file_bytes = snapshot->rss_bytes - anonymous;
		/* Of a page that n processes have it counts an n-th (Linux 5.1). */
		space.nothing_shared =
			find_kilobytes(text, text + length, "\nPss_Anon:", &in_parts) &&
			in_parts == anonymous;
		return true;
	}
	length = sys_read_file("/proc/self/statm", text, sizeof(space.maps));
	for (unsigned i = 0; i < 3; i++) {
		if (length <= 0 || !text_take_number(&p, text + length, 10, &pages[i]))
			return false;
		p++;
	}
	snapshot->rss_bytes = pages[1] * page_bytes;
	snapshot->file_bytes = pages[2] * page_bytes;
	return true;
}

static bool put_threads(struct recorder *r)
{
	int *tids = space.tids;
	unsigned count = recorder_list_threads(tids, sizeof(space.tids) / sizeof(tids[0]));
	struct mft_long record;

	if (!recorder_room(r, 16 + count * MFT_VARINT_BYTES_MAX))
		return false;
	mft_long_begin(&r->encoder, &record, count * MFT_VARINT_BYTES_MAX);
	for (unsigned i = 0; i < count; i++)
		mft_long_varint(&record, (uint32_t)tids[i]);
	return mft_long_end(&r->encoder, &record, MFT_OP_SNAPSHOT_THREADS) == 0;
}

/* pageruns_touch says why. */
static void touch_space(void)
{
	pageruns_touch();
	for (size_t i = 0; i < sizeof(space); i += process.dump.header->page_bytes)
		((volatile uint8_t *)&space)[i] = 0;
}

/* The snapshot's records, one behind the other in the recorder's stream. */
static void record(struct recorder *r, enum mft_snapshot_reason reason)
{
	struct mft_snapshot snapshot = {.reason = reason,
					.live_bytes = (uint64_t)live_bytes_of_all()};
	struct mft_long end;
	struct maps maps;
	int opened, pagemap;

	touch_space();
	if (!read_resident(process.dump.header->page_bytes, &snapshot))
		return;
	opened = maps_open(&maps, space.maps, sizeof(space.maps));
	pagemap = sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	if (opened == 0 && pagemap >= 0 && recorder_room(r, 2 * MFT_HOT_BYTES_MAX)) {
		order_advance(&r->order, process_clock(true, &r->now));
		if (r->order.clock != r->encoder.clock)
			mft_put_clock(&r->encoder, r->order.clock);
		if (mft_put_snapshot(&r->encoder, &snapshot) == 0 && put_threads(r) &&
		    look_at_mappings(r, &maps, pagemap) && recorder_room(r, 16)) {
			mft_long_begin(&r->encoder, &end, 0);
			(void)mft_long_end(&r->encoder, &end, MFT_OP_SNAPSHOT_END);
		}
	}
	if (pagemap >= 0)
		sys_close(pagemap);
	if (opened == 0)
		maps_close(&maps);
}

/* ---- When ------------------------------------------------------------------------- */

static void settle_due(uint64_t began, uint64_t now)
{
	uint64_t highest = due.highest_live_bytes, resident = peak_resident_bytes();

	if (highest + highest / 16 > due.next_live_bytes)
		due.next_live_bytes = highest + highest / 16;
	if (resident + resident / 16 > due.next_resident_bytes)
		due.next_resident_bytes = resident + resident / 16;
	due.next_clock = now + units(process.config.interval_ms * 1000000ull);
	due.rest_until = now + (now - began) * REST_FACTOR;
}

static void take(struct recorder *r, enum mft_snapshot_reason reason)
{
	uint64_t began;

	if (__atomic_exchange_n(&due.busy, 1, __ATOMIC_ACQUIRE))
		return;
	began = process_clock(true, &r->now);
	record(r, reason);
	settle_due(began, process_clock(true, &r->now));
	__atomic_store_n(&due.busy, 0, __ATOMIC_RELEASE);
}

/* Which snapshot is due now, or -1. While live bytes grow faster than snapshots may be
 * taken, one is owed; it is taken at the latest when they have begun to fall. */
static int find_reason(uint64_t live, uint64_t now)
{
	const uint64_t interval = units(process.config.interval_ms * 1000000ull);
	const bool rested = now >= due.rest_until;

	if (live > due.highest_live_bytes)
		due.highest_live_bytes = live;
	if (due.highest_live_bytes >= due.next_live_bytes &&
	    (rested || live < due.highest_live_bytes - due.highest_live_bytes / 32))
		return MFT_SNAPSHOT_PEAK_LIVE;
	if (rested && peak_resident_bytes() >= due.next_resident_bytes)
		return MFT_SNAPSHOT_PEAK_RESIDENT;
	if (due.next_clock == 0)
		due.next_clock = now + interval;
	if (rested && interval && now >= due.next_clock)
		return MFT_SNAPSHOT_INTERVAL;
	return -1;
}

void snapshot_consider(struct recorder *r)
{
	const uint64_t interval = units(process.config.interval_ms * 1000000ull);
	const uint64_t now = r->order.clock;
	int64_t live, step;
	int reason;

	if (!process.config.snapshots) {
		r->live_check = INT64_MAX;
		r->live_floor = INT64_MIN;
		r->clock_check = UINT64_MAX;
		return;
	}
	live = live_bytes_of_all();
	reason = find_reason((uint64_t)live, now);
	if (reason >= 0)
		take(r, (enum mft_snapshot_reason)reason);
	step = live / 64 > LEAST_STEP_BYTES ? live / 64 : LEAST_STEP_BYTES;
	r->live_check = r->live_bytes + step;
	r->live_floor = r->live_bytes - 2 * step;
	r->clock_check = interval ? now + interval : UINT64_MAX;
}

static void take_now(struct recorder *r, void *context)
{
	take(r, *(const enum mft_snapshot_reason *)context);
}

void snapshot_take(enum mft_snapshot_reason reason)
{
	if (process.config.snapshots)
		(void)recorder_run(take_now, &reason);
}

void snapshot_forget(void)
{
	memset(&due, 0, sizeof(due));
	due.next_live_bytes = FIRST_PEAK_BYTES;
	due.next_resident_bytes = FIRST_PEAK_BYTES;
}
