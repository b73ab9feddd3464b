/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "modules.h"
#include "process.h"
#include "real.h"
#include "sys.h"
#include "text.h"

void identity_read_names(void)
{
	long length = SYS4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", process.exe,
			   sizeof(process.exe) - 1);
	const char *given;

	process.exe[length > 0 ? length : 0] = '\0';
	if (length <= 0) {
		given = (const char *)getauxval(AT_EXECFN);
		if (given && strlen(given) < sizeof(process.exe))
			strcpy(process.exe, given);
	}
	length = SYS2(SYS_getcwd, process.cwd, sizeof(process.cwd));
	if (length <= 0)
		process.cwd[0] = '\0';
}

/* The path of the module that holds address, or "". The program's own module may have a
 * relative name there. */
static void read_module(const void *address, char *ret_path, size_t bytes)
{
	Dl_info info;
	struct text text;

	text_init(&text, ret_path, bytes);
	if (!dladdr(address, &info) || !info.dli_fname)
		return;
	if (info.dli_fname[0] == '/')
		text_add(&text, info.dli_fname);
	else
		text_add(&text, process.exe);
}

/* Whose malloc serves the program, and whether it is called before ours is: a program that
 * defines malloc itself never comes to us, and its profile would be empty without a word.
 */
void identity_read_allocator(void)
{
	const void *first = dlsym(RTLD_DEFAULT, "malloc");
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	read_module((const void *)(uintptr_t)real.malloc, process.allocator,
		    sizeof(process.allocator));
	process.own_malloc[0] = '\0';
	if (!first || modules_is_own((uintptr_t)first))
		return;
	/* In a program at a fixed address it may be the stub through which it calls others:
	 * such a symbol is undefined and yet has a value (ELF gABI, "Symbol Values"). */
	if (dladdr1(first, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
	    symbol->st_shndx != SHN_UNDEF)
		read_module(first, process.own_malloc, sizeof(process.own_malloc));
}

/* Field 22 of /proc/self/stat; the name in field 2 may hold blanks and parentheses. */
uint64_t identity_start_ticks(void)
{
	char stat[1024];
	long length = sys_read_file("/proc/self/stat", stat, sizeof(stat));
	const char *p = length > 0 ? strrchr(stat, ')') : NULL;
	uint64_t ticks = 0;

	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	if (p)
		(void)text_take_number(&p, stat + length, 10, &ticks);
	return ticks;
}

/* /proc/sys/kernel/random/boot_id: a UUID in text. */
void identity_boot_id(uint8_t *ret_id)
{
	char uuid[64];
	long length = sys_read_file("/proc/sys/kernel/random/boot_id", uuid, sizeof(uuid));
	unsigned nibbles = 0;

	for (long i = 0; i < length && nibbles < 32; i++) {
		const char *p = &uuid[i];
		uint64_t digit;

		if (!text_take_number(&p, &uuid[i] + 1, 16, &digit))
			continue;
		ret_id[nibbles / 2] |= (uint8_t)(nibbles % 2 ? digit : digit << 4);
		nibbles++;
	}
}

int identity_describe(struct mft_encoder *encoder)
{
	static char arguments[24 * 1024];
	long length = sys_read_file("/proc/self/cmdline", arguments, sizeof(arguments));
	struct mft_long record;

	mft_long_begin(encoder, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record,
			length == (long)sizeof(arguments) - 1 ? MFT_PROCESS_ARGS_CUT : 0);
	mft_long_bytes(&record, process.exe, strlen(process.exe));
	mft_long_bytes(&record, process.cwd, strlen(process.cwd));
	mft_long_bytes(&record, arguments, length > 0 ? (size_t)length : 0);
	return mft_long_end(encoder, &record, MFT_OP_PROCESS);
}
