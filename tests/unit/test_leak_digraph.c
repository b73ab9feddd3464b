/* SPDX-License-Identifier: MIT */
/* Components and dominators of graphs whose truth is known, by hand or by the definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "digraph.h"

#define NODES_MOST 16

struct edge {
	uint32_t from, to;
};

struct made {
	struct digraph graph;
	uint32_t *first, *target;
};

static void make(struct made *made, uint32_t nodes, const struct edge *edges, size_t count)
{
	made->first = calloc(nodes + 2, sizeof(uint32_t));
	made->target = calloc(count + 1, sizeof(uint32_t));
	assert_non_null(made->first);
	assert_non_null(made->target);
	for (size_t i = 0; i < count; i++)
		made->first[edges[i].from + 1]++;
	for (uint32_t n = 0; n < nodes; n++)
		made->first[n + 1] += made->first[n];
	for (size_t i = 0; i < count; i++)
		made->target[made->first[edges[i].from]++] = edges[i].to;
	memmove(made->first + 1, made->first, nodes * sizeof(uint32_t));
	made->first[0] = 0;
	made->graph = (struct digraph){nodes, made->first, made->target};
}

static void unmake(struct made *made)
{
	free(made->first);
	free(made->target);
}

#define MAKE(made, nodes, edges)                                                           \
	make(made, nodes, edges, sizeof(edges) / sizeof((edges)[0]))

/* ---- Components --------------------------------------------------------------------- */

static void a_chain_has_a_component_for_each_node(void **state)
{
	static const struct edge edges[] = {{0, 1}, {1, 2}, {2, 3}};
	uint32_t component[4], count;
	struct made made;

	(void)state;
	MAKE(&made, 4, edges);
	assert_int_equal(digraph_components(&made.graph, component, &count), 0);
	assert_int_equal(count, 4);
	/* An edge leads to the smaller number. */
	for (int i = 0; i < 3; i++)
		assert_true(component[i] > component[i + 1]);
	unmake(&made);
}

static void a_figure_eight_is_one_component(void **state)
{
	/* Two rings that share node 2; 5 hangs on them, 6 leads in. */
	static const struct edge edges[] = {{0, 1}, {1, 2}, {2, 0}, {2, 3},
					    {3, 4}, {4, 2}, {4, 5}, {6, 1}};
	uint32_t component[7], count;
	struct made made;

	(void)state;
	MAKE(&made, 7, edges);
	assert_int_equal(digraph_components(&made.graph, component, &count), 0);
	assert_int_equal(count, 3);
	for (int i = 1; i < 5; i++)
		assert_int_equal(component[i], component[0]);
	assert_true(component[5] < component[0]);
	assert_true(component[6] > component[0]);
	unmake(&made);
}

static void self_loops_and_double_edges_join_nothing(void **state)
{
	static const struct edge edges[] = {{0, 0}, {0, 1}, {0, 1}, {1, 1}};
	uint32_t component[2], count;
	struct made made;

	(void)state;
	MAKE(&made, 2, edges);
	assert_int_equal(digraph_components(&made.graph, component, &count), 0);
	assert_int_equal(count, 2);
	assert_true(component[0] > component[1]);
	unmake(&made);
}

/* ---- Against the definitions -------------------------------------------------------- */

/* Which nodes are reached from one, if another is not there (NODES_MOST: all are). */
static void reach_without(const struct digraph *graph, uint32_t from, uint32_t without,
			  bool *reached)
{
	uint32_t stack[NODES_MOST], depth = 0;

	memset(reached, 0, graph->nodes * sizeof(*reached));
	if (from == without)
		return;
	reached[from] = true;
	stack[depth++] = from;
	while (depth > 0) {
		uint32_t n = stack[--depth];

		for (uint32_t e = graph->first[n]; e < graph->first[n + 1]; e++) {
			uint32_t to = graph->target[e];

			if (to == without || reached[to])
				continue;
			reached[to] = true;
			stack[depth++] = to;
		}
	}
}

/* d dominates n where n is reached, but not without d. */
static void check_dominators(const struct digraph *graph)
{
	uint32_t dominator[NODES_MOST], order[NODES_MOST], reached_count;
	bool all[NODES_MOST], without[NODES_MOST][NODES_MOST];
	uint32_t seen = 0;

	assert_int_equal(digraph_dominators(graph, 0, dominator, order, &reached_count), 0);
	reach_without(graph, 0, NODES_MOST, all);
	for (uint32_t d = 0; d < graph->nodes; d++)
		reach_without(graph, 0, d, without[d]);
	for (uint32_t n = 0; n < graph->nodes; n++) {
		uint32_t dominators = 0, of_dominator = 0, idom = dominator[n];

		seen += all[n];
		if (n == 0 || !all[n]) {
			assert_int_equal(idom, DIGRAPH_NONE);
			continue;
		}
		assert_true(idom < graph->nodes && idom != n);
		assert_false(without[idom][n]);
		/* The immediate one is dominated by all the others. */
		for (uint32_t d = 0; d < graph->nodes; d++) {
			dominators += d != n && !without[d][n];
			of_dominator += !without[d][idom] && all[idom];
		}
		assert_int_equal(dominators, of_dominator);
	}
	assert_int_equal(reached_count, seen);
	for (uint32_t k = 1; k < reached_count; k++) {
		bool before = false;

		for (uint32_t j = 0; j < k; j++)
			before |= order[j] == dominator[order[k]];
		assert_true(before);
	}
}

static void check_components(const struct digraph *graph)
{
	uint32_t component[NODES_MOST], count;
	bool reached[NODES_MOST][NODES_MOST];

	assert_int_equal(digraph_components(graph, component, &count), 0);
	for (uint32_t n = 0; n < graph->nodes; n++)
		reach_without(graph, n, NODES_MOST, reached[n]);
	for (uint32_t a = 0; a < graph->nodes; a++) {
		assert_true(component[a] < count);
		for (uint32_t b = 0; b < graph->nodes; b++) {
			assert_int_equal(component[a] == component[b],
					 reached[a][b] && reached[b][a]);
			if (reached[a][b])
				assert_true(component[a] >= component[b]);
		}
	}
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

static void random_graphs_are_as_defined(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		uint32_t nodes = 1 + next_random(&seed) % NODES_MOST;
		struct edge edges[64];
		size_t count = next_random(&seed) % (3 * nodes);
		struct made made;

		for (size_t i = 0; i < count; i++)
			edges[i] = (struct edge){next_random(&seed) % nodes,
						 next_random(&seed) % nodes};
		make(&made, nodes, edges, count);
		check_components(&made.graph);
		check_dominators(&made.graph);
		unmake(&made);
	}
}

static void a_diamond_is_dominated_by_its_top(void **state)
{
	static const struct edge edges[] = {{0, 1}, {1, 2}, {1, 3}, {2, 4}, {3, 4}, {4, 5}};
	uint32_t dominator[6], order[6], reached;
	struct made made;

	(void)state;
	MAKE(&made, 6, edges);
	assert_int_equal(digraph_dominators(&made.graph, 0, dominator, order, &reached), 0);
	assert_int_equal(reached, 6);
	assert_int_equal(dominator[4], 1);
	assert_int_equal(dominator[5], 4);
	assert_int_equal(dominator[2], 1);
	unmake(&made);
}

/* The example of the paper by Lengauer and Tarjan, figure 1: R A B C D E F G H I J K L. */
static void the_papers_example_comes_out(void **state)
{
	enum {
		R,
		A,
		B,
		C,
		D,
		E,
		F,
		G,
		H,
		I,
		J,
		K,
		L,
		COUNT
	};
	static const struct edge edges[] = {
		{R, A}, {R, B}, {R, C}, {A, D}, {B, A}, {B, D}, {B, E},
		{C, F}, {C, G}, {D, L}, {E, H}, {F, I}, {G, I}, {G, J},
		{H, E}, {H, K}, {I, K}, {J, I}, {K, R}, {K, I}, {L, H},
	};
	static const uint32_t expected[COUNT] = {
		DIGRAPH_NONE, R, R, R, R, R, C, C, R, R, G, R, D};
	uint32_t dominator[COUNT], order[COUNT], reached;
	struct made made;

	(void)state;
	MAKE(&made, COUNT, edges);
	assert_int_equal(digraph_dominators(&made.graph, R, dominator, order, &reached), 0);
	assert_memory_equal(dominator, expected, sizeof(expected));
	unmake(&made);
}

/* ---- Large ones --------------------------------------------------------------------- */

#define LONG 1000000u

static void a_chain_of_a_million_needs_no_stack(void **state)
{
	uint32_t *first = malloc((LONG + 1) * sizeof(*first));
	uint32_t *target = malloc(LONG * sizeof(*target));
	uint32_t *component = malloc(LONG * sizeof(*component));
	uint32_t *dominator = malloc(LONG * sizeof(*dominator));
	uint32_t *order = malloc(LONG * sizeof(*order));
	struct digraph graph = {LONG, first, target};
	uint32_t count, reached;

	(void)state;
	assert_true(first && target && component && dominator && order);
	for (uint32_t n = 0; n < LONG; n++) {
		first[n] = n;
		target[n] = n + 1;
	}
	first[LONG] = LONG - 1; /* the last has no edge */
	assert_int_equal(digraph_components(&graph, component, &count), 0);
	assert_int_equal(count, LONG);
	assert_int_equal(digraph_dominators(&graph, 0, dominator, order, &reached), 0);
	assert_int_equal(reached, LONG);
	assert_int_equal(dominator[LONG - 1], LONG - 2);
	/* Closed, it is one. */
	first[LONG] = LONG;
	target[LONG - 1] = 0;
	assert_int_equal(digraph_components(&graph, component, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(digraph_dominators(&graph, LONG / 2, dominator, order, &reached),
			 0);
	assert_int_equal(reached, LONG);
	assert_int_equal(dominator[0], LONG - 1);
	assert_int_equal(dominator[LONG / 2], DIGRAPH_NONE);
	free(first);
	free(target);
	free(component);
	free(dominator);
	free(order);
}

static void no_nodes_are_fine(void **state)
{
	const uint32_t first[1] = {0};
	const struct digraph graph = {0, first, NULL};
	uint32_t count = 7;

	(void)state;
	assert_int_equal(digraph_components(&graph, NULL, &count), 0);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_has_a_component_for_each_node),
		cmocka_unit_test(a_figure_eight_is_one_component),
		cmocka_unit_test(self_loops_and_double_edges_join_nothing),
		cmocka_unit_test(random_graphs_are_as_defined),
		cmocka_unit_test(a_diamond_is_dominated_by_its_top),
		cmocka_unit_test(the_papers_example_comes_out),
		cmocka_unit_test(a_chain_of_a_million_needs_no_stack),
		cmocka_unit_test(no_nodes_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
