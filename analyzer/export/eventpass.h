/* SPDX-License-Identifier: MIT */
/*
 * eventpass.h - the events of a process once more, for formats that show them one by one.
 *
 * A report is made from a profile, which has no events. They are taken from the dump again,
 * in the same order and with the same call sites.
 * Guarantees: memory as for a replay. The sites that a watcher is told of are those of the
 * member's profile, by index; if that cannot be so, because the dump has changed since,
 * the pass fails.
 * Threads: none. Memory: none that stays.
 */
#ifndef EVENTPASS_H
#define EVENTPASS_H

#include <stddef.h>

#include "ledger.h"

struct report;

/* Tells `watcher` of all events of a member of the report's family, in order. What it is
 * told may be of a dump that has changed until this has returned 0. Returns 0; -ESTALE: the
 * dump is not what it was when the report was made; or what replay_dump_for says. */
int eventpass(const struct report *report, size_t member, struct ledger_watcher *watcher);

#endif
