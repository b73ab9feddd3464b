/* SPDX-License-Identifier: MIT */
/*
 * Pointers that a program keeps in disguise do not hold a block: complemented, with a mark
 * in the high bits, cut into halves. A mark in the lowest bit points into the block.
 */
#include "leak_case.h"

static volatile uintptr_t hidden[4];
static volatile uint32_t halves[4];

static LEAK_SITE void build(void)
{
	uintptr_t address;

	hidden[0] = ~(uintptr_t)leak_block(300, LEAK_DEFINITE);
	hidden[1] = (uintptr_t)leak_block(301, LEAK_DEFINITE) | (uintptr_t)1 << 62;
	hidden[2] = (uintptr_t)leak_block(302, LEAK_POSSIBLE) | 1;
	address = (uintptr_t)leak_block(303, LEAK_DEFINITE);
	halves[0] = (uint32_t)address;
	halves[1] = 1u << 31;
	halves[2] = (uint32_t)(address >> 32);
}

int main(void)
{
	return leak_case(build);
}
