/* SPDX-License-Identifier: MIT */
/*
 * filter.h - which system calls the program still lets itself make.
 *
 * A program that confines itself (seccomp(2)) may be ended by a system call that it has not
 * foreseen: one of ours. So its filters are kept as it installs them, and each of our calls
 * is put to them first (sys.h): one that any of them does not let through is not made, and
 * fails with EPERM. What one thread has installed holds for all of them here, because
 * threads that are begun later inherit it.
 * Guarantees: no lock, no allocation from the program's heap; errno is not touched.
 * Threads: filters may be added by any thread while others ask.
 * Memory: an anonymous mapping a filter, never given back.
 * Not here: filters that the process was started under, which cannot be read; those that
 * are installed by a system call made without libc. Source: seccomp(2);
 * linux/Documentation/networking/filter.rst, "BPF engine".
 */
#ifndef FILTER_H
#define FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

/* A filter that is not in force yet. */
struct filter;

/* Copies a program that is about to be installed. Returns NULL where it cannot be read or
 * kept; the pointers may be anything. of_child: it is a vfork child that confines itself,
 * in its parent's memory. */
struct filter *filter_new(const struct sock_fprog *program, bool of_child);

/* Whether this filter (NULL: none) and those in force let a system call through. arguments:
 * six. */
bool filter_would_allow(const struct filter *filter, long number, const long *arguments);

/* Puts the filter in force; NULL: lets nothing through from here on. To be called before
 * the kernel has it. */
void filter_enforce(struct filter *filter);

/* Takes it back: the kernel refused it. */
void filter_drop(struct filter *filter);

/* Whether a vfork child's filter is in force. */
bool filter_is_of_child(void);

/* Takes those back, because the child leaves its parent's memory; returns what
 * filter_enforce_again takes when it does not come to that. */
struct filter *filter_drop_of_child(void);
void filter_enforce_again(struct filter *dropped);

#endif
