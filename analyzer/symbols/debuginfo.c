/* SPDX-License-Identifier: MIT */
#include "debuginfo.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <elfutils/libdw.h>

#include "dwarfscopes.h"

/* Namespaces and classes within one another; real code stays far below. */
#define NESTING_MAX 48

/* An address range and what it belongs to: a unit or a function. */
struct span {
	Dwarf_Addr low;
	Dwarf_Addr high;
	size_t owner; /* index into units or functions */
};

struct spans {
	struct span *items;
	size_t count;
	size_t room;
};

struct unit {
	Dwarf_Die die;	/* has the line table */
	Dwarf_Die code; /* has the functions: another one where DWARF is split */
	bool indexed;
	struct spans spans;
	Dwarf_Die *functions;
	size_t functions_count;
	size_t functions_room;
	struct dwarfscopes *scopes; /* NULL until a name is to be qualified */
};

struct debuginfo {
	Dwarf_Addr bias; /* address in the module minus address in the DWARF */
	struct spans spans;
	struct unit *units;
	size_t units_count;
	size_t units_room;
	char **names; /* made here, for frames */
	size_t names_count;
	size_t names_room;
};

/* Makes room for one more. Returns 0 or -ENOMEM. */
static int grow(void **items, size_t *room, size_t count, size_t item_bytes)
{
	size_t more = *room ? *room * 2 : 64;
	void *moved;

	if (count < *room)
		return 0;
	moved = realloc(*items, more * item_bytes);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*room = more;
	return 0;
}

static int spans_add(struct spans *spans, Dwarf_Die *die, size_t owner)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	int error;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
		/* Code that the linker dropped is left at address 0. */
		if (low == 0 || low >= high)
			continue;
		error = grow((void **)&spans->items, &spans->room, spans->count,
			     sizeof(spans->items[0]));
		if (error)
			return error;
		spans->items[spans->count++] = (struct span){low, high, owner};
	}
	return 0;
}

static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	/* The narrower one last: it is found first. */
	return a->high > b->high ? -1 : a->high < b->high;
}

static void spans_sort(struct spans *spans)
{
	if (spans->count)
		qsort(spans->items, spans->count, sizeof(spans->items[0]), compare_spans);
}

static const struct span *spans_find(const struct spans *spans, Dwarf_Addr address)
{
	size_t low = 0, high = spans->count;
	unsigned tries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans->items[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	/* Spans may enclose others (nested functions), but not many. */
	for (tries = 0; tries < 16 && low > 0; tries++) {
		const struct span *span = &spans->items[--low];

		if (address < span->high)
			return span;
	}
	return NULL;
}

static int index_units(struct debuginfo *debuginfo, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, split;
	uint8_t type;
	int error;

	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
		struct unit *unit;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		error = grow((void **)&debuginfo->units, &debuginfo->units_room,
			     debuginfo->units_count, sizeof(debuginfo->units[0]));
		if (error)
			return error;
		unit = &debuginfo->units[debuginfo->units_count];
		*unit = (struct unit){.die = die};
		unit->code = type == DW_UT_skeleton && split.cu ? split : die;
		error = spans_add(&debuginfo->spans, &unit->die, debuginfo->units_count++);
		if (error)
			return error;
	}
	spans_sort(&debuginfo->spans);
	return 0;
}

int debuginfo_new(Dwfl_Module *module, struct debuginfo **ret_debuginfo)
{
	struct debuginfo *debuginfo = calloc(1, sizeof(*debuginfo));
	Dwarf *dwarf;
	int error = -ENOENT;

	if (!debuginfo)
		return -ENOMEM;
	dwarf = dwfl_module_getdwarf(module, &debuginfo->bias);
	if (dwarf)
		error = index_units(debuginfo, dwarf);
	if (error)
		debuginfo_free(debuginfo);
	else
		*ret_debuginfo = debuginfo;
	return error;
}

void debuginfo_free(struct debuginfo *debuginfo)
{
	size_t i;

	if (!debuginfo)
		return;
	for (i = 0; i < debuginfo->units_count; i++) {
		free(debuginfo->units[i].spans.items);
		free(debuginfo->units[i].functions);
		dwarfscopes_free(debuginfo->units[i].scopes);
	}
	for (i = 0; i < debuginfo->names_count; i++)
		free(debuginfo->names[i]);
	free(debuginfo->names);
	free(debuginfo->units);
	free(debuginfo->spans.items);
	free(debuginfo);
}

/* Finds the functions below die, in namespaces and classes too. */
static int index_functions(struct unit *unit, Dwarf_Die *die, unsigned nesting)
{
	Dwarf_Die child;
	int error = 0;

	if (nesting == NESTING_MAX || dwarf_child(die, &child) != 0)
		return 0;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			error = grow((void **)&unit->functions, &unit->functions_room,
				     unit->functions_count, sizeof(unit->functions[0]));
			if (error)
				return error;
			unit->functions[unit->functions_count] = child;
			error = spans_add(&unit->spans, &child, unit->functions_count++);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			error = index_functions(unit, &child, nesting + 1);
			break;
		default:
			break;
		}
		if (error)
			return error;
	} while (dwarf_siblingof(&child, &child) == 0);
	return 0;
}

/* The block or inlined call within die that the address is in. */
static bool step_in(Dwarf_Die *die, Dwarf_Addr address, Dwarf_Die *ret_child)
{
	Dwarf_Die child;

	if (dwarf_child(die, &child) != 0)
		return false;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_subprogram: /* nested functions of GNU C */
			if (dwarf_haspc(&child, address) == 1) {
				*ret_child = child;
				return true;
			}
			break;
		default:
			break;
		}
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

/* Collects the function and what is inlined at the address, outermost first. */
static size_t inlined_chain(const Dwarf_Die *function, Dwarf_Addr address, Dwarf_Die *chain)
{
	Dwarf_Die at = *function;
	size_t count = 0;
	unsigned steps;

	chain[count++] = at;
	for (steps = 0; steps < 1024 && count < DEBUGINFO_DEPTH_MAX; steps++) {
		if (!step_in(&at, address, &at))
			break;
		if (dwarf_tag(&at) == DW_TAG_subprogram)
			chain[0] = at, count = 1;
		else if (dwarf_tag(&at) == DW_TAG_inlined_subroutine)
			chain[count++] = at;
	}
	return count;
}

/* Qualifies the name of a frame without a linker's name. Returns 0 or -ENOMEM. */
static int qualify(struct debuginfo *debuginfo, struct unit *unit, Dwarf_Die *die,
		   struct debuginfo_frame *frame)
{
	char *name;
	int error;

	if (frame->linker_name || !frame->name || !dwarfscopes_apply(&unit->code))
		return 0;
	if (!unit->scopes)
		unit->scopes = dwarfscopes_new(&unit->code);
	if (!unit->scopes)
		return -ENOMEM;
	error = dwarfscopes_name(unit->scopes, die, &name);
	if (error)
		return error == -ENOMEM ? error : 0;
	error = grow((void **)&debuginfo->names, &debuginfo->names_room,
		     debuginfo->names_count, sizeof(debuginfo->names[0]));
	if (error) {
		free(name);
		return error;
	}
	debuginfo->names[debuginfo->names_count++] = name;
	frame->name = name;
	return 0;
}

static void set_names(Dwarf_Die *die, struct debuginfo_frame *frame)
{
	Dwarf_Attribute attribute;

	frame->linker_name = NULL;
	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		frame->linker_name = dwarf_formstring(&attribute);
	frame->name = dwarf_diename(die);
}

static Dwarf_Word number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, &value) == 0)
		return value;
	return 0;
}

/* Sets the place that called an inlined function. */
static void set_call_place(struct unit *unit, Dwarf_Die *inlined,
			   struct debuginfo_frame *frame)
{
	Dwarf_Files *files;
	size_t count;

	frame->line = (unsigned)number(inlined, DW_AT_call_line);
	frame->file = NULL;
	if (dwarf_getsrcfiles(&unit->code, &files, &count) == 0)
		frame->file =
			dwarf_filesrc(files, number(inlined, DW_AT_call_file), NULL, NULL);
}

static void set_line(struct unit *unit, Dwarf_Addr address, struct debuginfo_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	int number_of_line = 0;

	frame->file = NULL;
	frame->line = 0;
	if (!line)
		return;
	frame->file = dwarf_linesrc(line, NULL, NULL);
	if (dwarf_lineno(line, &number_of_line) == 0 && number_of_line > 0)
		frame->line = (unsigned)number_of_line;
}

int debuginfo_at(struct debuginfo *debuginfo, uint64_t address,
		 struct debuginfo_frame ret_frames[DEBUGINFO_DEPTH_MAX])
{
	Dwarf_Addr place = address - debuginfo->bias;
	const struct span *span = spans_find(&debuginfo->spans, place);
	Dwarf_Die chain[DEBUGINFO_DEPTH_MAX];
	struct unit *unit;
	size_t count, i;
	int error;

	if (!span)
		return 0;
	unit = &debuginfo->units[span->owner];
	if (!unit->indexed) {
		error = index_functions(unit, &unit->code, 0);
		if (error)
			return error;
		spans_sort(&unit->spans);
		unit->indexed = true;
	}
	set_line(unit, place, &ret_frames[0]);
	span = spans_find(&unit->spans, place);
	if (!span) {
		ret_frames[0].linker_name = NULL;
		ret_frames[0].name = NULL;
		return 1;
	}
	count = inlined_chain(&unit->functions[span->owner], place, chain);
	for (i = 0; i < count; i++) {
		Dwarf_Die *die = &chain[count - 1 - i];

		set_names(die, &ret_frames[i]);
		error = qualify(debuginfo, unit, die, &ret_frames[i]);
		if (error)
			return error;
		if (i + 1 < count)
			set_call_place(unit, die, &ret_frames[i + 1]);
	}
	return (int)count;
}
