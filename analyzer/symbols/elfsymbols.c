/* SPDX-License-Identifier: MIT */
#include "elfsymbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A symbol without a size is believed for so many bytes at most. */
#define SIZELESS_REACH 65536u

struct place {
	uint64_t start;
	uint64_t size;
	const char *name;
	unsigned char binding;
};

struct elfsymbols {
	size_t count;
	struct place places[];
};

static int binding_rank(unsigned char binding)
{
	return binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2;
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

static int compare(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	size_t a_length, b_length;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (!a->size != !b->size)
		return a->size ? -1 : 1;
	if (binding_rank(a->binding) != binding_rank(b->binding))
		return binding_rank(a->binding) - binding_rank(b->binding);
	if (underscores(a->name) != underscores(b->name))
		return underscores(a->name) < underscores(b->name) ? -1 : 1;
	a_length = strlen(a->name);
	b_length = strlen(b->name);
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return strcmp(a->name, b->name);
}

static size_t drop_aliases(struct place *places, size_t count)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (kept == 0 || places[kept - 1].start != places[i].start)
			places[kept++] = places[i];
	}
	return kept;
}

static bool is_function(const GElf_Sym *symbol, const char *name)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	if (!name || !*name || symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS)
		return false;
	/* Assembler code often has no type; "$x" and ".L" mark places, not functions. */
	return type == STT_FUNC || type == STT_GNU_IFUNC ||
	       (type == STT_NOTYPE && name[0] != '$' && name[0] != '.');
}

static bool is_object(const GElf_Sym *symbol, const char *name)
{
	return name && *name && symbol->st_shndx != SHN_UNDEF &&
	       GELF_ST_TYPE(symbol->st_info) == STT_OBJECT && symbol->st_size > 0;
}

int elfsymbols_new(Dwfl_Module *module, enum elfsymbols_kind kind,
		   struct elfsymbols **ret_symbols)
{
	int total = dwfl_module_getsymtab(module);
	struct elfsymbols *symbols;
	int i;

	if (total < 0)
		total = 0;
	symbols = malloc(sizeof(*symbols) + (size_t)total * sizeof(symbols->places[0]));
	if (!symbols)
		return -ENOMEM;
	symbols->count = 0;
	for (i = 0; i < total; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		const char *name;

		name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL,
					       NULL);
		if (kind == ELFSYMBOLS_OBJECTS ? !is_object(&symbol, name)
					       : !is_function(&symbol, name))
			continue;
		symbols->places[symbols->count++] = (struct place){
			.start = address,
			.size = symbol.st_size,
			.name = name,
			.binding = GELF_ST_BIND(symbol.st_info),
		};
	}
	qsort(symbols->places, symbols->count, sizeof(symbols->places[0]), compare);
	symbols->count = drop_aliases(symbols->places, symbols->count);
	*ret_symbols = symbols;
	return 0;
}

void elfsymbols_free(struct elfsymbols *symbols)
{
	free(symbols);
}

const char *elfsymbols_at(const struct elfsymbols *symbols, uint64_t address,
			  uint64_t *ret_offset)
{
	size_t low = 0, high = symbols->count;
	const struct place *found;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->places[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	found = &symbols->places[low - 1];
	if (address - found->start >= (found->size ? found->size : SIZELESS_REACH))
		return NULL;
	*ret_offset = address - found->start;
	return found->name;
}
