/* Idempotency keys and the answers that were given under them (D5). They outlive what they made. */
#include "controller/projection/database.h"

#include <string.h>

/* Old keys are hidden at once, and forgotten when the log's own time has moved on by this much. */
enum { FORGET_EVERY_MS = 10 * 60 * 1000, FORGOTTEN_AT_ONCE = 4000 };

static void unpack_answer(struct projection *projection, sqlite3_stmt *stmt, struct answer *answer, struct arena *arena)
{
	switch (sqlite3_column_int(stmt, 4)) {
	case ANSWER_NODE:
		answer->node = column_message(projection, stmt, 5, &roost__node__descriptor, arena);
		break;
	case ANSWER_WORKSPACE:
		answer->workspace = column_message(projection, stmt, 5, &roost__workspace__descriptor, arena);
		break;
	case ANSWER_SESSION:
		answer->session = column_message(projection, stmt, 5, &roost__agent_session__descriptor, arena);
		break;
	default:
		break;
	}
}

struct keyed_command *keys_get(void *context, const char *owner, const char *key, struct arena *arena)
{
	struct projection *projection = context;
	int64_t number = entities_find_owner(projection, owner);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_LOAD_KEYED);
	if (number == 0 || stmt == NULL)
		return NULL;
	sqlite3_bind_int64(stmt, 1, number);
	bind_text(stmt, 2, key);
	sqlite3_bind_int64(stmt, 3, keys_floor(projection));
	if (!statement_row(projection, stmt))
		return NULL;
	struct keyed_command *keyed = arena_new_of(arena, struct keyed_command);
	unsigned char *hash = arena_alloc(arena, 32);
	if (sqlite3_column_bytes(stmt, 0) == 32)
		memcpy(hash, sqlite3_column_blob(stmt, 0), 32);
	keyed->request_hash = hash;
	keyed->recorded_at_ms = sqlite3_column_int64(stmt, 1);
	keyed->answer_id = column_text(stmt, 2, arena);
	keyed->node_id = column_text(stmt, 3, arena);
	unpack_answer(projection, stmt, &keyed->answer, arena);
	sqlite3_reset(stmt);
	return keyed;
}

int64_t keys_floor(const struct projection *projection)
{
	return projection->newest_record_ms - projection->lifetimes.idempotency_ms;
}

static enum answer_kind kind_of(const struct answer *answer)
{
	return answer->node != NULL	   ? ANSWER_NODE
	       : answer->workspace != NULL ? ANSWER_WORKSPACE
	       : answer->session != NULL   ? ANSWER_SESSION
					   : ANSWER_NONE;
}

static struct bytes pack_answer(const struct answer *answer, struct arena *arena)
{
	switch (kind_of(answer)) {
	case ANSWER_NODE:
		return message_pack(&answer->node->base, arena);
	case ANSWER_WORKSPACE:
		return message_pack(&answer->workspace->base, arena);
	case ANSWER_SESSION:
		return message_pack(&answer->session->base, arena);
	default:
		return (struct bytes){0};
	}
}

static void write_key(struct projection *projection, enum statement which, int64_t owner, const char *key,
		      const struct keyed_command *keyed, struct bytes answer)
{
	int64_t node = keyed->of_node == NULL ? 0 : entities_number(projection, CACHE_NODE, keyed->of_node);
	sqlite3_stmt *stmt = statement(projection, which);
	if (stmt == NULL)
		return;
	sqlite3_bind_int64(stmt, 1, owner);
	bind_text(stmt, 2, key);
	bind_bytes(stmt, 3, keyed->request_hash, 32);
	sqlite3_bind_int64(stmt, 4, keyed->recorded_at_ms);
	bind_text(stmt, 5, keyed->answer_id);
	bind_text(stmt, 6, keyed->node_id);
	sqlite3_bind_int(stmt, 7, kind_of(&keyed->answer));
	bind_bytes(stmt, 8, answer.data, answer.size);
	sqlite3_bind_int64(stmt, 9, node);
	statement_run(projection, stmt);
}

/* A key is almost always new; what it was before (a claim, an expired one) is replaced. */
void keys_put_in(struct projection *projection, const char *owner, const char *key, const struct keyed_command *keyed,
		 struct arena *arena)
{
	int64_t number = entities_owner_number(projection, owner);
	struct bytes answer = pack_answer(&keyed->answer, arena);
	write_key(projection, STATEMENT_MAKE_KEYED, number, key, keyed, answer);
	if (!projection->failed && sqlite3_changes(projection->db) == 0)
		write_key(projection, STATEMENT_SET_KEYED, number, key, keyed, answer);
}

void keys_put(void *context, const char *owner, const char *key, const struct keyed_command *keyed)
{
	struct projection *projection = context;
	keys_put_in(projection, owner, key, keyed, projection->scratch);
}

/* Never many at once: commits wait for it. What is left is hidden, and goes with the next ones. */
void keys_forget_old(struct projection *projection)
{
	int64_t floor = keys_floor(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_OLDEST_KEYED);
	if (stmt == NULL || projection->newest_record_ms - projection->keys_forgotten_ms < FORGET_EVERY_MS)
		return;
	sqlite3_bind_int64(stmt, 1, FORGOTTEN_AT_ONCE);
	if (statement_row(projection, stmt)) {
		int64_t at = sqlite3_column_int64(stmt, 0) + 1;
		floor = at < floor ? at : floor;
		sqlite3_reset(stmt);
	}
	if (floor == keys_floor(projection))
		projection->keys_forgotten_ms = projection->newest_record_ms;
	stmt = statement(projection, STATEMENT_FORGET_KEYED);
	if (stmt == NULL)
		return;
	sqlite3_bind_int64(stmt, 1, floor);
	statement_run(projection, stmt);
}
