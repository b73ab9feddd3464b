/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "text.h"

const char config_help[] =
	"mftrace: options in MFTRACE_OPTIONS, key=value joined by ':'\n"
	"  output=PATH    dump file; %p is the pid, %e the program, %% and %: escape\n"
	"                 (default: mftrace.%e.%p.mft in the working directory)\n"
	"  depth=N        frames kept of a call stack, 1 to 256 (default: 128)\n"
	"  snapshots=0|1  whether to take snapshots of resident pages (default: 1)\n"
	"  interval=MS    time between snapshots, 0 for none (default: 1000)\n"
	"  leak_scan=0|1  whether to look for pointers to blocks at exit (default: 0)\n"
	"  scan_deadline=MS  after which that ends with what it has (default: 10000)\n"
	"  ring=SIZE      keeps the newest SIZE bytes of events (K, M, G; 4M at least)\n"
	"                 and what all others left behind (default: 0, all events)\n"
	"  verify=N       compares every Nth stack with libunwind's (default: 0, none)\n"
	"  help=1         prints this\n";

static bool parse_number(const char *value, size_t length, unsigned max,
			 unsigned *ret_number)
{
	const char *p = value;
	uint64_t number;

	if (!text_take_number(&p, value + length, 10, &number) || p != value + length ||
	    number > max)
		return false;
	*ret_number = (unsigned)number;
	return true;
}

/* A number of bytes, with K, M or G behind it or without. */
static bool parse_size(const char *value, size_t length, uint64_t max, uint64_t *ret_bytes)
{
	const char *p = value, *end = value + length;
	unsigned shift = 0;
	uint64_t number;

	if (!text_take_number(&p, end, 10, &number))
		return false;
	if (p + 1 == end) {
		const char *const units = "KMG", *unit = strchr(units, *p & ~0x20);

		if (!unit || !*unit)
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
		p++;
	}
	if (p != end || number > max >> shift)
		return false;
	*ret_bytes = number << shift;
	return true;
}

static bool parse_flag(const char *value, size_t length, bool *ret_flag)
{
	unsigned number;

	if (!parse_number(value, length, 1, &number))
		return false;
	*ret_flag = number != 0;
	return true;
}

static bool parse_pair(struct config *config, const char *key, size_t key_length,
		       const char *value, size_t length)
{
	unsigned number;

	if (text_equal(key, key_length, "output")) {
		if (length == 0 || length >= sizeof(config->output))
			return false;
		memcpy(config->output, value, length);
		config->output[length] = '\0';
		return true;
	}
	if (text_equal(key, key_length, "depth")) {
		if (!parse_number(value, length, CONFIG_DEPTH_MAX, &number) || number == 0)
			return false;
		config->depth = number;
		return true;
	}
	if (text_equal(key, key_length, "snapshots"))
		return parse_flag(value, length, &config->snapshots);
	if (text_equal(key, key_length, "interval"))
		return parse_number(value, length, 86400000, &config->interval_ms);
	if (text_equal(key, key_length, "leak_scan"))
		return parse_flag(value, length, &config->leak_scan);
	if (text_equal(key, key_length, "scan_deadline"))
		return parse_number(value, length, 86400000, &config->scan_deadline_ms);
	if (text_equal(key, key_length, "ring"))
		return parse_size(value, length, CONFIG_RING_BYTES_MAX,
				  &config->ring_bytes);
	if (text_equal(key, key_length, "verify"))
		return parse_number(value, length, 1000000000, &config->verify);
	if (text_equal(key, key_length, "help"))
		return parse_flag(value, length, &config->help);
	return false;
}

/* The end of the pair at p: the next colon that no '%' escapes. */
static const char *pair_end(const char *p)
{
	while (*p && *p != ':') {
		if (*p == '%' && p[1])
			p++;
		p++;
	}
	return p;
}

void config_parse(const char *options, struct config *ret_config)
{
	struct config *config = ret_config;
	const char *p = options;

	config->output[0] = '\0';
	config->depth = 128;
	config->snapshots = true;
	config->interval_ms = 1000;
	config->leak_scan = false;
	config->scan_deadline_ms = 10000;
	config->ring_bytes = 0;
	config->verify = 0;
	config->help = false;
	config->bad_option[0] = '\0';

	while (p && *p) {
		const char *end = pair_end(p);
		size_t length = (size_t)(end - p);
		const char *equals = memchr(p, '=', length);

		if (length &&
		    (!equals || !parse_pair(config, p, (size_t)(equals - p), equals + 1,
					    (size_t)(end - equals - 1))) &&
		    !config->bad_option[0]) {
			struct text bad;

			text_init(&bad, config->bad_option, sizeof(config->bad_option));
			text_add_bytes(&bad, p, length);
		}
		p = *end ? end + 1 : end;
	}
}

int config_expand(const char *template, int pid, const char *exe, char *path, size_t bytes)
{
	struct text text;

	text_init(&text, path, bytes);
	for (const char *p = template; *p; p++) {
		if (*p != '%' || !p[1]) {
			text_add_char(&text, *p);
			continue;
		}
		p++;
		switch (*p) {
		case 'p':
			text_add_number(&text, (uint64_t)pid);
			break;
		case 'e':
			text_add(&text, exe);
			break;
		case '%':
		case ':':
			text_add_char(&text, *p);
			break;
		default:
			text_add_char(&text, '%');
			text_add_char(&text, *p);
		}
	}
	if (text.cut)
		return -ENAMETOOLONG;
	return text.length ? 0 : -EINVAL;
}
