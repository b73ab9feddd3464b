/* SPDX-License-Identifier: MIT */
/*
 * starving.h - whether memory is refused at present, which only starve_inputs.c does.
 *
 * Threads: none. Memory: none.
 */
#ifndef STARVING_H
#define STARVING_H

#include <stdbool.h>
#include <stddef.h>

/* Not there in other programs. */
extern bool starving __attribute__((weak));

static inline bool may_lack_memory(void)
{
	return &starving != NULL && starving;
}

#endif
