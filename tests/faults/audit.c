/* SPDX-License-Identifier: MIT */
/*
 * A library for LD_AUDIT: it lives in a namespace of its own, with a C library of its own,
 * is told of every object and every binding, and allocates each time (rtld-audit(7)).
 */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>

unsigned int la_version(unsigned int version);
unsigned int la_objopen(struct link_map *map, Lmid_t namespace, uintptr_t *cookie);
uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *from,
		       uintptr_t *to, unsigned int *flags, const char *name);

static void *volatile last;

static void allocate(size_t size)
{
	free(last);
	last = calloc(1, size);
}

unsigned int la_version(unsigned int version)
{
	allocate(100);
	return version;
}

unsigned int la_objopen(struct link_map *map, Lmid_t namespace, uintptr_t *cookie)
{
	(void)map;
	(void)namespace;
	(void)cookie;
	allocate(2000);
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *from,
		       uintptr_t *to, unsigned int *flags, const char *name)
{
	(void)index;
	(void)from;
	(void)to;
	(void)flags;
	(void)name;
	allocate(30);
	return symbol->st_value;
}
