/* Run by the build, which fails when it fails (S2-09): the statuses of nodes, workspaces and sessions are
 * the same in the schema's enums, in the state machines and in the SQL of the projection. A status that is
 * missing in one of them would otherwise be found by the first user who reaches it. */
#include "controller/domain/states.h"
#include "controller/projection/migrations.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { STATUSES_MAX = 31, WORD_MAX = 32 };

struct entity {
	const char *table; /* its name in SQL */
	const ProtobufCEnumDescriptor *descriptor;
	int first; /* the status that a new one has */
	const char *(*word)(int status);
	bool (*may_move)(int from, int to);
};

static int failures;

static void fail(const struct entity *entity, const char *what, const char *word)
{
	fprintf(stderr, "agreement: %s: %s%s%s\n", entity->table, what, word == NULL ? "" : ": ", word ? word : "");
	failures++;
}

static const char *node_word(int status)
{
	return node_status_word((Roost__Node__Status)status);
}
static const char *workspace_word(int status)
{
	return workspace_status_word((Roost__Workspace__Status)status);
}
static const char *session_word(int status)
{
	return session_status_word((Roost__AgentSession__Status)status);
}
static bool node_moves(int from, int to)
{
	return node_may_move((Roost__Node__Status)from, (Roost__Node__Status)to);
}
static bool workspace_moves(int from, int to)
{
	return workspace_may_move((Roost__Workspace__Status)from, (Roost__Workspace__Status)to);
}
static bool session_moves(int from, int to)
{
	return session_may_move((Roost__AgentSession__Status)from, (Roost__AgentSession__Status)to);
}

static const struct entity entities[] = {
    {"node", &roost__node__status__descriptor, ROOST__NODE__STATUS__PENDING, node_word, node_moves},
    {"workspace", &roost__workspace__status__descriptor, ROOST__WORKSPACE__STATUS__CREATING, workspace_word,
     workspace_moves},
    {"session", &roost__agent_session__status__descriptor, ROOST__AGENT_SESSION__STATUS__STARTING, session_word,
     session_moves},
};
enum { ENTITIES = sizeof(entities) / sizeof(entities[0]) };

static void lower(const char *name, char word[WORD_MAX])
{
	size_t i = 0;
	for (; name[i] != '\0' && i < WORD_MAX - 1; i++)
		word[i] = (char)tolower((unsigned char)name[i]);
	word[i] = '\0';
}

/* Every value of the enum is a row of the machine under its own word, and no row is without a value. */
static void check_machine(const struct entity *entity)
{
	char word[WORD_MAX];
	unsigned rows = 0;
	for (unsigned i = 0; i < entity->descriptor->n_values; i++) {
		const ProtobufCEnumValue *value = &entity->descriptor->values[i];
		const char *in_machine = entity->word(value->value);
		lower(value->name, word);
		if (in_machine == NULL || strcmp(in_machine, word) != 0)
			fail(entity, "the machine has no such row, or under another word", word);
		if (entity->may_move(value->value, value->value))
			fail(entity, "a status moves to itself", word);
	}
	for (int status = 0; status <= STATUSES_MAX; status++)
		rows += entity->word(status) != NULL ? 1 : 0;
	if (rows != entity->descriptor->n_values)
		fail(entity, "the machine has rows that the enum has not", NULL);
}

/* Whatever the table says, every status must be reachable from the first one. */
static void check_reachable(const struct entity *entity)
{
	unsigned reached = 1u << entity->first, before = 0;
	while (reached != before) {
		before = reached;
		for (int from = 0; from <= STATUSES_MAX; from++)
			for (int to = 0; (reached >> from & 1) != 0 && to <= STATUSES_MAX; to++)
				reached |= entity->may_move(from, to) ? 1u << to : 0;
	}
	for (unsigned i = 0; i < entity->descriptor->n_values; i++)
		if ((reached >> entity->descriptor->values[i].value & 1) == 0)
			fail(entity, "nothing ever gets to a status", entity->descriptor->values[i].name);
}

static int status_of(const struct entity *entity, const char *word)
{
	for (int status = 0; status <= STATUSES_MAX; status++)
		if (entity->word(status) != NULL && strcmp(entity->word(status), word) == 0)
			return status;
	return 0;
}

/* The quoted words from `sql` to `end`, as bits; each must be a status. */
static unsigned words_in(const struct entity *entity, const char *sql, const char *end)
{
	unsigned bits = 0;
	const char *quote;
	while ((quote = memchr(sql, '\'', (size_t)(end - sql))) != NULL) {
		char word[WORD_MAX];
		size_t length = strcspn(quote + 1, "'");
		snprintf(word, sizeof(word), "%.*s", (int)length, quote + 1);
		int status = status_of(entity, word);
		if (status == 0)
			fail(entity, "SQL names a status that does not exist", word);
		bits |= 1u << status;
		sql = quote + length + 2;
	}
	return bits;
}

/* The table that a statement is about: of "CREATE TABLE x (" or "... ON x (". */
static const struct entity *entity_of(const char *statement, const char *end)
{
	const char *name = NULL;
	for (const char *at = statement; at < end && name == NULL; at++)
		name = strncmp(at, "CREATE TABLE ", 13) == 0 ? at + 13 : strncmp(at, " ON ", 4) == 0 ? at + 4 : NULL;
	for (size_t i = 0; name != NULL && i < ENTITIES; i++) {
		size_t length = strlen(entities[i].table);
		if (strncmp(name, entities[i].table, length) == 0 && name[length] == ' ')
			return &entities[i];
	}
	return NULL;
}

/* A CHECK must name them all; what a partial index or a condition names must exist. */
static void check_statement(const char *statement, const char *end, bool has_check[ENTITIES])
{
	const struct entity *entity = entity_of(statement, end);
	for (const char *at = statement; entity != NULL && at < end; at++) {
		if (strncmp(at, "status IN (", 11) != 0 && strncmp(at, "status <> '", 11) != 0)
			continue;
		bool list = at[7] == 'I', check = list && at - statement >= 7 && strncmp(at - 7, "CHECK (", 7) == 0;
		const char *last = list ? strchr(at, ')') : strchr(at + 11, '\'') + 1;
		unsigned named = words_in(entity, at, last), all = 0;
		for (unsigned i = 0; i < entity->descriptor->n_values; i++)
			all |= 1u << entity->descriptor->values[i].value;
		if (check && named != all)
			fail(entity, "the CHECK of the table does not allow every status", NULL);
		has_check[entity - entities] = has_check[entity - entities] || check;
	}
}

static void check_sql(void)
{
	bool has_check[ENTITIES] = {false};
	for (size_t i = 0; i < migration_count; i++) {
		for (const char *statement = migrations[i].sql; *statement != '\0';) {
			const char *end = statement + strcspn(statement, ";");
			check_statement(statement, end, has_check);
			statement = *end == ';' ? end + 1 : end;
		}
	}
	for (size_t i = 0; i < ENTITIES; i++)
		if (!has_check[i])
			fail(&entities[i], "no table has a CHECK of its statuses", NULL);
}

int main(void)
{
	for (size_t i = 0; i < ENTITIES; i++) {
		check_machine(&entities[i]);
		check_reachable(&entities[i]);
	}
	check_sql();
	return failures > 0;
}
