/* SPDX-License-Identifier: MIT */
#include "restart.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "park.h"

#if defined(__x86_64__)
/* The call that the instructions in front of address make, as libc's functions do: "mov
 * $number, %eax; syscall" or "xor %eax, %eax; syscall". Returns it or -1. */
static long read_call(uintptr_t address)
{
	const uint8_t *p = (const uint8_t *)address;
	int32_t number;

	if (p[-2] != 0x0f || p[-1] != 0x05)
		return -1;
	if (p[-4] == 0x31 && p[-3] == 0xc0)
		return 0;
	if (p[-7] != 0xb8)
		return -1;
	memcpy(&number, p - 6, sizeof(number));
	return number;
}

/* The interrupted call, or -1: it is the very call that the thread was seen in. */
static long find_call(const struct parked *own, const greg_t *r)
{
	if (own->unasked)
		return read_call((uintptr_t)r[REG_RIP]);
	if (!own->sleeping || (uintptr_t)r[REG_RIP] != own->call.after ||
	    (uintptr_t)r[REG_RDI] != own->call.arguments[0] ||
	    (uintptr_t)r[REG_RSI] != own->call.arguments[1] ||
	    (uintptr_t)r[REG_RDX] != own->call.arguments[2])
		return -1;
	return own->call.number;
}

/* Begins an interrupted system call anew, if nothing has come back but EINTR. connect would
 * fail differently the second time (connect(2), EALREADY). */
void restart_call(const struct parked *own, ucontext_t *context)
{
	greg_t *r = context->uc_mcontext.gregs;
	long call;

	if (r[REG_RAX] != -EINTR)
		return;
	call = find_call(own, r);
	if (call < 0 || call == SYS_connect)
		return;
	r[REG_RAX] = call;
	r[REG_RIP] -= 2; /* the instruction: 0f 05 */
}
#elif defined(__aarch64__)
void restart_call(const struct parked *own, ucontext_t *context)
{
	mcontext_t *r = &context->uc_mcontext;

	if (!own->sleeping || own->call.number < 0 || own->call.number == SYS_connect ||
	    (long)r->regs[0] != -EINTR || r->pc != own->call.after ||
	    (long)r->regs[8] != own->call.number || r->regs[1] != own->call.arguments[1] ||
	    r->regs[2] != own->call.arguments[2])
		return;
	r->regs[0] = own->call.arguments[0];
	r->pc -= 4;
}
#else
void restart_call(const struct parked *own, ucontext_t *context)
{
	(void)own;
	(void)context;
}
#endif
