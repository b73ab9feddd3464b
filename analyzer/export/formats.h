/* SPDX-License-Identifier: MIT */
/*
 * formats.h - one struct for each format; docs/export.md says what each can show.
 *
 * Threads: none. Memory: constants.
 * Not here: the order in which they are listed (export.c).
 */
#ifndef FORMATS_H
#define FORMATS_H

#include "export.h"

extern const struct export_format format_csv;	     /* csv.c */
extern const struct export_format format_heaptrack;  /* heaptrack.c */
extern const struct export_format format_perfetto;   /* perfetto.c */
extern const struct export_format format_pprof;	     /* pprof.c */
extern const struct export_format format_folded;     /* folded.c */
extern const struct export_format format_speedscope; /* speedscope.c */
extern const struct export_format format_callgrind;  /* callgrind.c */
extern const struct export_format format_massif;     /* massif.c */
extern const struct export_format format_sqlite;     /* sqlite.c */

#endif
