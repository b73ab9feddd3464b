/* SPDX-License-Identifier: MIT */
/* To be preloaded: stands in front of malloc and free, and does nothing but call them. What
 * it adds is what no recorder that is preloaded can be without. */
#include <dlfcn.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

static void *(*real_malloc)(size_t);
static void (*real_free)(void *);

static void resolve(void)
{
	*(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&real_free = dlsym(RTLD_NEXT, "free");
}

EXPORT void *malloc(size_t size)
{
	if (__builtin_expect(!real_malloc, 0))
		resolve();
	return real_malloc(size);
}

EXPORT void free(void *p)
{
	if (__builtin_expect(!real_free, 0))
		resolve();
	real_free(p);
}
