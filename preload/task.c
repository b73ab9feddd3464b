/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <errno.h>
#include <string.h>

#include "process.h"
#include "sys.h"
#include "text.h"

/* Reads /proc/self/task/TID/NAME. Returns the length or -errno. */
static long read_task(int tid, const char *name, char *buffer, size_t bytes)
{
	char path[64];
	struct text text;

	text_init(&text, path, sizeof(path));
	text_add(&text, "/proc/self/task/");
	text_add_number(&text, (uint64_t)tid);
	text_add_char(&text, '/');
	text_add(&text, name);
	return sys_read_file(path, buffer, bytes);
}

bool task_blocks(int tid, int signal)
{
	char status[4096];
	long length = read_task(tid, "status", status, sizeof(status));
	const char *line = length > 0 ? strstr(status, "\nSigBlk:\t") : NULL;
	uint64_t mask;

	if (!line)
		return false;
	line += 9;
	return text_take_number(&line, status + length, 16, &mask) &&
	       mask >> (signal - 1) & 1;
}

/* "number 0xargument0 ... 0xargument5 0xstack_pointer 0xpc", "-1 0xsp 0xpc" outside of a
 * system call, or "running". */
int task_read_call(int tid, struct task_call *ret_call, uintptr_t *ret_stack_pointer)
{
	char line[256];
	long length = read_task(tid, "syscall", line, sizeof(line));
	const char *p = line, *end = line + length;
	uint64_t numbers[9] = {0};
	unsigned count = 0;
	bool outside;

	if (length <= 0)
		return -EACCES;
	outside = *p == '-';
	p += outside;
	while (count < 9 && p < end) {
		if (end - p > 2 && p[0] == '0' && p[1] == 'x')
			p += 2;
		if (!text_take_number(&p, end, count ? 16 : 10, &numbers[count]))
			return -EAGAIN;
		count++;
		p++;
	}
	if (outside ? count < 3 : count < 9)
		return -EAGAIN;
	*ret_stack_pointer = numbers[count - 2];
	if (outside)
		return 0;
	ret_call->number = (long)numbers[0];
	for (unsigned i = 0; i < 6; i++)
		ret_call->arguments[i] = numbers[1 + i];
	ret_call->after = numbers[8];
	return 1;
}

bool task_is_gone(int tid)
{
	return SYS3(SYS_tgkill, process.pid, tid, 0) == -ESRCH;
}
