/* SPDX-License-Identifier: MIT */
#include "order.h"

#include <stdbool.h>

__attribute__((aligned(ORDER_ALIGNMENT))) uint64_t order_words[ORDER_WORDS];

void order_touch_other(struct order *order, uint64_t *word)
{
	const uint64_t owner_mask = (1u << ORDER_OWNER_BITS) - 1;
	uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	for (;;) {
		uint64_t clock = order->clock;

		/* Also where the word is ours but newer: a fork wiped our memory of it. */
		if ((seen & owner_mask) != order->owner || seen > order->word) {
			if (seen >> ORDER_OWNER_BITS > clock)
				clock = seen >> ORDER_OWNER_BITS;
			if (seen)
				clock++;
		}
		/* Partner: the same exchange in another thread. Words only ever grow, so
		 * whoever comes later on this address sees at least our clock. */
		if (__atomic_compare_exchange_n(
			    word, &seen, clock << ORDER_OWNER_BITS | order->owner, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			order_advance(order, clock);
			return;
		}
	}
}
