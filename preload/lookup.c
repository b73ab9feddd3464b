/* SPDX-License-Identifier: MIT */
#include "lookup.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define VERSION_HIDDEN 0x8000 /* not the default one */

/* The tables of one module; those it does not have are NULL. */
struct tables {
	uintptr_t bias;
	const ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *gnu_hash;
	const uint32_t *hash; /* with words of 32 bits, as on all but Alpha and s390x */
	const ElfW(Half) * versions;
};

/* Some loaders have relocated the addresses in a dynamic section, others have not. */
static const void *table_at(uintptr_t bias, uintptr_t address)
{
	return (const void *)(address < bias ? address + bias : address);
}

static bool read_tables(uintptr_t bias, const ElfW(Phdr) * headers, size_t count,
			struct tables *ret_tables)
{
	struct tables tables = {.bias = bias};
	const ElfW(Dyn) *dynamic = NULL;

	for (size_t i = 0; i < count; i++)
		if (headers[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(bias + headers[i].p_vaddr);
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
		const void *table = table_at(bias, dynamic->d_un.d_ptr);

		switch (dynamic->d_tag) {
		case DT_SYMTAB:
			tables.symbols = table;
			break;
		case DT_STRTAB:
			tables.names = table;
			break;
		case DT_GNU_HASH:
			tables.gnu_hash = table;
			break;
		case DT_HASH:
			tables.hash = table;
			break;
		case DT_VERSYM:
			tables.versions = table;
			break;
		default:
			break;
		}
	}
	*ret_tables = tables;
	return tables.symbols && tables.names && (tables.gnu_hash || tables.hash);
}

static bool is_wanted(const struct tables *tables, uint32_t index, const char *name)
{
	const ElfW(Sym) *symbol = &tables->symbols[index];
	unsigned type = symbol->st_info & 0xf, binding = symbol->st_info >> 4;

	if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value)
		return false;
	if (type != STT_FUNC && type != STT_NOTYPE && type != STT_GNU_IFUNC)
		return false;
	if (binding != STB_GLOBAL && binding != STB_WEAK)
		return false;
	if (tables->versions && (tables->versions[index] & VERSION_HIDDEN))
		return false;
	return !strcmp(tables->names + symbol->st_name, name);
}

static const ElfW(Sym) * find_by_gnu_hash(const struct tables *tables, const char *name)
{
	const uint32_t buckets = tables->gnu_hash[0], first = tables->gnu_hash[1];
	const uint32_t words = tables->gnu_hash[2], shift = tables->gnu_hash[3];
	const uint32_t bits = 8 * sizeof(uintptr_t);
	const uintptr_t *filter = (const uintptr_t *)(const void *)(tables->gnu_hash + 4);
	const uint32_t *bucket = (const uint32_t *)(const void *)(filter + words);
	const uint32_t *chain = bucket + buckets;
	uint32_t hash = 5381, index;
	uintptr_t word;

	for (const char *p = name; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	if (!buckets || !words)
		return NULL;
	word = filter[hash / bits % words];
	if (!(word >> hash % bits & word >> (hash >> shift) % bits & 1))
		return NULL;
	index = bucket[hash % buckets];
	if (index < first)
		return NULL;
	do {
		if ((chain[index - first] | 1) == (hash | 1) &&
		    is_wanted(tables, index, name))
			return &tables->symbols[index];
	} while (!(chain[index++ - first] & 1));
	return NULL;
}

static const ElfW(Sym) * find_by_hash(const struct tables *tables, const char *name)
{
	const uint32_t buckets = tables->hash[0];
	const uint32_t *bucket = tables->hash + 2, *chain = bucket + buckets;
	uint32_t hash = 0;

	for (const char *p = name; *p; p++) {
		hash = (hash << 4) + (unsigned char)*p;
		hash ^= hash >> 24 & 0xf0;
		hash &= 0x0fffffff;
	}
	if (!buckets)
		return NULL;
	for (uint32_t i = bucket[hash % buckets]; i != STN_UNDEF; i = chain[i])
		if (is_wanted(tables, i, name))
			return &tables->symbols[i];
	return NULL;
}

static void *find(const struct tables *tables, const char *name)
{
	const ElfW(Sym) *symbol = tables->gnu_hash ? find_by_gnu_hash(tables, name)
						   : find_by_hash(tables, name);

	if (!symbol)
		return NULL;
	/* Who chooses among implementations is the loader's to ask; and here it finds one.
	 */
	if ((symbol->st_info & 0xf) == STT_GNU_IFUNC)
		return dlsym(RTLD_NEXT, name);
	return (void *)(tables->bias + symbol->st_value);
}

struct search {
	const struct lookup *names;
	size_t count;
	size_t filled;
	uintptr_t vdso;
	bool behind;	/* only modules behind this library */
	bool seen_self; /* it has been passed */
	uint64_t found; /* bit i: names[i] has its nearest one */
};

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD &&
		    address - (info->dlpi_addr + header->p_vaddr) < header->p_memsz)
			return true;
	}
	return false;
}

static int search_module(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *search = data;
	struct tables tables;

	(void)size;
	if (holds(info, (uintptr_t)&lookup_behind)) {
		search->seen_self = true;
		return 0;
	}
	/* The vdso is in the list, but nobody's names are bound to it. */
	if ((search->behind && !search->seen_self) || holds(info, search->vdso) ||
	    !read_tables(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, &tables))
		return 0;
	for (size_t i = 0; i < search->count; i++) {
		void *address;

		if (search->found >> i & 1)
			continue;
		address = find(&tables, search->names[i].name);
		if (!address)
			continue;
		__atomic_store_n(search->names[i].slot, address, __ATOMIC_RELEASE);
		search->found |= UINT64_C(1) << i;
		search->filled++;
	}
	return search->filled == search->count;
}

static size_t search_modules(const struct lookup *names, size_t count, bool behind)
{
	struct search search = {.names = names,
				.count = count,
				.vdso = getauxval(AT_SYSINFO_EHDR),
				.behind = behind};

	(void)dl_iterate_phdr(search_module, &search);
	return search.filled;
}

size_t lookup_behind(const struct lookup *names, size_t count)
{
	return search_modules(names, count, true);
}

size_t lookup_elsewhere(const struct lookup *names, size_t count)
{
	return search_modules(names, count, false);
}

void *lookup_in(const void *header, const char *name)
{
	const ElfW(Ehdr) *elf = header;
	const ElfW(Phdr) *headers = (const void *)((const char *)header + elf->e_phoff);
	struct tables tables;

	for (size_t i = 0; i < elf->e_phnum; i++)
		if (headers[i].p_type == PT_LOAD)
			return read_tables((uintptr_t)header - headers[i].p_vaddr, headers,
					   elf->e_phnum, &tables)
				       ? find(&tables, name)
				       : NULL;
	return NULL;
}
