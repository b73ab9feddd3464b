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
#define VERSION "1"
#define COLUMNS_MOST 40
#define BUSY_MS 10000

static const char *const names[DATABASE_TABLES] = {
	[DATABASE_RUNS] = "runs",	  [DATABASE_PROCESSES] = "processes",
	[DATABASE_THREADS] = "threads",	  [DATABASE_FRAMES] = "frames",
	[DATABASE_SITES] = "sites",	  [DATABASE_STACKS] = "stacks",
	[DATABASE_TIMELINE] = "timeline", [DATABASE_SNAPSHOTS] = "snapshots",
	[DATABASE_PAGES] = "pages",	  [DATABASE_LEAKS] = "leaks",
	[DATABASE_CYCLES] = "cycles",	  [DATABASE_CYCLE_STEPS] = "cycle_steps",
};

static const char schema[] =
	"CREATE TABLE runs (\n"
	"  run INTEGER PRIMARY KEY, added_unix_ns INTEGER, mftrace TEXT,\n"
	"  target TEXT);\n"
	"CREATE TABLE processes (\n"
	"  process INTEGER PRIMARY KEY,\n"
	"  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,\n"
	"  parent INTEGER REFERENCES processes, pid INTEGER, ppid INTEGER,\n"
	"  exe TEXT, command TEXT, exit TEXT, exit_status INTEGER,\n"
	"  start_unix_ns INTEGER, duration_ns INTEGER, dump TEXT, allocator TEXT,\n"
	"  events INTEGER, allocations INTEGER, frees INTEGER, reallocs INTEGER,\n"
	"  failed INTEGER, threads INTEGER, lost_events INTEGER, damage TEXT,\n"
	"  allocated_bytes INTEGER, freed_bytes INTEGER, temporary INTEGER,\n"
	"  peak_bytes INTEGER, peak_blocks INTEGER, peak_time_ns INTEGER,\n"
	"  live_bytes INTEGER, live_blocks INTEGER, live_usable_bytes INTEGER,\n"
	"  leaks_classified INTEGER, leaked_bytes INTEGER, leaked_blocks INTEGER);\n"
	"CREATE TABLE threads (\n"
	"  process INTEGER NOT NULL REFERENCES processes ON DELETE CASCADE,\n"
	"  number INTEGER, tid INTEGER, name TEXT,\n"
	"  PRIMARY KEY (process, number)) WITHOUT ROWID;\n"
	"CREATE TABLE frames (\n"
	"  frame INTEGER PRIMARY KEY,\n"
	"  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, function TEXT,\n"
	"  file TEXT, line INTEGER, module TEXT, address INTEGER, inlined INTEGER);\n"
	"CREATE TABLE sites (\n"
	"  site INTEGER PRIMARY KEY,\n"
	"  process INTEGER NOT NULL REFERENCES processes ON DELETE CASCADE,\n"
	"  fingerprint TEXT, function TEXT, called TEXT, allocations INTEGER,\n"
	"  allocated_bytes INTEGER, freed INTEGER, failed INTEGER,\n"
	"  temporary INTEGER, lifetime_ns INTEGER, peak_bytes INTEGER,\n"
	"  peak_blocks INTEGER, live_bytes INTEGER, live_blocks INTEGER,\n"
	"  leaked_bytes INTEGER, leaked_blocks INTEGER, leak_kind TEXT,\n"
	"  pinned_exclusive_bytes INTEGER, pinned_shared_bytes REAL,\n"
	"  pinned_pages INTEGER, growth_bytes_per_s REAL);\n"
	"CREATE TABLE stacks (\n"
	"  site INTEGER NOT NULL REFERENCES sites ON DELETE CASCADE, depth INTEGER,\n"
	"  frame INTEGER NOT NULL REFERENCES frames,\n"
	"  PRIMARY KEY (site, depth)) WITHOUT ROWID;\n"
	"CREATE TABLE timeline (\n"
	"  process INTEGER NOT NULL REFERENCES processes ON DELETE CASCADE,\n"
	"  time_ns INTEGER, live_bytes INTEGER, live_blocks INTEGER,\n"
	"  highest_bytes INTEGER, highest_time_ns INTEGER, allocations INTEGER,\n"
	"  allocated_bytes INTEGER, frees INTEGER,\n"
	"  PRIMARY KEY (process, time_ns)) WITHOUT ROWID;\n"
	"CREATE TABLE snapshots (\n"
	"  snapshot INTEGER PRIMARY KEY,\n"
	"  process INTEGER NOT NULL REFERENCES processes ON DELETE CASCADE,\n"
	"  time_ns INTEGER, reason TEXT, chosen INTEGER, rss_bytes INTEGER,\n"
	"  requested_bytes INTEGER, usable_bytes INTEGER, resident_bytes INTEGER,\n"
	"  free_bytes INTEGER, largest_free_run_bytes INTEGER,\n"
	"  pinned_bytes INTEGER, live_blocks INTEGER);\n"
	"CREATE TABLE pages (\n"
	"  snapshot INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,\n"
	"  percent INTEGER, pages INTEGER,\n"
	"  PRIMARY KEY (snapshot, percent)) WITHOUT ROWID;\n"
	"CREATE TABLE leaks (\n"
	"  site INTEGER NOT NULL REFERENCES sites ON DELETE CASCADE, kind TEXT,\n"
	"  bytes INTEGER, blocks INTEGER,\n"
	"  PRIMARY KEY (site, kind)) WITHOUT ROWID;\n"
	"CREATE TABLE cycles (\n"
	"  cycle INTEGER PRIMARY KEY,\n"
	"  process INTEGER NOT NULL REFERENCES processes ON DELETE CASCADE,\n"
	"  bytes INTEGER, blocks INTEGER, retained_bytes INTEGER,\n"
	"  retained_blocks INTEGER, length INTEGER);\n"
	"CREATE TABLE cycle_steps (\n"
	"  cycle INTEGER NOT NULL REFERENCES cycles ON DELETE CASCADE,\n"
	"  step INTEGER, fingerprint TEXT, function TEXT, address INTEGER,\n"
	"  pointer_offset INTEGER,\n"
	"  PRIMARY KEY (cycle, step)) WITHOUT ROWID;\n"
	"CREATE INDEX processes_by_run ON processes (run);\n"
	"CREATE INDEX frames_by_run ON frames (run);\n"
	"CREATE INDEX sites_by_process ON sites (process);\n"
	"CREATE INDEX sites_by_fingerprint ON sites (fingerprint);\n"
	"CREATE INDEX snapshots_by_process ON snapshots (process);\n"
	"CREATE INDEX cycles_by_process ON cycles (process);\n";

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
	int error = execute(database, "PRAGMA application_id = " APPLICATION
				      "; PRAGMA user_version = " VERSION);

	return error ? error : execute(database, schema);
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
	return version == strtoll(VERSION, NULL, 10) ? 0 : -EPROTONOSUPPORT;
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
	int length = snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (?", names[table]);

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
