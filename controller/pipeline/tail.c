/* Events come from the projection, where applying the record has just put them. What cannot be sent is
 * lost, and logged only for those who debug: the log has it. */
#include "controller/pipeline/tail.h"

#include "bus/foundation/log.h"
#include "bus/wire/json.h"
#include "bus/wire/subject.h"

void tail_publish_event(struct connection *connection, const char *owner, const Roost__Event *event,
			struct arena *arena)
{
	struct subject subject =
	    subject_tail(owner, event->node_id, event->workspace_id, event->session_id, event->type);
	size_t length = 0;
	char *text = json_from_message(&event->base, arena, &length);
	struct outgoing message = {.subject = subject.text, .data = {(const unsigned char *)text, length}};
	struct error error;
	if (!connection_publish(connection, &message, &error))
		log_debug("the tail misses %s: %s", event->id, error.message);
}

void tail_publish(struct connection *connection, struct projection *projection, const char *owner, uint64_t seq,
		  struct arena *arena)
{
	struct event_page page;
	struct error error;
	if (!projection_events_of_record(projection, seq, arena, &page, &error)) {
		log_warning("the tail misses record %llu: %s", (unsigned long long)seq, error.message);
		return;
	}
	for (size_t i = 0; i < page.count; i++)
		tail_publish_event(connection, owner, page.items[i], arena);
}
