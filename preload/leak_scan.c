/* SPDX-License-Identifier: MIT */
#include "leak_scan.h"

#include <errno.h>
#include <signal.h>

#include "areas.h"
#include "mft_scan.h"
#include "modules.h"
#include "pageset.h"
#include "park.h"
#include "peek.h"
#include "process.h"
#include "recorder.h"
#include "roots.h"
#include "sys.h"
#include "words.h"

/* The deadline is looked at after so much memory. */
#define PIECE_BYTES ((uintptr_t)4 << 20)
/* No allocator's mapping is larger; a sparse reservation is. */
#define TARGET_BYTES_MOST ((uintptr_t)1 << 38)
#define PAGES_AT_ONCE 512u

/* Registers that a function keeps for its caller: what they hold at our entry may be
 * nowhere else. x86-64: rbx, rbp, r12 to r15; aarch64: x19 to x29. */
#define KEPT_REGISTERS 11u

static uint32_t taken; /* atomic */

struct scan {
	enum mft_snapshot_reason reason;
	uintptr_t stack_pointer;
	uint64_t began_ns, deadline_ns;
	struct mft_scan_end end;
	size_t page_bytes;
	struct peek peek;
	struct areas areas;
	struct pageset pages;
	const struct parked *parked;
	size_t parked_count;
};

static struct words words;

static uint64_t now_ns(struct recorder *r)
{
	(void)process_clock_gettime(CLOCK_MONOTONIC, &r->now);
	return (uint64_t)r->now.tv_sec * 1000000000u + (uint64_t)r->now.tv_nsec;
}

static bool is_late(struct scan *scan, struct recorder *r)
{
	if (!(scan->end.flags & MFT_SCAN_DEADLINE) && now_ns(r) >= scan->deadline_ns)
		scan->end.flags |= MFT_SCAN_DEADLINE;
	return scan->end.flags & MFT_SCAN_DEADLINE;
}

/* ---- Pages ------------------------------------------------------------------------- */

/* Marks which pages of an area are to be looked at. Returns 0 or -ENOMEM. */
static int mark_pages(struct scan *scan, struct recorder *r, const struct area *area)
{
	uint8_t pages[PAGES_AT_ONCE];
	uintptr_t start = area->start;
	int error = 0;

	if (area_is_target(area) && area->end - start <= TARGET_BYTES_MOST)
		error = pageset_add(&scan->pages, start, area->end, PAGESET_TARGET);
	while (error == 0 && start < area->end && !is_late(scan, r)) {
		size_t most = (area->end - start) / scan->page_bytes, count;

		count = peek_pages(&scan->peek, start,
				   most < PAGES_AT_ONCE ? most : PAGES_AT_ONCE,
				   scan->page_bytes, pages);
		if (count == 0) {
			scan->end.absent_pages += most;
			break;
		}
		for (size_t i = 0; i < count && error == 0; i++) {
			uintptr_t page = start + i * scan->page_bytes;

			if (pages[i] == PEEK_PRESENT)
				error = pageset_add(&scan->pages, page,
						    page + scan->page_bytes,
						    PAGESET_PRESENT);
			else if (pages[i] == PEEK_SWAPPED)
				scan->end.absent_pages++;
		}
		start += count * scan->page_bytes;
	}
	return error;
}

static int mark_all_pages(struct scan *scan, struct recorder *r)
{
	int error = pageset_init(&scan->pages, scan->page_bytes);

	for (size_t i = 0; error == 0 && i < scan->areas.count; i++)
		if (area_is_scanned(&scan->areas.items[i]))
			error = mark_pages(scan, r, &scan->areas.items[i]);
	return error;
}

static void look_at_areas(struct scan *scan, struct recorder *r)
{
	words_begin(&words, r, &scan->peek, &scan->areas, &scan->pages, scan->page_bytes);
	for (size_t i = 0; i < scan->areas.count; i++) {
		const struct area *area = &scan->areas.items[i];

		if (!area_is_scanned(area))
			continue;
		for (uintptr_t start = area->start; start < area->end && !is_late(scan, r);
		     start += PIECE_BYTES)
			words_look(&words, area, start,
				   area->end - start < PIECE_BYTES ? area->end
								   : start + PIECE_BYTES);
	}
	words_end(&words);
	scan->end.absent_pages += words.unread_pages;
	scan->end.words_lost += words.found.lost;
}

/* ---- Time -------------------------------------------------------------------------- */

static bool is_stopped(const struct scan *scan, int tid)
{
	for (size_t i = 0; i < scan->parked_count; i++)
		if (scan->parked[i].tid == tid)
			return scan->parked[i].state == PARKED_STOPPED;
	return false;
}

/* Puts the scan behind everything that any thread has recorded, and what stopped threads
 * record afterwards behind the scan. */
static void settle_order(const struct scan *scan, struct recorder *r)
{
	uint64_t latest = process_clock(false, &r->now);

	for (struct recorder *other = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE);
	     other; other = other->next)
		if (other->order.clock > latest)
			latest = other->order.clock;
	order_advance(&r->order, latest + 1);
	for (struct recorder *other = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE);
	     other; other = other->next)
		if (is_stopped(scan, other->tid))
			order_advance(&other->order, latest + 2);
}

/* ---- The whole --------------------------------------------------------------------- */

static int park_threads(struct scan *scan)
{
	int r = park_others(scan->deadline_ns, &scan->parked, &scan->parked_count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < scan->parked_count; i++) {
		scan->end.threads += scan->parked[i].state != PARKED_GONE;
		scan->end.threads_running += scan->parked[i].state == PARKED_RUNNING;
	}
	if (scan->end.threads_running)
		scan->end.flags |= MFT_SCAN_THREADS;
	return 0;
}

static void write_scan(struct scan *scan, struct recorder *r)
{
	const struct mft_scan begin = {.reason = scan->reason};
	const struct roots roots = {.recorder = r,
				    .areas = &scan->areas,
				    .pages = &scan->pages,
				    .threads = scan->parked,
				    .threads_count = scan->parked_count,
				    .stack_pointer = scan->stack_pointer,
				    .tid = sys_gettid()};

	if (mft_put_scan(&r->encoder, &begin) < 0)
		return;
	if (roots_write(&roots) > 0)
		return; /* without its roots a scan would find leaks that are none */
	look_at_areas(scan, r);
	if (scan->end.absent_pages)
		scan->end.flags |= MFT_SCAN_PAGES;
	if (scan->end.words_lost || !scan->areas.complete)
		scan->end.flags |= MFT_SCAN_SPACE;
	scan->end.duration_ns = now_ns(r) - scan->began_ns;
	if (recorder_room(r, 2 * MFT_HOT_BYTES_MAX))
		(void)mft_put_scan_end(&r->encoder, &scan->end);
}

static void conduct(struct recorder *r, void *context)
{
	struct scan *scan = context;

	modules_refresh(r);
	roots_learn();
	scan->page_bytes = process.dump.header->page_bytes;
	scan->began_ns = now_ns(r);
	scan->deadline_ns = scan->began_ns + process.config.scan_deadline_ms * 1000000ull;
	if (park_threads(scan) < 0)
		return;
	settle_order(scan, r);
	peek_open(&scan->peek);
	if (areas_read(&scan->areas, &scan->peek, scan->page_bytes) == 0) {
		if (mark_all_pages(scan, r) == 0 &&
		    recorder_room(r, 2 * MFT_HOT_BYTES_MAX)) {
			mft_put_clock(&r->encoder, r->order.clock);
			write_scan(scan, r);
		}
		pageset_done(&scan->pages);
		areas_done(&scan->areas);
	}
	peek_close(&scan->peek);
	park_release();
}

/* Apart from leak_scan_take: its frame is the program's stack's lowest part and should hold
 * nothing else. */
static __attribute__((noinline)) void take(enum mft_snapshot_reason reason,
					   uintptr_t stack_pointer)
{
	struct scan scan = {.reason = reason, .stack_pointer = stack_pointer};
	uint64_t all = ~0ull, before = 0;

	(void)SYS4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	(void)recorder_run(conduct, &scan);
	(void)SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
}

/* A stopped thread waits, and returns from a signal handler, by system calls that a filter
 * of the program's may refuse. */
static bool may_stop_threads(void)
{
	const long none[6] = {0};

	return !sys_confined ||
	       (sys_is_allowed(SYS_rt_sigreturn, none) && sys_is_allowed(SYS_futex, none) &&
		sys_is_allowed(SYS_pread64, none));
}

__attribute__((noinline)) void leak_scan_take(enum mft_snapshot_reason reason)
{
	uintptr_t kept[KEPT_REGISTERS] = {0};

	if (!process.config.leak_scan || __atomic_exchange_n(&taken, 1, __ATOMIC_ACQ_REL) ||
	    !may_stop_threads())
		return;
#if defined(__x86_64__)
	__asm__ volatile("movq %%rbx, 0(%0)\n\t"
			 "movq %%rbp, 8(%0)\n\t"
			 "movq %%r12, 16(%0)\n\t"
			 "movq %%r13, 24(%0)\n\t"
			 "movq %%r14, 32(%0)\n\t"
			 "movq %%r15, 40(%0)"
			 :
			 : "r"(kept)
			 : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("stp x19, x20, [%0]\n\t"
			 "stp x21, x22, [%0, 16]\n\t"
			 "stp x23, x24, [%0, 32]\n\t"
			 "stp x25, x26, [%0, 48]\n\t"
			 "stp x27, x28, [%0, 64]\n\t"
			 "str x29, [%0, 80]"
			 :
			 : "r"(kept)
			 : "memory");
#else
	__builtin_unwind_init();
#endif
	take(reason, (uintptr_t)kept);
	__asm__ volatile("" : : "r"(kept) : "memory");
}

void leak_scan_forget(void)
{
	__atomic_store_n(&taken, 0, __ATOMIC_RELEASE);
}
