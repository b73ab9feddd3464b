/* SPDX-License-Identifier: MIT */
#include "dwarfscopes.h"

#include <dwarf.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define NAME_BYTES_MAX 16384
#define NONE UINT32_MAX

struct scope {
	Dwarf_Off offset;
	uint32_t parent; /* index, or NONE: the unit */
};

struct dwarfscopes {
	struct scope *items; /* by offset, which is the order of the tree */
	size_t count, room;
};

bool dwarfscopes_apply(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return true;
	}
	return false;
}

static int add(struct dwarfscopes *scopes, Dwarf_Off offset, uint32_t parent)
{
	if (scopes->count == scopes->room) {
		size_t room = scopes->room ? 2 * scopes->room : 256;
		struct scope *moved = realloc(scopes->items, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		scopes->items = moved;
		scopes->room = room;
	}
	scopes->items[scopes->count++] = (struct scope){offset, parent};
	return 0;
}

/* Adds what is below a DIE, as far as functions can be in it. */
static int walk(struct dwarfscopes *scopes, Dwarf_Die *die, uint32_t parent, unsigned depth)
{
	Dwarf_Die child;
	int error = 0;

	if (depth > DEPTH_MAX || dwarf_child(die, &child) != 0)
		return 0;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_namespace:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_subprogram:
			error = add(scopes, dwarf_dieoffset(&child), parent);
			if (!error)
				error = walk(scopes, &child, (uint32_t)scopes->count - 1,
					     depth + 1);
			break;
		case DW_TAG_lexical_block:
			error = walk(scopes, &child, parent, depth + 1);
			break;
		default:
			break;
		}
	} while (!error && scopes->count < NONE && dwarf_siblingof(&child, &child) == 0);
	return error;
}

struct dwarfscopes *dwarfscopes_new(Dwarf_Die *unit)
{
	struct dwarfscopes *scopes = calloc(1, sizeof(*scopes));

	if (scopes && walk(scopes, unit, NONE, 0)) {
		dwarfscopes_free(scopes);
		return NULL;
	}
	return scopes;
}

void dwarfscopes_free(struct dwarfscopes *scopes)
{
	if (!scopes)
		return;
	free(scopes->items);
	free(scopes);
}

/* The DIE that stands where the function was declared. */
static void go_to_declaration(Dwarf_Die *die)
{
	for (unsigned steps = 0; steps < DEPTH_MAX; steps++) {
		Dwarf_Attribute attribute;

		if (!dwarf_attr(die, DW_AT_abstract_origin, &attribute) &&
		    !dwarf_attr(die, DW_AT_specification, &attribute))
			return;
		if (!dwarf_formref_die(&attribute, die))
			return;
	}
}

/* The index of a DIE, or NONE. */
static uint32_t find(const struct dwarfscopes *scopes, Dwarf_Off offset)
{
	size_t low = 0, high = scopes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scopes->items[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < scopes->count && scopes->items[low].offset == offset ? (uint32_t)low
									  : NONE;
}

/* Puts "part::" in front of *name, which it takes over. */
static int put_in_front(char **name, const char *part)
{
	size_t bytes = strlen(part), rest = strlen(*name) + 1;
	char *longer;

	if (bytes + 2 + rest > NAME_BYTES_MAX)
		return -ENOENT;
	longer = malloc(bytes + 2 + rest);
	if (!longer)
		return -ENOMEM;
	memcpy(longer, part, bytes);
	memcpy(longer + bytes, "::", 2);
	memcpy(longer + bytes + 2, *name, rest);
	free(*name);
	*name = longer;
	return 0;
}

/* inner: the name of what is in it, which tells lambdas apart from other nameless types. */
static const char *scope_name(Dwarf_Die *die, const char *inner)
{
	const char *name = dwarf_diename(die);

	if (name)
		return name;
	if (dwarf_tag(die) == DW_TAG_namespace)
		return "(anonymous namespace)";
	return strncmp(inner, "operator()", 10) == 0 ? "{lambda}" : "{unnamed type}";
}

int dwarfscopes_name(const struct dwarfscopes *scopes, Dwarf_Die *function, char **ret_name)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(function->cu);
	Dwarf_Die die = *function;
	const char *own = dwarf_diename(function);
	char *name = own ? strdup(own) : NULL;
	int error = own && !name ? -ENOMEM : -ENOENT;
	uint32_t at;

	for (unsigned depth = 0; name && depth < DEPTH_MAX; depth++) {
		go_to_declaration(&die);
		at = find(scopes, dwarf_dieoffset(&die));
		if (at == NONE) {
			error = -ENOENT;
			break;
		}
		at = scopes->items[at].parent;
		if (at == NONE)
			break; /* the unit: error says whether there was a scope */
		if (!dwarf_offdie(dwarf, scopes->items[at].offset, &die)) {
			error = -ENOENT;
			break;
		}
		error = put_in_front(&name, scope_name(&die, name));
		if (error)
			break;
	}
	if (error) {
		free(name);
		return error;
	}
	*ret_name = name;
	return 0;
}
