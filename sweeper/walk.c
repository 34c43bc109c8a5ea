/* The ids of all nodes are read at the start; each node's state is read again when its inventory is
 * there, since only that which the projection says after the inventory can be compared with it. */
#include "sweeper/walk.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_AT_ONCE = 4, NODES_PER_PAGE = 100, CATCH_UP_TIMEOUT_MS = 5000 };

struct walk {
	struct walk_settings settings;
	struct arena *arena;
	char (*nodes)[27];
	size_t count, room, asked;
	uint32_t under_way, turn;
};

/* One node that is being looked at. */
struct visit {
	struct walk *walk;
	struct inventory *inventory;
	char node_id[27];
	int64_t asked_at_ms;
};

static void go_on(struct walk *walk);

/* ---- one node ---- */

static void leave(struct visit *visit, const struct error *error)
{
	struct walk *walk = visit->walk;
	if (error != NULL)
		walk->settings.failed(walk->settings.context, visit->node_id, error);
	inventory_free(visit->inventory);
	free(visit);
	walk->under_way--;
	go_on(walk);
}

static bool look_at(struct visit *visit, struct arena *arena, struct error *error)
{
	const struct walk_settings *settings = &visit->walk->settings;
	struct parts *parts = settings->parts;
	const struct inventory *inventory = visit->inventory;
	struct sweep_heard heard = witness_heard(parts->witness, visit->node_id);
	struct look look = {
	    .node = projection_any_node(parts->projection, visit->node_id, arena, error),
	    .inventory = inventory,
	    .proofs = {.asked_at_ms = visit->asked_at_ms,
		       .log_id = inventory->log_id,
		       .log_epoch = inventory->log_epoch,
		       .held_version = inventory->held_version,
		       .our_log_id = projection_runner_identity(parts->runner)->log_id,
		       .projection_is_newer = true,
		       .heard = &heard},
	    .sightings = witness_sightings(parts->witness, visit->node_id),
	    .now_ms = server_clock_now_ms(parts->clock),
	    .arena = arena,
	};
	if (!projection_wanted_version(parts->projection, visit->node_id, arena, &look.proofs.wanted_version, error))
		return false;
	if (look.node != NULL && look.node->resource->status != ROOST__NODE__STATUS__DELETED && look.sightings != NULL)
		settings->look(settings->context, &look);
	return true;
}

static void on_newer(void *context, const struct error *error)
{
	struct visit *visit = context;
	struct error reason = {0};
	struct arena *arena = arena_new();
	bool good =
	    error == NULL && parts_are_ready(visit->walk->settings.parts, &reason) && look_at(visit, arena, &reason);
	arena_free(arena);
	leave(visit, good ? NULL : error != NULL ? error : &reason);
}

static void on_inventory(void *context, struct inventory *inventory, const struct error *error)
{
	struct visit *visit = context;
	visit->inventory = inventory;
	cutpoint(CUTPOINT_SWEEPER_INVENTORY_TAKEN);
	if (error != NULL)
		leave(visit, error);
	else
		projection_runner_catch_up(visit->walk->settings.parts->runner, CATCH_UP_TIMEOUT_MS, on_newer, visit);
}

static void go_to(struct walk *walk, const char *node_id)
{
	struct parts *parts = walk->settings.parts;
	struct visit *visit = calloc(1, sizeof(*visit));
	if (visit == NULL)
		abort();
	visit->walk = walk;
	visit->asked_at_ms = server_clock_now_ms(parts->clock);
	snprintf(visit->node_id, sizeof(visit->node_id), "%s", node_id);
	walk->under_way++;
	inventory_ask(parts->connection, node_id, walk->settings.node_timeout_ms, on_inventory, visit);
}

/* ---- all of them ---- */

static void close_walk(struct walk *walk)
{
	free(walk->nodes);
	arena_free(walk->arena);
}

static void go_on(struct walk *walk)
{
	struct parts *parts = walk->settings.parts;
	if (!walk->settings.goes_on(walk->settings.context))
		walk->asked = walk->count;
	while (walk->under_way < NODES_AT_ONCE && walk->asked < walk->count) {
		const char *node_id = walk->nodes[(walk->turn + walk->asked++) % walk->count];
		struct sweep_heard heard = witness_heard(parts->witness, node_id);
		if (sweep_beat_is_fresh(&parts->rules, &heard))
			go_to(walk, node_id);
	}
	if (walk->under_way > 0)
		return;
	struct walk_settings settings = walk->settings;
	close_walk(walk);
	settings.done(settings.context);
}

static void add_node(struct walk *walk, const char *id)
{
	if (walk->count == walk->room) {
		walk->room = walk->room == 0 ? 64 : 2 * walk->room;
		walk->nodes = realloc(walk->nodes, walk->room * sizeof(*walk->nodes));
		if (walk->nodes == NULL)
			abort();
	}
	snprintf(walk->nodes[walk->count++], sizeof(walk->nodes[0]), "%s", id);
}

static bool read_nodes(struct walk *walk, struct error *error)
{
	const struct walk_settings *settings = &walk->settings;
	struct arena *arena = arena_new();
	struct node_page page = {0};
	char after[27] = "";
	bool good;
	do {
		arena_reset(arena);
		good = projection_all_nodes(settings->parts->projection, after, NODES_PER_PAGE, arena, &page, error);
		for (size_t i = 0; good && i < page.count; i++)
			if (settings->owner == NULL || strcmp(page.items[i]->owner, settings->owner) == 0)
				add_node(walk, page.items[i]->resource->id);
		if (page.next_cursor != NULL)
			snprintf(after, sizeof(after), "%s", page.next_cursor);
	} while (good && page.next_cursor != NULL);
	arena_free(arena);
	return good;
}

bool walk_start(const struct walk_settings *settings, struct error *error)
{
	struct arena *arena = arena_new();
	struct walk *walk = arena_new_of(arena, struct walk);
	*walk = (struct walk){.settings = *settings, .arena = arena, .turn = settings->parts->turn};
	if (!read_nodes(walk, error)) {
		close_walk(walk);
		return false;
	}
	go_on(walk);
	return true;
}
