/* SPDX-License-Identifier: MIT */
/*
 * sitepattern.h - which call sites and processes a budget's pattern means.
 *
 * Patterns are those of a shell (fnmatch). A call site fits by any function of the part of
 * its stack that reports show: by its whole name, by that without return type, parameters
 * and what compilers add (fingerprint.h), or by that without template arguments too; or by
 * its id, whole. A process fits by the path of its program or by its base name.
 * Threads: any. Memory: none that stays.
 */
#ifndef SITEPATTERN_H
#define SITEPATTERN_H

#include <stdbool.h>

struct measured_process;
struct measured_site;

bool sitepattern_fits(const char *pattern, const struct measured_site *site);
bool sitepattern_fits_process(const char *pattern, const struct measured_process *process);

#endif
