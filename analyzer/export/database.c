/* SPDX-License-Identifier: MIT */
#include "database.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define APPLICATION "1296454707" /* "MFTs": tells these databases from others */
#define VERSION 1
#define COLUMNS_MOST 40
#define BUSY_MS 10000

struct table {
	const char *name;
	const char *columns;
	const char *end; /* of its CREATE */
};

#define REFERS(table) " INTEGER NOT NULL REFERENCES " table " ON DELETE CASCADE"

static const struct table tables[DATABASE_TABLES] = {
	[DATABASE_RUNS] = {"runs",
			   "run INTEGER PRIMARY KEY, added_unix_ns INTEGER, mftrace TEXT, "
			   "target TEXT",
			   ""},
	[DATABASE_PROCESSES] = {"processes",
				"process INTEGER PRIMARY KEY, run" REFERS(
					"runs") ", parent INTEGER REFERENCES "
						"processes, pid INTEGER, ppid INTEGER, exe "
						"TEXT, command TEXT, exit TEXT, "
						"exit_status INTEGER, start_unix_ns "
						"INTEGER, duration_ns INTEGER, dump TEXT, "
						"allocator TEXT, events INTEGER, "
						"allocations INTEGER, frees INTEGER, "
						"reallocs INTEGER, failed INTEGER, threads "
						"INTEGER, lost_events INTEGER, "
						"damage TEXT, allocated_bytes INTEGER, "
						"freed_bytes INTEGER, temporary "
						"INTEGER, peak_bytes INTEGER, peak_blocks "
						"INTEGER, peak_time_ns INTEGER, "
						"live_bytes INTEGER, live_blocks INTEGER, "
						"live_usable_bytes INTEGER, "
						"leaks_classified INTEGER, leaked_bytes "
						"INTEGER, leaked_blocks INTEGER",
				""},
	[DATABASE_THREADS] = {"threads",
			      "process" REFERS(
				      "processes") ", number INTEGER, tid INTEGER, "
						   "name TEXT",
			      ", PRIMARY KEY (process, number)) WITHOUT ROWID"},
	[DATABASE_FRAMES] = {"frames",
			     "frame INTEGER PRIMARY KEY, run" REFERS(
				     "runs") ", function TEXT, "
					     "file TEXT, line INTEGER, module TEXT, "
					     "address INTEGER, inlined "
					     "INTEGER",
			     ""},
	[DATABASE_SITES] = {"sites",
			    "site INTEGER PRIMARY KEY, process" REFERS(
				    "processes") ", fingerprint TEXT, "
						 "function TEXT, called TEXT, allocations "
						 "INTEGER, allocated_bytes INTEGER, "
						 "freed INTEGER, failed INTEGER, temporary "
						 "INTEGER, lifetime_ns INTEGER, "
						 "peak_bytes INTEGER, peak_blocks INTEGER, "
						 "live_bytes INTEGER, live_blocks "
						 "INTEGER, leaked_bytes INTEGER, "
						 "leaked_blocks INTEGER, leak_kind TEXT, "
						 "pinned_exclusive_bytes INTEGER, "
						 "pinned_shared_bytes REAL, pinned_pages "
						 "INTEGER, growth_bytes_per_s REAL",
			    ""},
	[DATABASE_STACKS] = {"stacks",
			     "site" REFERS(
				     "sites") ", depth INTEGER, frame INTEGER NOT NULL "
					      "REFERENCES frames",
			     ", PRIMARY KEY (site, depth)) WITHOUT ROWID"},
	[DATABASE_TIMELINE] = {"timeline",
			       "process" REFERS(
				       "processes") ", time_ns INTEGER, live_bytes "
						    "INTEGER, live_blocks INTEGER, "
						    "highest_bytes INTEGER, "
						    "highest_time_ns INTEGER, allocations "
						    "INTEGER, allocated_bytes "
						    "INTEGER, frees INTEGER",
			       ", PRIMARY KEY (process, time_ns)) WITHOUT ROWID"},
	[DATABASE_SNAPSHOTS] =
		{"snapshots",
		 "snapshot INTEGER PRIMARY KEY, process" REFERS(
			 "processes") ", time_ns INTEGER, "
				      "reason TEXT, chosen INTEGER, rss_bytes INTEGER, "
				      "requested_bytes INTEGER, "
				      "usable_bytes INTEGER, resident_bytes INTEGER, "
				      "free_bytes INTEGER, "
				      "largest_free_run_bytes INTEGER, pinned_bytes "
				      "INTEGER, live_blocks INTEGER",
		 ""},
	[DATABASE_PAGES] = {"pages",
			    "snapshot" REFERS(
				    "snapshots") ", percent INTEGER, pages INTEGER",
			    ", PRIMARY KEY (snapshot, percent)) WITHOUT ROWID"},
	[DATABASE_LEAKS] = {"leaks",
			    "site" REFERS(
				    "sites") ", kind TEXT, bytes INTEGER, blocks INTEGER",
			    ", PRIMARY KEY (site, kind)) WITHOUT ROWID"},
	[DATABASE_CYCLES] =
		{"cycles",
		 "cycle INTEGER PRIMARY KEY, process" REFERS(
			 "processes") ", bytes "
				      "INTEGER, blocks INTEGER, retained_bytes INTEGER, "
				      "retained_blocks INTEGER, length INTEGER",
		 ""},
	[DATABASE_CYCLE_STEPS] =
		{"cycle_steps",
		 "cycle" REFERS(
			 "cycles") ", step INTEGER, fingerprint TEXT, "
				   "function TEXT, address INTEGER, pointer_offset INTEGER",
		 ", PRIMARY KEY (cycle, step)) WITHOUT ROWID"},
};

static const char indexes[] = "CREATE INDEX processes_by_run ON processes (run);"
			      "CREATE INDEX frames_by_run ON frames (run);"
			      "CREATE INDEX sites_by_process ON sites (process);"
			      "CREATE INDEX sites_by_fingerprint ON sites (fingerprint);"
			      "CREATE INDEX snapshots_by_process ON snapshots (process);"
			      "CREATE INDEX cycles_by_process ON cycles (process);";

struct database {
	sqlite3 *connection;
	sqlite3_stmt *inserts[DATABASE_TABLES];
};

/* What an SQLite result code means to a caller. */
static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	default:
		return -EIO;
	}
}

static int execute(struct database *database, const char *sql)
{
	return error_of(sqlite3_exec(database->connection, sql, NULL, NULL, NULL));
}

/* The only number that a statement gives. */
static int ask(struct database *database, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(database->connection, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return error_of(code);
}

static int create_tables(struct database *database)
{
	char *sql = NULL;
	size_t bytes;
	FILE *out = open_memstream(&sql, &bytes);
	int error;

	if (!out)
		return -ENOMEM;
	fprintf(out, "PRAGMA application_id = " APPLICATION "; PRAGMA user_version = %d;",
		VERSION);
	for (size_t i = 0; i < DATABASE_TABLES; i++)
		fprintf(out, "CREATE TABLE %s (%s%s;", tables[i].name, tables[i].columns,
			*tables[i].end ? tables[i].end : ")");
	fputs(indexes, out);
	error = fclose(out) == EOF ? -ENOMEM : execute(database, sql);
	free(sql);
	return error;
}

/* Begins to write, in tables that are there or are made. */
static int prepare(struct database *database)
{
	int64_t application = 0, version = 0, objects = 0;
	int error = execute(database, "PRAGMA foreign_keys = ON; BEGIN IMMEDIATE");

	if (!error)
		error = ask(database, "PRAGMA application_id", &application);
	if (!error)
		error = ask(database, "PRAGMA user_version", &version);
	if (!error)
		error = ask(database, "SELECT count(*) FROM sqlite_master", &objects);
	if (error)
		return error;
	if (objects == 0)
		return create_tables(database);
	if (application != strtoll(APPLICATION, NULL, 10))
		return -EINVAL;
	return version == VERSION ? 0 : -EPROTONOSUPPORT;
}

int database_open(const char *path, struct database **ret_database)
{
	struct database *database = calloc(1, sizeof(*database));
	int error;

	if (!database)
		return -ENOMEM;
	error = error_of(sqlite3_open_v2(path, &database->connection,
					 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
	if (!error) {
		sqlite3_busy_timeout(database->connection, BUSY_MS);
		error = prepare(database);
	}
	if (error)
		return database_close(database, error);
	*ret_database = database;
	return 0;
}

static int bind(sqlite3_stmt *statement, const char *types, va_list values)
{
	int code = SQLITE_OK;

	for (int i = 1; types[i - 1] && code == SQLITE_OK; i++) {
		const char type = types[i - 1];
		const bool known = (type != 'I' && type != 'R') || va_arg(values, int);

		switch (type) {
		case 'i':
		case 'I':
			code = sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
			break;
		case 'r':
		case 'R':
			code = sqlite3_bind_double(statement, i, va_arg(values, double));
			break;
		case 't':
			code = sqlite3_bind_text(statement, i, va_arg(values, const char *),
						 -1, SQLITE_TRANSIENT);
			break;
		default:
			break;
		}
		if (code == SQLITE_OK && (!known || type == '-'))
			code = sqlite3_bind_null(statement, i);
	}
	return code;
}

/* "INSERT INTO sites VALUES (?,?,...)" with so many values. */
static int prepare_insert(struct database *database, enum database_table table,
			  size_t columns)
{
	char sql[64 + 2 * COLUMNS_MOST];
	int length =
		snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (?", tables[table].name);

	for (size_t i = 1; i < columns && i < COLUMNS_MOST; i++)
		length += snprintf(sql + length, sizeof(sql) - (size_t)length, ",?");
	snprintf(sql + length, sizeof(sql) - (size_t)length, ")");
	return sqlite3_prepare_v3(database->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
				  &database->inserts[table], NULL);
}

int database_put(struct database *database, enum database_table table, int64_t *ret_row,
		 const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list values;
	int code = SQLITE_OK;

	if (!database->inserts[table])
		code = prepare_insert(database, table, strlen(types));
	statement = database->inserts[table];
	if (code == SQLITE_OK) {
		va_start(values, types);
		code = bind(statement, types, values);
		va_end(values);
	}
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_DONE && ret_row)
		*ret_row = sqlite3_last_insert_rowid(database->connection);
	sqlite3_reset(statement);
	return error_of(code);
}

int database_close(struct database *database, int error)
{
	if (!database)
		return error;
	for (size_t i = 0; i < DATABASE_TABLES; i++)
		sqlite3_finalize(database->inserts[i]);
	if (!error)
		error = execute(database, "COMMIT");
	/* What is not committed is undone. */
	sqlite3_close(database->connection);
	free(database);
	return error;
}
