/* SPDX-License-Identifier: MIT */
/*
 * cfi_oracle.h - how to get from a frame to its caller, by libdw's reading of the tables.
 *
 * Rows of call frame information are compared by what comes of them: both answers are
 * computed for the same made-up registers and memory, in which no two things that a row
 * might name have the same value. So a rule may be put in any way, but not be wrong.
 * Guarantees: fails the test when an ELF file cannot be read, never returns half a row.
 * Memory: struct cfi_oracle, closed by cfi_oracle_close. Threads: one.
 * Not here: the judgement (test_cfi.c).
 */
#ifndef CFI_ORACLE_H
#define CFI_ORACLE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "cfi.h"

struct cfi_oracle {
	int fd;
	Elf *elf;
	Dwarf_CFI *cfi; /* NULL: the file has none */
};

enum cfi_outcome {
	OUTCOME_NONE,	   /* the address is in no row */
	OUTCOME_SIGNAL,	   /* a signal handler's return code */
	OUTCOME_OUTERMOST, /* the return address is undefined */
	OUTCOME_CALLER,	   /* the caller has these registers */
	OUTCOME_UNKNOWN	   /* not understood */
};

struct cfi_way {
	enum cfi_outcome outcome;
	uint64_t sp, pc, fp;
};

bool cfi_ways_are_equal(struct cfi_way a, struct cfi_way b);

struct cfi_row {
	uint64_t start, end; /* addresses in the file: the one asked for, the row's end */
	Dwarf_Frame *frame;  /* NULL: in no row; freed by cfi_oracle_free_row */
	bool is_signal;
	bool varies; /* its CFA is an expression, that may look at the address */
};

void cfi_oracle_open(struct cfi_oracle *oracle, const char *path);
void cfi_oracle_close(struct cfi_oracle *oracle);

/* The row that holds an address of the file, from there on. */
struct cfi_row cfi_oracle_row(const struct cfi_oracle *oracle, uint64_t address);
void cfi_oracle_free_row(struct cfi_row *row);

/* Where the row leads from an address in it. */
struct cfi_way cfi_oracle_way(const struct cfi_row *row, uint64_t address);

/* Where a module's tables lead by cfi.h, at `pc`; `address` is what the program counter
 * holds in the made-up frame. ret_rule: the rule that they were condensed to. */
struct cfi_way cfi_oracle_way_in(const struct cfi_module *module, uintptr_t pc,
				 uint64_t address, struct cfi_rule *ret_rule);

/* Whether a caller's frame is enough for a step from it: the registers that functions leave
 * as they were. What is more is known of interrupted frames only. */
bool cfi_oracle_is_of_calls(const struct cfi_module *module, uintptr_t pc);

#endif
