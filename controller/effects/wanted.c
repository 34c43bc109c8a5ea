/* A conversation with one node: page after page from the version that the agent holds, each answered
 * with the version that it holds then. It ends when there is nothing more to send or the node does not
 * answer; whatever changed meanwhile begins the next one. */
#include "controller/effects/wanted.h"

#include "bus/foundation/cutpoint.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "controller/domain/wanted.h"

#include <stdlib.h>
#include <string.h>

enum { RESTARTS_MAX = 3 }; /* of one conversation: an agent that holds less than it said */

struct call {
	struct call *next;
	struct wanted *wanted;
	struct node_entry *entry;
	uint64_t ticket;
	uint64_t from_version, to_version;
};

/* A conversation that waits for the projection to catch up. */
struct beginning {
	struct beginning *next;
	struct wanted *wanted; /* NULL once it is gone */
	struct node_entry *entry;
};

struct wanted {
	struct wanted_settings settings;
	struct connection_watch *watch;
	struct call *calls; /* in flight */
	struct beginning *beginnings;
	struct log_identity log; /* that the entries' versions are of */
};

static void converse(struct wanted *wanted, struct node_entry *entry);

/* ---- who waits ---- */

/* Taken over first: a callback may bring new ones. */
static void settle(struct settling **list)
{
	struct settling *one = *list;
	*list = NULL;
	while (one != NULL) {
		struct settling *next = one->next;
		one->settled(one->context);
		free(one);
		one = next;
	}
}

static void append_settling(struct settling **list, struct settling *more)
{
	while (*list != NULL)
		list = &(*list)->next;
	*list = more;
}

static void end_conversation(struct wanted *wanted, struct node_entry *entry, bool reached)
{
	struct node_sending *sending = &entry->sending;
	bool again = reached && sending->again;
	if (!reached) { /* those who came meanwhile would only hear the same */
		append_settling(&sending->now, sending->later);
		sending->later = NULL;
	}
	sending->again = false;
	sending->under_way = false;
	settle(&sending->now);
	if (again && !sending->under_way)
		converse(wanted, entry);
}

/* ---- one page ---- */

static struct bytes pack_page(const struct wanted *wanted, const struct node_sending *sending,
			      const struct wanted_page *page, struct arena *arena)
{
	uint64_t from_version = sending->held_version;
	const struct log_identity *log = projection_runner_identity(wanted->settings.runner);
	Roost__ApplyRequest request = ROOST__APPLY_REQUEST__INIT;
	request.log_id = log->log_id;
	request.has_log_epoch = request.has_from_version = request.has_to_version = true;
	request.log_epoch = sending->log_epoch;
	request.from_version = from_version;
	request.to_version = page->to_version > from_version ? page->to_version : from_version;
	request.node = page->node;
	request.n_workspaces = page->workspace_count;
	request.workspaces = page->workspaces;
	request.n_sessions = page->session_count;
	request.sessions = page->sessions;
	return message_pack(&request.base, arena);
}

static void on_answer(void *context, const struct incoming *answer, const struct error *error);

static void send_page(struct wanted *wanted, struct node_entry *entry, const struct wanted_page *page,
		      struct arena *arena)
{
	struct call *call = calloc(1, sizeof(*call));
	struct subject subject = subject_node(entry->id, "apply");
	if (call == NULL)
		abort();
	call->wanted = wanted;
	call->entry = entry;
	call->from_version = entry->sending.held_version;
	call->to_version = page->to_version;
	call->next = wanted->calls;
	wanted->calls = call;
	struct outgoing message = {.subject = subject.text, .data = pack_page(wanted, &entry->sending, page, arena)};
	cutpoint(CUTPOINT_CONTROLLER_BEFORE_APPLY);
	call->ticket = connection_request(wanted->settings.connection, &message, wanted->settings.call_timeout_ms,
					  on_answer, call);
}

static void from_held_version(struct node_sending *sending)
{
	sending->cursor =
	    (struct wanted_cursor){.held_version = sending->held_version, .version = sending->held_version};
}

/* The next page, or the end when it is empty. */
static void next_page(struct wanted *wanted, struct node_entry *entry)
{
	struct node_sending *sending = &entry->sending;
	struct arena *arena = arena_new();
	struct wanted_page page;
	struct error error = {0};
	if (!projection_wanted(wanted->settings.projection, entry->id, &sending->cursor, APPLY_PAGE_BYTES_MAX, arena,
			       &page, &error)) {
		log_error("what is wanted of node %s cannot be read: %s", entry->id, error.message);
		end_conversation(wanted, entry, false);
	} else if (page.log_epoch != sending->log_epoch && !sending->for_good) {
		sending->log_epoch = page.log_epoch; /* what the agent holds counts no more */
		sending->tell_epoch = true;
		sending->held_version = 0;
		from_held_version(sending);
		next_page(wanted, entry);
	} else if (page.node == NULL && page.workspace_count + page.session_count == 0 && !sending->tell_epoch) {
		sending->idle_held = sending->held_version;
		sending->idle_version = page.to_version;
		end_conversation(wanted, entry, true);
	} else {
		sending->more = page.more;
		sending->cursor = page.next;
		send_page(wanted, entry, &page, arena);
	}
	arena_free(arena);
}

static void take_out_beginning(struct beginning *beginning)
{
	struct beginning **place = &beginning->wanted->beginnings;
	while (*place != beginning)
		place = &(*place)->next;
	*place = beginning->next;
}

static void on_caught_up(void *context, const struct error *error)
{
	struct beginning *beginning = context;
	struct wanted *wanted = beginning->wanted;
	if (wanted != NULL) {
		take_out_beginning(beginning);
		if (error == NULL)
			next_page(wanted, beginning->entry);
		else
			end_conversation(wanted, beginning->entry, false);
	}
	free(beginning);
}

/* An agent that holds nothing believes whatever it is told: from a projection that is behind it would make
 * what was deleted, and start sessions a second time. */
static void begin_with_all(struct wanted *wanted, struct node_entry *entry)
{
	struct beginning *beginning = calloc(1, sizeof(*beginning));
	if (beginning == NULL)
		abort();
	*beginning = (struct beginning){wanted->beginnings, wanted, entry};
	wanted->beginnings = beginning;
	projection_runner_catch_up(wanted->settings.runner, wanted->settings.call_timeout_ms, on_caught_up, beginning);
}

static void converse(struct wanted *wanted, struct node_entry *entry)
{
	struct node_sending *sending = &entry->sending;
	sending->under_way = true;
	sending->again = false;
	sending->restarts = 0;
	append_settling(&sending->now, sending->later);
	sending->later = NULL;
	if (!sending->held_known)
		sending->held_version = 0; /* everything; the answer tells */
	from_held_version(sending);
	if (sending->held_version > 0)
		next_page(wanted, entry);
	else
		begin_with_all(wanted, entry);
}

/* ---- the answer ---- */

static void take_out(struct wanted *wanted, struct call *call)
{
	struct call **place = &wanted->calls;
	while (*place != call)
		place = &(*place)->next;
	*place = call->next;
	free(call);
}

/* The answer in the arena; NULL when the agent refused or sent rubbish. */
static Roost__ApplyResponse *read_answer(const struct node_entry *entry, const struct incoming *answer,
					 struct arena *arena)
{
	struct error error = {0};
	if (incoming_header(answer, HEADER_ERROR_CODE) != NULL) {
		envelope_decode_error(answer->data, false, &error);
		log_error("node %s does not take what is wanted of it: %s", entry->id, error.message);
		return NULL;
	}
	Roost__ApplyResponse *response =
	    (Roost__ApplyResponse *)message_unpack(&roost__apply_response__descriptor, answer->data, arena, &error);
	if (response == NULL)
		log_error("node %s answers with rubbish: %s", entry->id, error.message);
	return response;
}

static bool is_our_log(const struct wanted *wanted, const char *log_id)
{
	return log_id != NULL && strcmp(log_id, projection_runner_identity(wanted->settings.runner)->log_id) == 0;
}

/* The version that the agent holds of our log and the node's epoch; false when it follows another one. */
static bool read_held(const struct wanted *wanted, struct node_entry *entry, const struct incoming *answer,
		      uint64_t *held)
{
	struct arena *arena = arena_new();
	const Roost__ApplyResponse *response = read_answer(entry, answer, arena);
	bool ours = response != NULL && is_our_log(wanted, response->log_id);
	bool current = ours && response->log_epoch == entry->sending.log_epoch;
	if (current) {
		entry->sending.tell_epoch = false;
		*held = response->held_version;
	} else if (ours && response->log_epoch > entry->sending.log_epoch)
		wanted->settings.ahead(wanted->settings.context, entry, response->log_epoch, response->held_version);
	else if (response != NULL)
		log_warning("node %s follows the log %s, epoch %llu, and not ours", entry->id,
			    response->log_id != NULL ? response->log_id : "", (unsigned long long)response->log_epoch);
	arena_free(arena);
	return current;
}

static void on_held(struct wanted *wanted, struct node_entry *entry, uint64_t from_version, uint64_t held)
{
	struct node_sending *sending = &entry->sending;
	sending->held_known = true;
	sending->held_version = held;
	if (held < from_version) { /* it stored nothing: it holds less than we thought */
		if (++sending->restarts > RESTARTS_MAX) {
			log_warning("node %s holds less with every answer", entry->id);
			end_conversation(wanted, entry, false);
			return;
		}
		from_held_version(sending);
		next_page(wanted, entry);
	} else if (sending->more) {
		next_page(wanted, entry);
	} else {
		end_conversation(wanted, entry, true);
	}
}

static void on_answer(void *context, const struct incoming *answer, const struct error *error)
{
	struct call *call = context;
	struct wanted *wanted = call->wanted;
	struct node_entry *entry = call->entry;
	uint64_t from_version = call->from_version, to_version = call->to_version, held = 0;
	take_out(wanted, call);
	wanted->settings.called(wanted->settings.context, entry, answer != NULL);
	if (answer == NULL) {
		log_debug("node %s does not answer: %s", entry->id, error->message);
		entry->sending.held_known = false;
		end_conversation(wanted, entry, false);
	} else if (read_held(wanted, entry, answer, &held)) {
		cutpoint(CUTPOINT_CONTROLLER_APPLY_STORED);
		if (!entry->sending.more && held > to_version) /* another controller was faster, or the log went back */
			wanted->settings.ahead(wanted->settings.context, entry, entry->sending.log_epoch, held);
		on_held(wanted, entry, from_version, held);
	} else {
		entry->sending.held_known = false;
		end_conversation(wanted, entry, false);
	}
}

/* ---- another log ---- */

static void forget_versions(void *context, struct node_entry *entry)
{
	(void)context;
	entry->sending.held_known = false;
	entry->sending.idle_version = 0;
}

/* Versions of one log mean nothing in another. */
static void notice_log(struct wanted *wanted)
{
	const struct log_identity *log = projection_runner_identity(wanted->settings.runner);
	if (strcmp(wanted->log.log_id, log->log_id) == 0 && wanted->log.log_epoch == log->log_epoch)
		return;
	wanted->log = *log;
	node_table_each(wanted->settings.table, forget_versions, NULL);
}

/* The server may come back with an older log, in which the same versions mean something else. */
static void on_offline(void *context)
{
	struct wanted *wanted = context;
	node_table_each(wanted->settings.table, forget_versions, NULL);
}

/* ---- for everybody ---- */

struct wanted *wanted_new(const struct wanted_settings *settings)
{
	struct wanted *wanted = calloc(1, sizeof(*wanted));
	if (wanted == NULL)
		abort();
	wanted->settings = *settings;
	wanted->watch = connection_watch(settings->connection, NULL, on_offline, NULL, wanted);
	return wanted;
}

static void drop(struct settling **list)
{
	while (*list != NULL) {
		struct settling *one = *list;
		*list = one->next;
		free(one);
	}
}

static void drop_waiting(void *context, struct node_entry *entry)
{
	(void)context;
	drop(&entry->sending.now);
	drop(&entry->sending.later);
}

void wanted_free(struct wanted *wanted)
{
	while (wanted->calls != NULL) {
		connection_forget(wanted->settings.connection, wanted->calls->ticket);
		take_out(wanted, wanted->calls);
	}
	connection_unwatch(wanted->watch);
	for (struct beginning *one = wanted->beginnings; one != NULL; one = one->next)
		one->wanted = NULL; /* the runner tells them when it stops */
	node_table_each(wanted->settings.table, drop_waiting, NULL);
	free(wanted);
}

void wanted_changed(struct wanted *wanted, const char *node_id, void (*settled)(void *context), void *context)
{
	struct node_entry *entry = node_table_get(wanted->settings.table, node_id);
	struct settling *one = calloc(1, sizeof(*one));
	if (one == NULL)
		abort();
	one->settled = settled;
	one->context = context;
	append_settling(&entry->sending.later, one);
	notice_log(wanted);
	if (entry->sending.under_way)
		entry->sending.again = true;
	else
		converse(wanted, entry);
}

/* It holds more than there is, as far as this projection knows. */
static bool is_ahead(const Roost__NodeState *node, const Roost__Heartbeat *beat)
{
	return beat->log_epoch > node->log_epoch ||
	       (beat->log_epoch == node->log_epoch && beat->held_version > node->version);
}

void wanted_heard(struct wanted *wanted, struct node_entry *entry, const Roost__NodeState *node,
		  const Roost__Heartbeat *beat)
{
	struct node_sending *sending = &entry->sending;
	bool ours = is_our_log(wanted, beat->log_id), ahead = ours && is_ahead(node, beat);
	notice_log(wanted);
	if (ahead && node->resource->status != ROOST__NODE__STATUS__DELETED) {
		wanted->settings.ahead(wanted->settings.context, entry, beat->log_epoch, beat->held_version);
		return;
	}
	if (sending->under_way)
		return; /* its answer is newer than this beat */
	uint64_t epoch = ahead ? LOG_EPOCH_LAST : node->log_epoch;
	uint64_t held = ours && beat->log_epoch == epoch ? beat->held_version : 0;
	sending->for_good = ahead;
	sending->held_known = true;
	sending->log_epoch = epoch;
	sending->held_version = held;
	sending->tell_epoch = ours && beat->log_epoch < epoch;
	if (held >= node->version ||
	    (!sending->tell_epoch && sending->idle_held == held && sending->idle_version == node->version))
		return;
	converse(wanted, entry);
}
