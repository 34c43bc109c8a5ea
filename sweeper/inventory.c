/* Pages are decoded into one arena, so what a node may send is limited before it is decoded. */
#include "sweeper/inventory.h"

#include "bus/foundation/limits.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asking {
	struct connection *connection;
	struct inventory *inventory;
	const char *cursor; /* of the page that is asked for */
	bool any_page;
	uint32_t timeout_ms;
	inventory_done *done;
	void *context;
};

static void ask_page(struct asking *asking);

static void end(struct asking *asking, const struct error *error)
{
	struct inventory *inventory = asking->inventory;
	inventory_done *done = asking->done;
	void *context = asking->context;
	free(asking);
	if (error != NULL) {
		inventory_free(inventory);
		inventory = NULL;
	}
	done(context, inventory, error);
}

static void *grown(struct arena *arena, const void *items, size_t count, size_t more)
{
	const void **all = arena_array_of(arena, const void *, count + more);
	if (count > 0)
		memcpy(all, items, count * sizeof(*all));
	return all;
}

static void take_workspaces(struct inventory *inventory, const Roost__InventoryResponse *page)
{
	inventory->workspaces =
	    grown(inventory->arena, inventory->workspaces, inventory->workspace_count, page->n_workspaces);
	for (size_t i = 0; i < page->n_workspaces; i++)
		if (page->workspaces[i]->id != NULL)
			inventory->workspaces[inventory->workspace_count++] = page->workspaces[i];
}

static void take_sessions(struct inventory *inventory, const Roost__InventoryResponse *page)
{
	inventory->sessions = grown(inventory->arena, inventory->sessions, inventory->session_count, page->n_sessions);
	for (size_t i = 0; i < page->n_sessions; i++)
		inventory->sessions[inventory->session_count++] = page->sessions[i];
}

/* An agent that took something new between two pages shows a mixture. */
static void take_held(struct asking *asking, const Roost__InventoryResponse *page)
{
	struct inventory *inventory = asking->inventory;
	bool same = page->log_id != NULL && inventory->log_id != NULL && strcmp(page->log_id, inventory->log_id) == 0 &&
		    page->log_epoch == inventory->log_epoch && page->held_version == inventory->held_version;
	if (asking->any_page && !same) {
		inventory->log_id = NULL;
		return;
	}
	inventory->log_id = page->log_id;
	inventory->log_epoch = page->log_epoch;
	inventory->held_version = page->held_version;
}

static int by_id(const void *left, const void *right)
{
	const Roost__InventoryResponse__Workspace *const *a = left, *const *b = right;
	return strcmp((*a)->id, (*b)->id);
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void finish(struct asking *asking)
{
	struct inventory *inventory = asking->inventory;
	if (inventory->workspace_count > 1)
		qsort(inventory->workspaces, inventory->workspace_count, sizeof(*inventory->workspaces), by_id);
	if (inventory->session_count > 1)
		qsort(inventory->sessions, inventory->session_count, sizeof(*inventory->sessions), by_text);
	end(asking, NULL);
}

static bool take_page(struct asking *asking, const Roost__InventoryResponse *page, struct error *error)
{
	struct inventory *inventory = asking->inventory;
	const char *next = page->next_cursor;
	if (inventory->workspace_count + page->n_workspaces > INVENTORY_WORKSPACES_MAX)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "it has more than %d workspaces",
				 INVENTORY_WORKSPACES_MAX);
	if (next != NULL && (page->n_workspaces == 0 || strcmp(next, asking->cursor) <= 0))
		return error_set(error, ERROR_INTERNAL, "its pages go in circles");
	take_held(asking, page);
	take_workspaces(inventory, page);
	take_sessions(inventory, page);
	asking->any_page = true;
	asking->cursor = next;
	return true;
}

static bool read_page(struct asking *asking, const struct incoming *answer, struct error *error)
{
	if (incoming_header(answer, HEADER_ERROR_CODE) != NULL) {
		envelope_decode_error(answer->data, false, error);
		return false;
	}
	if (answer->data.size > INVENTORY_PAGE_BYTES_MAX)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "a page has %zu bytes, at most %d are taken",
				 answer->data.size, INVENTORY_PAGE_BYTES_MAX);
	const Roost__InventoryResponse *page = (const Roost__InventoryResponse *)message_unpack(
	    &roost__inventory_response__descriptor, answer->data, asking->inventory->arena, error);
	return page != NULL && take_page(asking, page, error);
}

static void on_page(void *context, const struct incoming *answer, const struct error *error)
{
	struct asking *asking = context;
	struct error reason = {0};
	if (answer == NULL)
		end(asking, error);
	else if (!read_page(asking, answer, &reason))
		end(asking, &reason);
	else if (asking->cursor != NULL)
		ask_page(asking);
	else
		finish(asking);
}

static void ask_page(struct asking *asking)
{
	struct arena *arena = arena_new();
	struct subject subject = subject_node(asking->inventory->node_id, "inventory");
	Roost__InventoryRequest request = ROOST__INVENTORY_REQUEST__INIT;
	request.cursor = asking->any_page ? asking->cursor : NULL;
	struct outgoing message = {.subject = subject.text, .data = message_pack(&request.base, arena)};
	connection_request(asking->connection, &message, asking->timeout_ms, on_page, asking);
	arena_free(arena);
}

void inventory_ask(struct connection *connection, const char *node_id, uint32_t timeout_ms, inventory_done *done,
		   void *context)
{
	struct arena *arena = arena_new();
	struct asking *asking = calloc(1, sizeof(*asking));
	if (asking == NULL)
		abort();
	*asking = (struct asking){.connection = connection,
				  .inventory = arena_new_of(arena, struct inventory),
				  .cursor = "",
				  .timeout_ms = timeout_ms,
				  .done = done,
				  .context = context};
	asking->inventory->arena = arena;
	snprintf(asking->inventory->node_id, sizeof(asking->inventory->node_id), "%s", node_id);
	ask_page(asking);
}

void inventory_free(struct inventory *inventory)
{
	if (inventory != NULL)
		arena_free(inventory->arena);
}

const Roost__InventoryResponse__Workspace *inventory_workspace(const struct inventory *inventory, const char *id)
{
	Roost__InventoryResponse__Workspace key = ROOST__INVENTORY_RESPONSE__WORKSPACE__INIT, *wanted = &key;
	key.id = id;
	if (inventory->workspace_count == 0)
		return NULL;
	Roost__InventoryResponse__Workspace *const *found =
	    bsearch(&wanted, inventory->workspaces, inventory->workspace_count, sizeof(wanted), by_id);
	return found == NULL ? NULL : *found;
}

bool inventory_has_session(const struct inventory *inventory, const char *id)
{
	return inventory->session_count > 0 &&
	       bsearch(&id, inventory->sessions, inventory->session_count, sizeof(id), by_text) != NULL;
}
