/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - names for the addresses of a dump: function, file, line, inlined calls.
 *
 * Guarantees: lazy (a file is opened when the first of its addresses is asked for) and
 * cached by (module, address). Names come from DWARF where there is any, else from ELF
 * symbols, else there is none. All strings are safe to print. Processes share modules: the
 * same path and build-id is opened once. The files, which nobody vouches for, are read in a
 * confined process (symbolclient.h); what they do to it costs their names and nothing else.
 * Threads: none. Memory: everything that is returned belongs to the object and lives as
 * long as it; equal strings have equal addresses.
 * Not here: which file is opened (symbolpath.h, symbolclient.h).
 */
#ifndef SYMBOLS_H
#define SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function at an address, real or inlined into the next one of its list. */
struct symbol {
	const char *function;	 /* NULL: not known */
	const char *linker_name; /* of it, where it is another; NULL: not known */
	const char *file;	 /* NULL: not known */
	unsigned line;		 /* 0: not known */
	bool inlined;
};

/* What is at one address, innermost first; at least one. */
struct symbol_list {
	size_t count;
	const struct symbol *symbols;
};

struct symbols;
struct symbol_module;

/* Returns NULL where memory is short. */
struct symbols *symbols_new(void);
void symbols_free(struct symbols *symbols);

/* A copy of text that lives as long as symbols, safe to print; NULL: memory is short. */
const char *symbols_string(struct symbols *symbols, const char *text);

/* The module recorded with this path and build-id (build_id_bytes 0: none). Returns 0 or
 * -ENOMEM. Opens nothing yet. */
int symbols_module(struct symbols *symbols, const char *path, const uint8_t *build_id,
		   size_t build_id_bytes, struct symbol_module **ret_module);

/* Says that an address will be asked for: symbols_at then asks for all of a module at once,
 * which costs less than one by one. Arguments as of symbols_at. Returns 0 or -ENOMEM. */
int symbols_want(struct symbols *symbols, struct symbol_module *module, uint64_t address,
		 bool exact);

/* What is at an address of the module's file. exact: the address is that of the
 * instruction itself; otherwise a return address, and the call before it is meant. Returns
 * 0 or -ENOMEM. */
int symbols_at(struct symbols *symbols, struct symbol_module *module, uint64_t address,
	       bool exact, const struct symbol_list **ret_list);

/* The variable at an address of the module's file, and how far into it the address is;
 * *ret_name NULL: not known. Returns 0 or -ENOMEM. */
int symbols_object_at(struct symbols *symbols, struct symbol_module *module,
		      uint64_t address, const char **ret_name, uint64_t *ret_offset);

/* Modules that could not be named, each with the reason: calls `say` for each once. */
typedef void symbols_trouble_fn(void *context, const char *path, const char *why);
void symbols_each_trouble(const struct symbols *symbols, symbols_trouble_fn *say,
			  void *context);

#endif
