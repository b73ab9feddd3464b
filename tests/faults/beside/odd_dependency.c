/* SPDX-License-Identifier: MIT */
/* What odd_plugin.c finds beside itself. */
const char *dependency_name(void);

const char *dependency_name(void)
{
	return "the library beside it";
}
