/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pins_done(struct pins *pins)
{
	free(pins->sites);
	memset(pins, 0, sizeof(*pins));
}

int pins_make_room(struct pins *pins, size_t sites_count)
{
	size_t room = sites_count + sites_count / 2 + 16;
	struct pins_site *sites;

	if (sites_count <= pins->room)
		return 0;
	sites = reallocarray(pins->sites, room, sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	memset(sites + pins->room, 0, (room - pins->room) * sizeof(*sites));
	pins->sites = sites;
	pins->room = room;
	return 0;
}
