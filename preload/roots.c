/* SPDX-License-Identifier: MIT */
#include "roots.h"

#include <link.h>

#include "areas.h"
#include "mft_scan.h"
#include "pageset.h"
#include "park.h"
#include "recorder.h"

/* System V ABI, AMD64 supplement, 3.2.2: the 128 bytes below the stack pointer are a leaf
 * function's. */
#define RED_ZONE_BYTES 128u
/* A thread's descriptor, nptl's struct pthread (2304 bytes in glibc 2.36), is no larger. */
#define DESCRIPTOR_BYTES 2560u
/* Above a stack there is no more than its thread's storage and descriptor. */
#define DESCRIPTOR_WITHIN (64u * 1024)
/* Static storage further below the thread pointer is that of a loader unknown to us. */
#define STATIC_TLS_MOST (256u * 1024)

static uintptr_t static_tls_bytes; /* below the thread pointer */

static int learn_tls(struct dl_phdr_info *info, size_t bytes, void *context)
{
	uintptr_t pointer = (uintptr_t)__builtin_thread_pointer();
	uintptr_t start = (uintptr_t)info->dlpi_tls_data;

	(void)context;
	if (bytes < offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(void *))
		return 1;
	if (start && start < pointer && pointer - start < STATIC_TLS_MOST &&
	    pointer - start > static_tls_bytes)
		static_tls_bytes = pointer - start;
	return 0;
}

void roots_learn(void)
{
	static_tls_bytes = 0;
	dl_iterate_phdr(learn_tls, NULL);
}

/* ---- Writing ----------------------------------------------------------------------- */

static size_t put(struct recorder *r, enum mft_root_kind kind, uintptr_t start,
		  uintptr_t end, uint32_t module, int tid)
{
	const struct mft_scan_root root = {.kind = kind,
					   .start = start,
					   .length = end - start,
					   .module = module,
					   .tid = (uint32_t)tid};

	if (start >= end)
		return 0;
	return !recorder_room(r, 2 * MFT_HOT_BYTES_MAX) ||
	       mft_put_scan_root(&r->encoder, &root) < 0;
}

/* ---- Threads ----------------------------------------------------------------------- */

static void note_stack(const struct roots *roots, uintptr_t pointer)
{
	struct area *area = pointer ? areas_find(roots->areas, pointer) : NULL;

	if (area && (!area->lowest_stack || pointer < area->lowest_stack))
		area->lowest_stack = pointer;
}

static uintptr_t with_red_zone(const struct area *area, uintptr_t pointer)
{
	pointer = (pointer - RED_ZONE_BYTES) & ~(sizeof(uintptr_t) - 1);
	return pointer < area->start ? area->start : pointer;
}

static size_t put_stack(const struct roots *roots, uintptr_t pointer, int tid)
{
	const struct area *area = pointer ? areas_find(roots->areas, pointer) : NULL;

	if (!area || !area_is_scanned(area))
		return 0;
	return put(roots->recorder, MFT_ROOT_STACK, with_red_zone(area, pointer), area->end,
		   MFT_MODULE_NONE, tid);
}

/* The descriptor is at the thread pointer and above, static storage below (ELF Handling For
 * Thread-Local Storage, variant II); elsewhere it is the other way round. */
static size_t put_descriptor(const struct roots *roots, uintptr_t pointer, int tid)
{
	const struct area *area = pointer ? areas_find(roots->areas, pointer) : NULL;
	uintptr_t start, end;

	if (!area || !area_is_scanned(area))
		return 0;
#if defined(__x86_64__)
	start = pointer - static_tls_bytes;
	end = pointer + DESCRIPTOR_BYTES;
#else
	start = pointer - DESCRIPTOR_BYTES;
	end = pointer + STATIC_TLS_MOST;
#endif
	start &= ~(sizeof(uintptr_t) - 1);
	return put(roots->recorder, MFT_ROOT_TLS, start < area->start ? area->start : start,
		   end > area->end ? area->end : end, MFT_MODULE_NONE, tid);
}

static size_t put_threads(const struct roots *roots)
{
	size_t lost =
		put_stack(roots, roots->stack_pointer, roots->tid) +
		put_descriptor(roots, (uintptr_t)__builtin_thread_pointer(), roots->tid);

	for (size_t i = 0; i < roots->threads_count; i++) {
		const struct parked *thread = &roots->threads[i];

		if (thread->state == PARKED_GONE)
			continue;
		lost += put_stack(roots, thread->stack_pointer, thread->tid);
		if (thread->state != PARKED_STOPPED)
			continue;
		lost += put_descriptor(roots, thread->thread_pointer, thread->tid);
		lost += put(roots->recorder, MFT_ROOT_REGISTERS,
			    (uintptr_t)thread->registers,
			    (uintptr_t)(thread->registers + thread->registers_count),
			    MFT_MODULE_NONE, thread->tid);
	}
	return lost;
}

/* ---- Stacks without a thread ------------------------------------------------------- */

/* Whether a thread that is there has its descriptor at address, or might. */
static bool is_alive(const struct roots *roots, uintptr_t address)
{
	if (address == (uintptr_t)__builtin_thread_pointer())
		return true;
	for (size_t i = 0; i < roots->threads_count; i++) {
		const struct parked *thread = &roots->threads[i];

		if (thread->state == PARKED_RUNNING)
			return true;
		if (thread->state == PARKED_STOPPED && thread->thread_pointer == address)
			return true;
	}
	return false;
}

/* The descriptor at the end of what looks like a stack of glibc's, or 0. Its first and its
 * third word are its own address (nptl, tls.h, tcbhead_t: tcb and self). */
static uintptr_t find_descriptor(const struct roots *roots, const struct area *area)
{
#if defined(__x86_64__)
	uintptr_t lowest = area->end - DESCRIPTOR_WITHIN;
	uintptr_t address = (area->end - 4 * sizeof(uintptr_t)) & ~(uintptr_t)63;

	if (lowest < area->start || lowest > area->end)
		lowest = area->start;
	for (; address >= lowest && address < area->end; address -= 64) {
		const uintptr_t *words = (const uintptr_t *)address;

		if (!(pageset_get(roots->pages, address) & PAGESET_PRESENT))
			continue;
		if (words[0] == address && words[2] == address)
			return address;
	}
#else
	(void)roots;
	(void)area;
#endif
	return 0;
}

/* ---- Areas ------------------------------------------------------------------------- */

/* An anonymous mapping that is not known to be the allocator's. */
static size_t put_mapping(const struct roots *roots, const struct area *area)
{
	uintptr_t descriptor = 0, end = area->end;

	if (area->guarded && area->lowest_stack)
		return 0; /* its stack is a root already */
	if (area->guarded && area_is_anonymous(area))
		descriptor = find_descriptor(roots, area);
	if (descriptor && !is_alive(roots, descriptor)) {
		if (end - descriptor > DESCRIPTOR_BYTES)
			end = descriptor + DESCRIPTOR_BYTES;
		return put(roots->recorder, MFT_ROOT_TLS, descriptor, end, MFT_MODULE_NONE,
			   0);
	}
	return put(roots->recorder, MFT_ROOT_MAPPING, area->start, end, MFT_MODULE_NONE, 0);
}

static size_t put_area(const struct roots *roots, const struct area *area)
{
	switch (area->kind) {
	case AREA_BRK:
	case AREA_ARENA:
		return put(roots->recorder, MFT_ROOT_HEAP, area->start, area->end,
			   MFT_MODULE_NONE, 0);
	case AREA_MODULE:
		return put(roots->recorder, MFT_ROOT_MODULE, area->start, area->end,
			   area->module, 0);
	case AREA_MAIN_STACK:
		if (area->lowest_stack)
			return 0;
		return put(roots->recorder, MFT_ROOT_MAPPING, area->start, area->end,
			   MFT_MODULE_NONE, 0);
	case AREA_ANON:
	case AREA_OTHER:
		return put_mapping(roots, area);
	default:
		return 0;
	}
}

size_t roots_write(const struct roots *roots)
{
	size_t lost;

	note_stack(roots, roots->stack_pointer);
	for (size_t i = 0; i < roots->threads_count; i++)
		if (roots->threads[i].state != PARKED_GONE)
			note_stack(roots, roots->threads[i].stack_pointer);
	lost = put_threads(roots);
	for (size_t i = 0; i < roots->areas->count; i++)
		lost += put_area(roots, &roots->areas->items[i]);
	return lost;
}
