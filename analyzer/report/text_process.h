/* SPDX-License-Identifier: MIT */
/*
 * text_process.h - one process in a text report: who it was, and its figures.
 *
 * Every function prints to the terminal's stream.
 * Threads: none. Memory: none that stays.
 * Not here: call sites (text_sites.h), several processes (text_family.h).
 */
#ifndef TEXT_PROCESS_H
#define TEXT_PROCESS_H

struct family_member;
struct profile;
struct report;
struct terminal;

/* "name  pid 123, exited with status 0 after 2.31 s", the command, the recording. */
void text_process_head(const struct terminal *terminal, const struct family_member *member);

/* Allocated, temporary, peak, unfreed, fragmentation, failed. */
void text_process_figures(const struct terminal *terminal, const struct profile *profile);

/* 1 - R/F of the snapshot in which most was live; 0 where there is none, or more was asked
 * for than is resident. */
double text_fragmentation_at_peak(const struct profile *profile);

/* Why there is nothing to see, where there is nothing. */
void text_process_emptiness(const struct terminal *terminal, const struct profile *profile);

/* What was lost, cut or odd in the recordings of all processes; a few words if nothing. */
void text_health(const struct terminal *terminal, const struct report *report);

/* Where the right column begins. */
#define TEXT_FIELD_COLUMNS 17

/* A label in the left column, then the rest of the line, printf style. */
__attribute__((format(printf, 3, 4))) void
text_field(const struct terminal *terminal, const char *label, const char *format, ...);

/* A label, then a warning in the right column, broken between words where it is long. */
void text_paragraph(const struct terminal *terminal, const char *label, const char *text);

/* "next  mftrace VERB DUMP", and what that would tell. The command can be copied whole: a
 * dump's name that is too long for the line stands on the next one, however long it is. */
void text_hint(const struct terminal *terminal, const struct report *report,
	       const char *verb, const char *what);

/* A heading with an empty line before it. */
__attribute__((format(printf, 2, 3))) void text_heading(const struct terminal *terminal,
							const char *format, ...);

/* The base name of the program, safe to print; the caller's (free); NULL: no memory. */
char *text_program_new(const struct profile *profile);

#endif
