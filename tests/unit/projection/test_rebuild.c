/* The projection is disposable: however it came to be, it gives the same bytes (D5). Random lives are
 * projected record by record, in one piece, and in pieces with restarts between. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/random_steps.h"
#include "tests/unit/projection/projecting.h"

#include <stdlib.h>
#include <string.h>

enum { LIVES = 12, STEPS = 220 };

static void assert_same(struct bytes left, struct bytes right)
{
	assert_int_equal(left.size, right.size);
	assert_memory_equal(left.data, right.data, left.size);
}

/* The states themselves are those of the store in memory that decided. */
static void assert_states_of_world(struct projection *projection, struct random_life *life, struct arena *arena)
{
	const struct entity_store *store = projection_entities(projection);
	struct world *world = life->world;
	arena_reset(world->step);
	for (size_t i = 0; i < life->node_count; i++)
		assert_same(message_pack(&world_node(world, life->nodes[i])->base, arena),
			    message_pack(&store->node(store->context, life->nodes[i], arena)->base, arena));
	for (size_t i = 0; i < life->workspace_count; i++)
		assert_same(message_pack(&world_workspace(world, life->workspaces[i])->base, arena),
			    message_pack(&store->workspace(store->context, life->workspaces[i], arena)->base, arena));
	for (size_t i = 0; i < life->session_count; i++)
		assert_same(message_pack(&world_session(world, life->sessions[i])->base, arena),
			    message_pack(&store->session(store->context, life->sessions[i], arena)->base, arena));
}

static struct bytes project_in_pieces(const char *folder, const struct world *world, struct arena *arena)
{
	struct projection *projection = open_in(folder, "pieces.db");
	size_t done = 0;
	for (size_t piece = 1; done < world->log_count; piece = piece * 3 % 31 + 1) {
		size_t to = done + piece > world->log_count ? world->log_count : done + piece;
		feed(projection, world, done, to);
		done = to;
		if (piece % 4 == 0) {
			projection_close(projection);
			projection = open_in(folder, "pieces.db");
		}
	}
	struct bytes answers = everything(projection, world->owner, arena);
	projection_close(projection);
	return answers;
}

static void test_however_it_was_built_the_answers_are_the_same_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		char *folder = make_folder();
		struct arena *arena = arena_new();
		struct random_life life;
		struct world *world = world_new();
		random_life_begin(&life, world, seed);
		for (int i = 0; i < STEPS; i++)
			random_step(&life);

		struct projection *one_by_one = open_in(folder, "grown.db");
		for (size_t i = 0; i < world->log_count; i++)
			feed(one_by_one, world, i, i + 1);
		struct bytes grown = everything(one_by_one, world->owner, arena);
		assert_true(grown.size > 10000);
		assert_states_of_world(one_by_one, &life, arena);

		struct projection *at_once = open_in(folder, "rebuilt.db");
		feed(at_once, world, 0, world->log_count);
		assert_same(grown, everything(at_once, world->owner, arena));

		struct projection_store store = projection_runner_store(one_by_one);
		struct error error = {0};
		assert_true(store.rebuild(store.context, "the test says so", &error));
		feed(one_by_one, world, 0, world->log_count);
		assert_same(grown, everything(one_by_one, world->owner, arena));
		projection_close(one_by_one);
		projection_close(at_once);

		assert_same(grown, project_in_pieces(folder, world, arena));
		random_life_end(&life);
		world_free(world);
		arena_free(arena);
		remove_folder(folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_however_it_was_built_the_answers_are_the_same_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
