/* SPDX-License-Identifier: MIT */
#include "json_leaks.h"

#include <inttypes.h>
#include <stdio.h>

#include "family.h"
#include "profile.h"
#include "report.h"
#include "sites.h"

#define INT(value) ((json_int_t)(value))

static json_t *amount(struct profile_amount amount)
{
	return json_pack("{s:I,s:I}", "bytes", INT(amount.bytes), "blocks",
			 INT(amount.blocks));
}

/* Sets a member for each kind. Returns 0 or -1, as jansson does. */
static int set_kinds(json_t *object,
		     const struct profile_amount amounts[PROFILE_LEAK_KINDS])
{
	int failed = 0;

	for (unsigned kind = 0; kind < PROFILE_LEAK_KINDS; kind++)
		failed |= json_object_set_new(object, profile_leak_name(kind),
					      amount(amounts[kind]));
	return failed;
}

/* ---- Cycles ------------------------------------------------------------------------- */

static json_t *step(const struct report *report, size_t member,
		    const struct profile_step *step)
{
	const struct profile *p = report->family->members[member].profile;
	char id[17], address[24];
	uint64_t fingerprint;

	if (sites_fingerprint(report->tree, report->views[member], &p->sites[step->site],
			      &fingerprint))
		return NULL;
	snprintf(id, sizeof(id), "%016" PRIx64, fingerprint);
	snprintf(address, sizeof(address), "0x%" PRIx64, step->address);
	return json_pack("{s:s,s:s,s:I,s:I}", "site", id, "address", address, "offset",
			 INT(step->offset), "target_offset", INT(step->target_offset));
}

static json_t *steps(const struct report *report, size_t member,
		     const struct profile_cycle *cycle)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < cycle->length && i < PROFILE_CYCLE_STEPS; i++) {
		if (json_array_append_new(array, step(report, member, &cycle->steps[i])) <
		    0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *cycles(const struct report *report, size_t member)
{
	const struct profile_leaks *leaks = &report->family->members[member].profile->leaks;
	json_t *array = json_array();

	for (size_t i = 0; array && i < leaks->cycles_count; i++) {
		const struct profile_cycle *cycle = &leaks->cycles[i];
		json_t *object = json_pack(
			"{s:I,s:I,s:I,s:I,s:b,s:I,s:o,s:o}", "blocks", INT(cycle->blocks),
			"bytes", INT(cycle->bytes), "retained_blocks",
			INT(cycle->retained_blocks), "retained_bytes",
			INT(cycle->retained_bytes), "entered", cycle->entered, "length",
			INT(cycle->length), "steps", steps(report, member, cycle),
			"closing_edge", step(report, member, &cycle->closing));

		if (json_array_append_new(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* ---- The process -------------------------------------------------------------------- */

static json_t *scan(const struct profile_leaks *leaks)
{
	if (!leaks->classified)
		return json_null();
	return json_pack(
		"{s:I,s:I,s:b,s:b,s:b,s:b,s:b,s:I,s:I}", "time_ns", INT(leaks->time_ns),
		"duration_ns", INT(leaks->scan_ns), "complete", leaks->flags == 0,
		"deadline", (leaks->flags & MFT_SCAN_DEADLINE) != 0, "pages_missing",
		(leaks->flags & MFT_SCAN_PAGES) != 0, "space_missing",
		(leaks->flags & MFT_SCAN_SPACE) != 0, "moving",
		(leaks->flags & MFT_SCAN_MOVING) != 0, "threads_running",
		INT(leaks->threads_running), "absent_pages", INT(leaks->absent_pages));
}

json_t *json_leaks(const struct report *report, size_t member)
{
	const struct profile_leaks *leaks = &report->family->members[member].profile->leaks;
	struct profile_amount leaked = profile_leaked(leaks, leaks->totals);
	json_t *object = json_pack(
		"{s:b,s:s?,s:b,s:I,s:I,s:o,s:I,s:o,s:I,s:o}", "judged",
		!leaks->doubt || leaks->forced, "doubt", leaks->doubt, "classified",
		leaks->classified, "bytes", INT(leaked.bytes), "blocks", INT(leaked.blocks),
		"cycles", cycles(report, member), "cycles_total", INT(leaks->cycles_total),
		"in_cycles", amount(leaks->in_cycles), "older_than_ns",
		INT(leaks->older_than_ns), "scan", scan(leaks));

	if (object && set_kinds(object, leaks->totals)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* ---- Sites -------------------------------------------------------------------------- */

json_t *json_leak_kind(const struct site *site)
{
	const char *kind = sites_gravest_leak(site);

	return kind ? json_string(kind) : json_null();
}

json_t *json_site_leaks(const struct site *site)
{
	json_t *object;

	for (unsigned kind = 0; site->leaks[kind].blocks == 0;)
		if (++kind == PROFILE_LEAK_KINDS)
			return json_null();
	object = json_pack(
		"{s:o,s:o,s:o,s:o}", "retained", amount(site->retained), "first_ns",
		site->leak_last_ns ? json_integer(INT(site->leak_first_ns)) : json_null(),
		"last_ns",
		site->leak_last_ns ? json_integer(INT(site->leak_last_ns)) : json_null(),
		"thread",
		site->leak_thread ? json_integer(site->leak_thread) : json_null());
	if (object && set_kinds(object, site->leaks)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

json_t *json_growth(const struct site *site)
{
	const struct profile_trend *trend = &site->trend;

	if (!trend->steady)
		return json_null();
	return json_pack("{s:f,s:f,s:f,s:f,s:I,s:I}", "bytes_per_s", trend->bytes_per_s,
			 "low", trend->low, "high", trend->high, "p", trend->p,
			 "grown_bytes", INT(trend->grown_bytes), "window_ns",
			 INT(trend->window_ns));
}
