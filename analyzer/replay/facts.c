/* SPDX-License-Identifier: MIT */
#include "facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

static char *string_new(struct mft_bytes bytes)
{
	return strndup((const char *)bytes.data, bytes.length);
}

static void strings_free(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

/* Splits at zero bytes; what follows the last one counts if there is anything. */
static char **argv_new(struct mft_bytes bytes)
{
	const char *p = (const char *)bytes.data, *end = p + bytes.length;
	size_t count = 1;
	char **argv;

	for (size_t i = 0; i < bytes.length; i++)
		count += bytes.data[i] == 0;
	argv = calloc(count + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	for (size_t i = 0; p < end; i++) {
		size_t length = strnlen(p, (size_t)(end - p));

		argv[i] = strndup(p, length);
		if (!argv[i]) {
			strings_free(argv);
			return NULL;
		}
		p += length + 1;
	}
	return argv;
}

int facts_process(struct profile *profile, struct mft_bytes payload)
{
	struct mft_process process;
	char *exe, *cwd, **argv;
	int r = mft_decode_process(payload, &process);

	if (r < 0 || profile->exe)
		return r;
	exe = string_new(process.exe);
	cwd = string_new(process.cwd);
	argv = argv_new(process.argv);
	if (!exe || !cwd || !argv) {
		free(exe);
		free(cwd);
		strings_free(argv);
		return -ENOMEM;
	}
	profile->exe = exe;
	profile->cwd = cwd;
	profile->argv = argv;
	profile->argv_cut = process.flags & MFT_PROCESS_ARGS_CUT;
	return 0;
}

int facts_thread(struct profile *profile, const struct mft_thread *thread)
{
	size_t count = profile->thread_list_count;
	struct profile_thread *list = profile->thread_list;
	char *name;

	/* Room doubles at each power of two. */
	if ((count & (count - 1)) == 0) {
		list = reallocarray(list, count ? 2 * count : 1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		profile->thread_list = list;
	}
	name = string_new(thread->name);
	if (!name)
		return -ENOMEM;
	list[profile->thread_list_count++] =
		(struct profile_thread){.tid = thread->tid, .name = name};
	return 0;
}

int facts_allocator(struct profile *profile, struct mft_bytes payload)
{
	struct mft_bytes path;
	int r = mft_decode_string(payload, &path);

	if (r < 0 || profile->allocator)
		return r;
	profile->allocator = string_new(path);
	return profile->allocator ? 0 : -ENOMEM;
}

static char *sentence_new(const struct mft_notice *notice)
{
	char *text = string_new(notice->text), *sentence = NULL;
	int n = -1;

	if (!text)
		return NULL;
	switch (notice->code) {
	case MFT_NOTICE_OWN_MALLOC:
		n = asprintf(&sentence,
			     "the program brings its own malloc (%s), which does not go "
			     "through the one that mftrace records",
			     text);
		break;
	case MFT_NOTICE_OPTION:
		n = asprintf(&sentence, "an option was not understood: %s", text);
		break;
	case MFT_NOTICE_FILTER:
	case MFT_NOTICE_UNSEEN:
		sentence = strdup(text);
		n = sentence ? 0 : -1;
		break;
	default:
		n = asprintf(&sentence, "notice %u: %s", notice->code, text);
		break;
	}
	free(text);
	return n < 0 ? NULL : sentence;
}

int facts_notice(struct profile *profile, struct mft_bytes payload)
{
	struct mft_notice notice;
	char *sentence, **notices;
	size_t count = 0;
	int r = mft_decode_notice(payload, &notice);

	if (r < 0)
		return r;
	sentence = sentence_new(&notice);
	if (!sentence)
		return -ENOMEM;
	while (profile->notices && profile->notices[count]) {
		if (strcmp(profile->notices[count++], sentence) == 0) {
			free(sentence);
			return 0;
		}
	}
	notices = reallocarray(profile->notices, count + 2, sizeof(*notices));
	if (!notices) {
		free(sentence);
		return -ENOMEM;
	}
	notices[count] = sentence;
	notices[count + 1] = NULL;
	profile->notices = notices;
	return 0;
}

int facts_complete(struct profile *profile)
{
	if (!profile->exe)
		profile->exe = strdup("");
	if (!profile->cwd)
		profile->cwd = strdup("");
	if (!profile->allocator)
		profile->allocator = strdup("");
	if (!profile->argv)
		profile->argv = calloc(1, sizeof(*profile->argv));
	if (!profile->notices)
		profile->notices = calloc(1, sizeof(*profile->notices));
	if (!profile->exe || !profile->cwd || !profile->allocator || !profile->argv ||
	    !profile->notices)
		return -ENOMEM;
	return 0;
}
