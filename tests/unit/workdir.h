/* SPDX-License-Identifier: MIT */
/*
 * workdir.h - a directory of its own for one test.
 *
 * Lies in TMPDIR, or /tmp. It and what is in it go when the test takes it away, and at the
 * latest when the process exits, so that a test that fails leaves nothing behind either.
 */
#ifndef WORKDIR_H
#define WORKDIR_H

/* Makes the directory. Returns its path, which is good until workdir_remove, or NULL with
 * errno. One at a time. */
const char *workdir_make(void);

/* Removes it and all that is in it, if it is there. */
void workdir_remove(void);

#endif
