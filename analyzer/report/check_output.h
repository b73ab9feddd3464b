/* SPDX-License-Identifier: MIT */
/*
 * check_output.h - the verdicts of a gate, in the formats that people and CI systems read.
 *
 *   text      for a terminal or a log
 *   json      schema "mftrace-check/1", docs/check.schema.json
 *   junit     XML as test reporters read it: a test case for each verdict
 *   sarif     SARIF 2.1.0, a result for each failure
 *   github    workflow commands of GitHub Actions, which become annotations
 *   markdown  a table and the failures, for a step summary or a comment
 *
 * Guarantees: names from the recording cannot leave their place in any format; control
 * bytes are shown as \xNN. Files below the root are named relative to it, as the viewers
 * of CI systems want.
 * Threads: none. Memory: none that stays.
 * Not here: how verdicts come about (judge.h).
 */
#ifndef CHECK_OUTPUT_H
#define CHECK_OUTPUT_H

#include <stdio.h>

struct verdicts;

/* Writes all of it, with root the directory of the sources, absolute, or "". Returns 0,
 * -ENOMEM, or what writing says. */
typedef int check_output_fn(const struct verdicts *verdicts, const char *root, FILE *out);

check_output_fn check_text, check_json, check_junit, check_sarif, check_github,
	check_markdown;

/* The format of that name; NULL: there is none. */
check_output_fn *check_output_find(const char *name);

#endif
