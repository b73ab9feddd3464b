/* SPDX-License-Identifier: MIT */
/*
 * storedsite.h - one call site of a stored report.
 *
 * Guarantees: as jsonmember.h; what a report does not say of a site is NaN, not 0. Threads:
 * none. Memory: frames are the site's; strings belong to the struct symbols.
 * Not here: finding the sites in the file (reportpieces.h), the rest of it
 * (storedreport.h).
 */
#ifndef STOREDSITE_H
#define STOREDSITE_H

#include <stdbool.h>

#include <jansson.h>

struct jsonplace;
struct measured_process;
struct measured_site;

/* Reads an element of processes[].sites into a site that is zeros. */
void storedsite_read(struct jsonplace *place, json_t *object, struct measured_site *site);

/* Takes from the sites what their process, which has been read, does not know; refuses them
 * where it knows what they do not say. pages: its pages were looked at. */
void storedsite_settle(struct jsonplace *place, struct measured_process *process,
		       bool pages);

#endif
