/* SPDX-License-Identifier: MIT */
#include "json_fragmentation.h"

#include <inttypes.h>
#include <stdio.h>

#include "calltree.h"
#include "family.h"
#include "profile.h"
#include "report.h"
#include "sites.h"

#define INT(value) ((json_int_t)(value))

/* part / whole, or null where it means nothing. */
static json_t *quotient(double part, double whole)
{
	return whole > 0 ? json_real(part / whole) : json_null();
}

static json_t *one_minus(double part, double whole)
{
	return whole > 0 ? json_real(1 - part / whole) : json_null();
}

/* Adds the fields that fragmentation and snapshots have in common. */
static json_t *add_fragmentation(json_t *object, const struct profile_snapshot *s)
{
	double r = (double)s->requested_bytes, u = (double)s->usable_bytes;
	double f = (double)s->resident_bytes;
	json_t *more, *pages = json_array();
	int failed = !object;
	size_t i;

	for (i = 0; i < 11; i++)
		failed |= json_array_append_new(pages,
						json_integer(INT(s->page_occupancy[i])));
	more = json_pack(
		"{s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:I,s:o}", "requested_bytes",
		INT(s->requested_bytes), "usable_bytes", INT(s->usable_bytes),
		"resident_bytes", INT(s->resident_bytes), "live_blocks",
		INT(s->live_blocks), "ratio", one_minus(r, f), "internal_ratio",
		one_minus(r, u), "external_ratio", one_minus(u, f), "utilisation",
		quotient(r, f), "free_bytes", INT(s->free_bytes), "largest_free_run_bytes",
		INT(s->largest_free_run_bytes), "free_space_index",
		one_minus((double)s->largest_free_run_bytes, (double)s->free_bytes),
		"pinned_bytes", INT(s->pinned_bytes), "page_occupancy", pages);
	failed |= json_object_update(object, more);
	json_decref(more);
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *snapshot(const struct profile_snapshot *s)
{
	return add_fragmentation(json_pack("{s:I,s:s,s:I}", "time_ns", INT(s->time_ns),
					   "reason", profile_reason_name(s->reason),
					   "rss_bytes", INT(s->rss_bytes)),
				 s);
}

/* Adds a member, if both are there. */
static int set_new(json_t *object, const char *name, json_t *value)
{
	return object && value ? json_object_set_new(object, name, value) : -1;
}

static json_t *complete_or_null(json_t *value, int failed)
{
	if (!failed)
		return value;
	json_decref(value);
	return NULL;
}

json_t *json_snapshots(const struct profile *profile)
{
	json_t *array = json_array();
	int failed = !array;
	size_t i;

	for (i = 0; !failed && i < profile->snapshots_count; i++)
		failed |= json_array_append_new(array, snapshot(&profile->snapshots[i]));
	return complete_or_null(array, failed);
}

/* ---- Waterfalls -------------------------------------------------------------------- */

static json_t *waterfall(const struct profile_waterfall *w)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
			 "requested_bytes", INT(w->requested_bytes), "untouched_bytes",
			 INT(w->untouched_bytes), "slack_bytes", INT(w->slack_bytes),
			 "pinned_free_bytes", INT(w->pinned_free_bytes), "empty_bytes",
			 INT(w->empty_bytes), "other_anon_bytes", INT(w->other_anon_bytes),
			 "stack_bytes", INT(w->stack_bytes), "recorder_bytes",
			 INT(w->recorder_bytes), "file_bytes", INT(w->file_bytes),
			 "private_file_bytes", INT(w->private_file_bytes),
			 "unexplained_bytes", INT(w->unexplained_bytes), "rss_bytes",
			 INT(w->rss_bytes));
}

static json_t *moment(const struct profile *p, enum profile_moment_kind kind)
{
	const struct profile_moment wanted = {.kind = kind};
	size_t i = profile_find_moment(p, &wanted);
	json_t *object;
	int failed;

	if (i == SIZE_MAX)
		return json_null();
	object = waterfall(&p->snapshots[i].waterfall);
	failed = set_new(object, "snapshot", json_integer(INT(i)));
	failed |= set_new(object, "time_ns", json_integer(INT(p->snapshots[i].time_ns)));
	return complete_or_null(object, failed);
}

static json_t *moments(const struct profile *p)
{
	return json_pack("{s:o,s:o,s:o}", "exit", moment(p, PROFILE_MOMENT_EXIT),
			 "peak_live", moment(p, PROFILE_MOMENT_PEAK_LIVE), "peak_resident",
			 moment(p, PROFILE_MOMENT_PEAK_RESIDENT));
}

/* ---- Depth ------------------------------------------------------------------------- */

static json_t *free_runs(const struct profile_depth *depth)
{
	json_t *array = json_array();
	int failed = !array;
	unsigned c;

	for (c = 0; !failed && c < 63; c++) {
		const struct profile_free_class *class = &depth->free_runs[c];

		if (class->count > 0)
			failed |= json_array_append_new(
				array, json_pack("{s:I,s:I,s:I,s:I}", "bytes_at_least",
						 INT(1ull << c), "count", INT(class->count),
						 "bytes", INT(class->bytes), "fits",
						 INT(class->fits)));
	}
	return complete_or_null(array, failed);
}

static json_t *size_classes(const struct profile_depth *depth)
{
	json_t *array = json_array();
	int failed = !array;
	unsigned c;

	for (c = 0; !failed && c < 63; c++) {
		const struct profile_size_class *class = &depth->size_classes[c];
		double pages = (double)class->pages * depth->page_bytes;

		if (class->blocks == 0)
			continue;
		failed |= json_array_append_new(
			array,
			json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:f}", "bytes_at_least",
				  INT(1ull << c), "blocks", INT(class->blocks),
				  "requested_bytes", INT(class->requested_bytes),
				  "usable_bytes", INT(class->usable_bytes), "slack_bytes",
				  INT(class->usable_bytes) - INT(class->requested_bytes),
				  "pages", INT(class->pages), "page_share",
				  quotient((double)class->resident_bytes, pages),
				  "pinned_bytes", class->pinned_bytes));
	}
	return complete_or_null(array, failed);
}

/* The id of a site of the profile, as in "sites". */
static json_t *site_id(const struct report *report, size_t member, size_t site)
{
	const struct profile *p = report->family->members[member].profile;
	char id[17];
	uint64_t fingerprint;

	if (site >= p->sites_count)
		return json_null();
	if (sites_fingerprint(report->tree, report->views[member], &p->sites[site],
			      &fingerprint) < 0)
		return NULL;
	snprintf(id, sizeof(id), "%016" PRIx64, fingerprint);
	return json_string(id);
}

static json_t *tail(const struct report *report, size_t member,
		    const struct profile_heap *heap)
{
	char address[24];

	if (heap->tail_site == SIZE_MAX)
		return json_null();
	snprintf(address, sizeof(address), "0x%" PRIx64, heap->tail_address);
	return json_pack("{s:o,s:s,s:I,s:I,s:I}", "site",
			 site_id(report, member, heap->tail_site), "address", address,
			 "size_bytes", INT(heap->tail_size_bytes), "age_ns",
			 INT(heap->tail_age_ns), "would_return_bytes",
			 INT(heap->tail_would_return_bytes));
}

static json_t *heap(const struct report *report, size_t member,
		    const struct profile_heap *h)
{
	char start[24], end[24];

	snprintf(start, sizeof(start), "0x%" PRIx64, h->start);
	snprintf(end, sizeof(end), "0x%" PRIx64, h->end);
	return json_pack(
		"{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "kind",
		h->kind == PROFILE_REGION_BRK ? "brk" : "arena", "start", start, "end", end,
		"resident_bytes", INT(h->resident_bytes), "live_bytes", INT(h->live_bytes),
		"live_blocks", INT(h->live_blocks), "empty_bytes", INT(h->empty_bytes),
		"top_bytes", INT(h->top_bytes), "trim_would_return_bytes",
		INT(h->trim_bytes), "threads", INT(h->threads), "live_threads",
		h->threads_known ? json_integer(INT(h->threads_alive)) : json_null(),
		"threads_alive",
		h->threads_known ? json_boolean(h->threads_alive > 0) : json_null(), "tail",
		tail(report, member, h));
}

static json_t *heaps(const struct report *report, size_t member,
		     const struct profile_depth *depth)
{
	json_t *array = json_array();
	int failed = !array;
	size_t i;

	for (i = 0; !failed && i < depth->heaps_count; i++)
		failed |= json_array_append_new(array,
						heap(report, member, &depth->heaps[i]));
	return complete_or_null(array, failed);
}

static json_t *growth_sites(const struct report *report, size_t member,
			    const struct profile_growth *growth)
{
	json_t *array = json_array();
	int failed = !array;
	unsigned k;

	for (k = 0; !failed && k < PROFILE_GROWTH_SITES; k++)
		if (growth->sites[k] != SIZE_MAX)
			failed |= json_array_append_new(
				array, json_pack("{s:o,s:f}", "site",
						 site_id(report, member, growth->sites[k]),
						 "pinned_bytes", growth->bytes[k]));
	return complete_or_null(array, failed);
}

static json_t *growths(const struct report *report, size_t member)
{
	const struct profile *p = report->family->members[member].profile;
	json_t *array = json_array();
	int failed = !array;
	size_t i;

	for (i = 0; !failed && i < p->growths_count; i++) {
		const struct profile_growth *growth = &p->growths[i];

		failed |= json_array_append_new(
			array, json_pack("{s:I,s:I,s:I,s:o}", "from_snapshot",
					 INT(growth->from), "to_snapshot", INT(growth->to),
					 "lost_bytes", INT(growth->lost_bytes), "sites",
					 growth_sites(report, member, growth)));
	}
	return complete_or_null(array, failed);
}

static int add_depth(json_t *object, const struct report *report, size_t member)
{
	const struct profile *p = report->family->members[member].profile;
	const struct profile_depth *depth = p->depth;
	bool glibc = profile_is_glibc(p);
	int failed = 0;

	if (!depth)
		return 0;
	failed |= set_new(object, "free_runs", free_runs(depth));
	failed |= set_new(object, "size_classes", size_classes(depth));
	failed |= set_new(object, "heaps",
			  glibc ? heaps(report, member, depth) : json_null());
	failed |= set_new(object, "trim_would_return_bytes",
			  glibc ? json_integer(INT(depth->trim_would_return_bytes))
				: json_null());
	return failed;
}

json_t *json_fragmentation(const struct report *report, size_t member)
{
	const struct profile *p = report->family->members[member].profile;
	const struct profile_snapshot *s;
	json_t *object;
	int failed = 0;

	if (p->chosen_snapshot >= p->snapshots_count)
		return json_null();
	s = &p->snapshots[p->chosen_snapshot];
	object = add_fragmentation(
		json_pack("{s:s,s:I,s:I}", "at", profile_reason_name(s->reason), "time_ns",
			  INT(s->time_ns), "snapshot", INT(p->chosen_snapshot)),
		s);
	failed |= set_new(object, "waterfall", waterfall(&s->waterfall));
	failed |= set_new(object, "moments", moments(p));
	failed |= set_new(object, "growths", growths(report, member));
	if (!failed)
		failed = add_depth(object, report, member);
	return complete_or_null(object, failed);
}
