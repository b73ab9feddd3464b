/* SPDX-License-Identifier: MIT */
/*
 * database.h - an SQLite database of runs: its tables, and rows to put in.
 *
 * Guarantees: what is put in is there as a whole after database_close, or, when anything
 * failed, not at all; what was there before stays. A database that is not one of runs is
 * never changed.
 * Threads: none. Memory: SQLite's; database_close frees it.
 * Not here: where the figures come from (sqlite.c). docs/export.md describes the tables.
 */
#ifndef DATABASE_H
#define DATABASE_H

#include <stdint.h>

enum database_table {
	DATABASE_RUNS,
	DATABASE_PROCESSES,
	DATABASE_THREADS,
	DATABASE_FRAMES,
	DATABASE_SITES,
	DATABASE_STACKS,
	DATABASE_TIMELINE,
	DATABASE_SNAPSHOTS,
	DATABASE_PAGES,
	DATABASE_LEAKS,
	DATABASE_CYCLES,
	DATABASE_CYCLE_STEPS,
};
#define DATABASE_TABLES 12u

struct database;

/* Opens the database at a path, and makes it where there is none. Returns 0, or
 * -EBADMSG: the file is no SQLite database; -EINVAL: it has other things in it;
 * -EPROTONOSUPPORT: its tables are of another version; -EBUSY: somebody else is writing;
 * -EROFS, -ENOSPC, -EACCES, -ENOMEM, -EIO. */
int database_open(const char *path, struct database **ret_database);

/* Puts a row in. types has a letter for each column, whose values follow in their order:
 * i int64_t or uint64_t, r double, t const char * (NULL for none), I and R the same behind
 * an int that is 0 where there is no value, - no value (nothing follows). ret_row, which
 * may be NULL: its number, where the table numbers its rows. Returns 0 or as database_open.
 */
int database_put(struct database *database, enum database_table table, int64_t *ret_row,
		 const char *types, ...);

/* Keeps what was put in, unless there was an error already. Returns `error`, or what went
 * wrong now. NULL is fine. */
int database_close(struct database *database, int error);

#endif
