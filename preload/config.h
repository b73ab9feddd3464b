/* SPDX-License-Identifier: MIT */
/*
 * config.h - what the user asked for in MFTRACE_OPTIONS.
 *
 * One variable, key=value pairs joined by ':' as in ASAN_OPTIONS. In values a '%' escapes:
 * "%:" is a colon, "%%" a percent sign; in output= "%p" is the pid, "%e" the program's
 * name. Guarantees: no allocation, no stdio, the environment is only read. Not here: what
 * the options do.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH_BYTES 4096
#define CONFIG_DEPTH_MAX 256
#define CONFIG_RING_BYTES_MAX (32ull << 30)

struct config {
	char output[CONFIG_PATH_BYTES]; /* template as given, escapes and all; "" = default
					 */
	unsigned depth;			/* frames of a stack at most, 1..CONFIG_DEPTH_MAX */
	bool snapshots;
	unsigned interval_ms; /* between snapshots that nothing else asked for; 0: none */
	unsigned verify; /* compare every so many stacks with the reference unwinder; 0:
			    none */
	bool leak_scan;	 /* at exit */
	unsigned scan_deadline_ms; /* after which it ends with what it has */
	uint64_t ring_bytes;	   /* how much of the newest events is kept; 0: all */
	bool help;
	char bad_option[128]; /* the first one that was not understood, or "" */
};

/* Fills *ret_config with the defaults and then with what options says (may be NULL). */
void config_parse(const char *options, struct config *ret_config);

/* Expands a template into path: "%p", "%e", "%%", "%:"; an unknown escape is kept as it
 * is. Returns 0, -ENAMETOOLONG, or -EINVAL for an empty result. */
int config_expand(const char *template, int pid, const char *exe, char *path, size_t bytes);

/* The text for help=1, lines of at most 80 columns. */
extern const char config_help[];

#endif
