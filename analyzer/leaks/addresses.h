/* SPDX-License-Identifier: MIT */
/*
 * addresses.h - many addresses put in order.
 *
 * Millions of blocks are sorted faster by their digits than by comparing them, and faster
 * by their addresses alone than as what they are.
 * Threads: any. Memory: as much again as the addresses, meanwhile.
 */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

/* Sorts, the smallest first. Returns 0 or -ENOMEM, and then the order is any. */
int addresses_sort(uint64_t *addresses, size_t count);

#endif
