/* SPDX-License-Identifier: MIT */
#include "storedsite.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "jsonmember.h"
#include "measured.h"
#include "profile.h"

static void read_frame(struct jsonplace *place, json_t *object,
		       struct measured_frame *frame)
{
	json_t *line = jsonmember_get(place, object, "line");

	frame->function = jsonmember_text(place, object, "function");
	frame->file = jsonmember_text(place, object, "file");
	frame->module = jsonmember_text(place, object, "module");
	frame->address =
		jsonmember_hex(place, jsonmember_text(place, object, "address"), "address");
	frame->inlined = jsonmember_truth(place, object, "inlined");
	if (!line || json_is_null(line))
		return;
	if (!json_is_integer(line) || json_integer_value(line) < 0 ||
	    json_integer_value(line) > INT32_MAX)
		jsonmember_refuse(place, "line", "not a line number");
	else
		frame->line = (unsigned)json_integer_value(line);
}

static void read_frames(struct jsonplace *place, json_t *object, struct measured_site *site)
{
	json_t *frames = jsonmember_list(place, object, "frames");
	size_t count = json_array_size(frames);

	site->frames = jsonmember_room(place, count, sizeof(site->frames[0]));
	site->frames_count = site->frames ? count : 0;
	for (size_t i = 0; i < site->frames_count && !place->error; i++) {
		place->depth = JSONPLACE_FRAME;
		place->frame = i;
		object = jsonmember_object(place, frames, i);
		if (!place->error)
			read_frame(place, object, &site->frames[i]);
	}
	place->depth = JSONPLACE_SITE;
}

/* A constant of profile_leak_name, or NULL. */
static const char *leak_kind(struct jsonplace *place, json_t *object)
{
	const char *name = jsonmember_text(place, object, "leak_kind");

	for (unsigned kind = 0; name && kind < PROFILE_LEAK_KINDS; kind++)
		if (strcmp(name, profile_leak_name(kind)) == 0)
			return profile_leak_name(kind);
	if (name)
		jsonmember_refuse(place, "leak_kind", "no kind of leak");
	return NULL;
}

/* In sites "leaks" is null where nothing is live; NaN: it is not there. */
static double lost(struct jsonplace *place, json_t *object, const char *what)
{
	json_t *leaks = json_object_get(object, "leaks");
	json_t *definite = json_object_get(leaks, "definite");

	if (!leaks)
		return NAN;
	if (json_is_null(leaks))
		return 0;
	if (!json_is_object(definite) || !json_is_integer(json_object_get(definite, what)))
		jsonmember_refuse(place, "leaks.definite", "not an amount");
	return (double)json_integer_value(json_object_get(definite, what));
}

static double pinned(struct jsonplace *place, json_t *object)
{
	if (!json_object_get(object, "pinned_exclusive_bytes"))
		return NAN;
	return jsonmember_number(place, object, "pinned_exclusive_bytes") +
	       jsonmember_number(place, object, "pinned_shared_bytes");
}

void storedsite_read(struct jsonplace *place, json_t *object, struct measured_site *site)
{
	double *v = site->measures.values;

	site->measures = measures_unknown();
	site->id = jsonmember_hex(place, jsonmember_text(place, object, "id"), "id");
	read_frames(place, object, site);
	site->shown_end = jsonmember_index(place, object, "shown_end", site->frames_count);
	site->shown_begin = jsonmember_index(place, object, "shown_begin", site->shown_end);
	site->leak_kind = leak_kind(place, object);
	v[MEASURE_PEAK] = jsonmember_number(place, object, "peak_bytes");
	v[MEASURE_PEAK_BLOCKS] = jsonmember_number(place, object, "peak_blocks");
	v[MEASURE_LIVE] = jsonmember_number(place, object, "live_bytes");
	v[MEASURE_LIVE_BLOCKS] = jsonmember_number(place, object, "live_blocks");
	v[MEASURE_LEAKED] = jsonmember_number(place, object, "leaked_bytes");
	v[MEASURE_LEAKED_BLOCKS] = jsonmember_number(place, object, "leaked_blocks");
	v[MEASURE_ALLOCATIONS] = jsonmember_number(place, object, "allocations");
	v[MEASURE_ALLOCATED] = jsonmember_number(place, object, "allocated_bytes");
	v[MEASURE_TEMPORARY] = jsonmember_number(place, object, "temporary");
	v[MEASURE_DEFINITE] = lost(place, object, "bytes");
	v[MEASURE_DEFINITE_BLOCKS] = lost(place, object, "blocks");
	v[MEASURE_PINNED] = pinned(place, object);
}

/* What the process does not know of its sites, nobody knows. */
void storedsite_settle(struct jsonplace *place, struct measured_process *process,
		       bool pages)
{
	for (size_t i = 0; i < process->sites_count && !place->error; i++) {
		double *v = process->sites[i].measures.values;

		place->depth = JSONPLACE_SITE;
		place->site = i;
		if (!process->classified)
			v[MEASURE_DEFINITE] = v[MEASURE_DEFINITE_BLOCKS] = NAN;
		else if (isnan(v[MEASURE_DEFINITE]))
			jsonmember_refuse(place, "leaks", "is missing");
		if (!pages)
			v[MEASURE_PINNED] = NAN;
		else if (isnan(v[MEASURE_PINNED]))
			jsonmember_refuse(place, "pinned_exclusive_bytes", "is missing");
	}
}
