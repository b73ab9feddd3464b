/* SPDX-License-Identifier: MIT */
/*
 * cfi_oracle.h - how to get from a frame to its caller, by libdw's reading of the tables.
 *
 * Rows of call frame information are compared by what comes of them: both answers are
 * computed for the same made-up registers and memory, in which no two things that a rule
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
	OUTCOME_CALLER,	   /* the caller is at cfa, ra_at, fp_at */
	OUTCOME_OTHER	   /* what struct cfi_rule has no words for */
};

struct cfi_way {
	enum cfi_outcome outcome;
	uint64_t cfa;
	uint64_t ra_at; /* where the return address is saved */
	uint64_t fp_at; /* where the caller's frame pointer is saved; 0: it is unchanged */
};

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

/* Where a rule leads from there; OUTCOME_OTHER for CFI_COMPLEX. */
struct cfi_way cfi_oracle_way_of_rule(struct cfi_rule rule);

#endif
