/* SPDX-License-Identifier: MIT */
/*
 * chosen_late.h - a library function that the dynamic linker binds at its first call, by
 * calling back.
 */
#ifndef CHOSEN_LATE_H
#define CHOSEN_LATE_H

typedef int chosen_late_choose(void);

/* Sets who says which function it is to be: 1 or 2. */
void chosen_late_by(chosen_late_choose *choose);

/* Returns which one it is. */
int chosen_late(void);

#endif
