/* SPDX-License-Identifier: MIT */
/*
 * jsonmember.h - the members of a stored report, each checked as it is taken out.
 *
 * Guarantees: the first thing that is wrong becomes the error and the complaint, with its
 * place ("processes[0].sites[12].live_bytes"), and stays; after it functions still return
 * what is harmless, so that callers need to look at `error` only where they loop.
 * Threads: none. Memory: strings belong to the struct symbols; JSON is borrowed.
 * Not here: which members a report has (storedreport.h).
 */
#ifndef JSONMEMBER_H
#define JSONMEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct complaint;
struct symbols;

/* Where reading is. */
struct jsonplace {
	struct symbols *symbols;
	struct complaint *complaint;
	int error; /* 0, -EBADMSG, -EPROTONOSUPPORT or -ENOMEM */
	size_t process, site, frame;
	enum {
		JSONPLACE_TOP,
		JSONPLACE_PROCESS,
		JSONPLACE_SITE,
		JSONPLACE_FRAME
	} depth;
};

/* Something is wrong with a member of the object at that place; "": with the object. */
void jsonmember_refuse(struct jsonplace *place, const char *member, const char *what);

/* A member that has to be there; NULL where it is not. */
json_t *jsonmember_get(struct jsonplace *place, json_t *object, const char *name);

/* The member of a member, as "peak.bytes"; null where one of them is null. */
json_t *jsonmember_at(struct jsonplace *place, json_t *object, const char *path);

/* A number, not negative unless it is a ratio; NaN where it is null. path as above. */
double jsonmember_number(struct jsonplace *place, json_t *object, const char *path);

/* An integer from 0 to `most`. */
size_t jsonmember_index(struct jsonplace *place, json_t *object, const char *name,
			size_t most);

bool jsonmember_truth(struct jsonplace *place, json_t *object, const char *path);

/* A pooled copy, safe to print; NULL where it is null. */
const char *jsonmember_text(struct jsonplace *place, json_t *object, const char *name);

/* The value of text that is a hexadecimal number, with or without 0x; name is whose. */
uint64_t jsonmember_hex(struct jsonplace *place, const char *text, const char *name);

/* An array; NULL where it is none. */
json_t *jsonmember_list(struct jsonplace *place, json_t *object, const char *name);

/* The object at i of an array. */
json_t *jsonmember_object(struct jsonplace *place, json_t *array, size_t i);

/* Zeroed room for that many things, and one more; NULL after an error. The caller's. */
void *jsonmember_room(struct jsonplace *place, size_t count, size_t bytes);

#endif
