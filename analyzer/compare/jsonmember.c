/* SPDX-License-Identifier: MIT */
#include "jsonmember.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complaint.h"
#include "symbols.h"

void jsonmember_refuse(struct jsonplace *place, const char *member, const char *what)
{
	char where[96] = "";
	int length = 0;

	if (place->error)
		return;
	place->error = -EBADMSG;
	if (place->depth == JSONPLACE_PROCESS)
		length = snprintf(where, sizeof(where), "processes[%zu].", place->process);
	else if (place->depth == JSONPLACE_SITE)
		length = snprintf(where, sizeof(where), "processes[%zu].sites[%zu].",
				  place->process, place->site);
	else if (place->depth == JSONPLACE_FRAME)
		length = snprintf(where, sizeof(where),
				  "processes[%zu].sites[%zu].frames[%zu].", place->process,
				  place->site, place->frame);
	if (!*member && length > 0)
		where[length - 1] = '\0';
	complaint_set(place->complaint, "not a report: %s%s: %s", where, member, what);
}

json_t *jsonmember_get(struct jsonplace *place, json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (!value)
		jsonmember_refuse(place, name, "is missing");
	return value;
}

json_t *jsonmember_at(struct jsonplace *place, json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char outer[32];
	json_t *value;

	if (!dot)
		return jsonmember_get(place, object, path);
	snprintf(outer, sizeof(outer), "%.*s", (int)(dot - path), path);
	value = jsonmember_get(place, object, outer);
	if (!value || json_is_null(value))
		return value;
	if (!json_is_object(value)) {
		jsonmember_refuse(place, outer, "not an object");
		return NULL;
	}
	value = json_object_get(value, dot + 1);
	if (!value)
		jsonmember_refuse(place, path, "is missing");
	return value;
}

double jsonmember_number(struct jsonplace *place, json_t *object, const char *path)
{
	json_t *value = jsonmember_at(place, object, path);

	if (!value || json_is_null(value))
		return NAN;
	if (!json_is_number(value)) {
		jsonmember_refuse(place, path, "not a number");
		return NAN;
	}
	if (json_number_value(value) < 0 && !strstr(path, "ratio")) {
		jsonmember_refuse(place, path, "is negative");
		return NAN;
	}
	return json_number_value(value);
}

size_t jsonmember_index(struct jsonplace *place, json_t *object, const char *name,
			size_t most)
{
	json_t *value = jsonmember_get(place, object, name);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > most) {
		jsonmember_refuse(place, name, "not an index into frames");
		return 0;
	}
	return (size_t)json_integer_value(value);
}

bool jsonmember_truth(struct jsonplace *place, json_t *object, const char *path)
{
	json_t *value = jsonmember_at(place, object, path);

	if (value && !json_is_boolean(value))
		jsonmember_refuse(place, path, "neither true nor false");
	return json_is_true(value);
}

const char *jsonmember_text(struct jsonplace *place, json_t *object, const char *name)
{
	json_t *value = jsonmember_get(place, object, name);
	const char *pooled;

	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value)) {
		jsonmember_refuse(place, name, "not a string");
		return NULL;
	}
	pooled = symbols_string(place->symbols, json_string_value(value));
	if (!pooled && !place->error)
		place->error = -ENOMEM;
	return pooled;
}

json_t *jsonmember_list(struct jsonplace *place, json_t *object, const char *name)
{
	json_t *value = jsonmember_get(place, object, name);

	if (value && !json_is_array(value)) {
		jsonmember_refuse(place, name, "not an array");
		return NULL;
	}
	return value;
}

void *jsonmember_room(struct jsonplace *place, size_t count, size_t bytes)
{
	void *room = place->error ? NULL : calloc(count + 1, bytes);

	if (!room && !place->error)
		place->error = -ENOMEM;
	return room;
}

json_t *jsonmember_object(struct jsonplace *place, json_t *array, size_t i)
{
	json_t *object = json_array_get(array, i);

	if (!json_is_object(object))
		jsonmember_refuse(place, "", "not an object");
	return object;
}

uint64_t jsonmember_hex(struct jsonplace *place, const char *digits, const char *name)
{
	uint64_t value;
	char *end;

	if (!digits || !*digits) {
		jsonmember_refuse(place, name, "not a hexadecimal number");
		return 0;
	}
	errno = 0;
	value = strtoull(digits, &end, 16);
	if (errno || *end || *digits == '-' || *digits == '+')
		jsonmember_refuse(place, name, "not a hexadecimal number");
	return value;
}
