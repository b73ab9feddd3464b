/* SPDX-License-Identifier: MIT */
/* The example of README.md: many short-lived blocks, and a few long-lived ones among them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_request(int number)
{
	char *request = malloc(2000);

	snprintf(request, 2000, "request %d", number);
	return request;
}

static char *open_session(int number)
{
	char *session = malloc(48);

	snprintf(session, 48, "session %d", number);
	return session;
}

int main(void)
{
	static char *requests[20000], *sessions[20000];

	for (int i = 0; i < 20000; i++) {
		requests[i] = read_request(i);
		sessions[i] = open_session(i);
	}
	for (int i = 0; i < 20000; i++) {
		free(requests[i]);
		if (i % 10)
			free(sessions[i]);
	}
	return 0;
}
