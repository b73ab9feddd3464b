/* SPDX-License-Identifier: MIT */
#include "takesnap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "complaint.h"
#include "imagescan.h"
#include "live.h"
#include "pointers.h"
#include "snap.h"
#include "snapwriter.h"
#include "standstill.h"
#include "traced.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What is gathered while the process stands still. */
struct view {
	struct traced_ends ends;
	struct pointers pointers;
	struct snapwriter writer;
};

static int look(const struct traced *traced, const struct standstill *standstill,
		bool stopped, struct view *view, struct complaint *complaint)
{
	struct live live;
	int r = traced_note_ends(traced, stopped, &view->ends, complaint);

	if (r < 0)
		return r;
	r = live_open(&live, traced->pid, traced->inode);
	if (r < 0)
		goto out;
	r = stopped ? standstill_threads(standstill, &live.image)
		    : live_add_running_threads(&live);
	if (r == 0)
		r = imagescan_run(&live.image, &view->pointers);
	if (r == 0)
		r = snapwriter_put_pages(&view->writer, traced->pid, live.image.page_bytes,
					 &live.maps);
	live_done(&live);
out:
	if (r < 0)
		complaint_set(complaint, "cannot look into it: %s",
			      r == -ESRCH ? "it has ended" : strerror(-r));
	return r;
}

/* Puts what was seen into records. */
static int pack(const struct traced *traced, struct view *view,
		struct takesnap_result *result, struct complaint *complaint)
{
	struct snap *snap = calloc(1, sizeof(*snap));
	int r = snap ? traced_cut(traced, &view->ends, snap) : -ENOMEM;

	if (r == 0)
		r = snapwriter_put_scan(&view->writer, &view->pointers);
	if (r < 0) {
		complaint_set(complaint, "cannot be put together: %s", strerror(-r));
		snap_free(snap);
		return r;
	}
	snapwriter_finish(&view->writer, snap);
	result->snap = snap;
	result->threads = view->pointers.threads;
	result->threads_running = view->pointers.threads_running;
	result->words = view->pointers.words_count;
	result->absent_pages = view->pointers.absent_pages;
	return 0;
}

int takesnap(const struct traced *traced, struct takesnap_result *ret_result,
	     struct complaint *complaint)
{
	struct takesnap_result result = {NULL, 0, 0, 0, 0, 0, 0};
	struct standstill standstill;
	struct view view = {.pointers = {.clock = 0}};
	uint64_t began;
	int r = snapwriter_init(&view.writer);

	if (r < 0) {
		complaint_set(complaint, "out of memory");
		return r;
	}
	began = now_ns();
	result.stop_error = standstill_begin(&standstill, traced->pid);
	if (result.stop_error == -ESRCH) {
		complaint_set(complaint, "no such process");
		r = -ESRCH;
	} else {
		r = look(traced, &standstill, result.stop_error == 0, &view, complaint);
		standstill_end(&standstill);
	}
	if (result.stop_error == 0)
		result.stopped_ns = now_ns() - began;
	else
		view.pointers.flags |= MFT_SCAN_MOVING;
	view.pointers.duration_ns = result.stopped_ns;
	if (r == 0)
		r = pack(traced, &view, &result, complaint);
	if (r == 0)
		*ret_result = result;
	traced_ends_done(&view.ends);
	pointers_done(&view.pointers);
	snapwriter_done(&view.writer);
	return r;
}
