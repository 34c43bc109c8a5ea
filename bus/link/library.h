/* nats.c as the connection uses it: settings, dialling, and the library's callbacks turned into items
 * of a handoff. The only file beside library.c that names nats.c's types is connection.c's publish
 * path. */
#ifndef ROOST_BUS_LINK_LIBRARY_H
#define ROOST_BUS_LINK_LIBRARY_H

#include "bus/foundation/error.h"
#include "bus/link/connection.h"
#include "bus/link/handoff.h"
#include "bus/link/waste.h"

#include <nats/nats.h>

enum { SERVER_VERSION_MAX = 32 };

/* What the handoff brings; `target` and `data` by kind. */
enum library_event {
	LIBRARY_MESSAGE,  /* a listener; a natsMsg to destroy */
	LIBRARY_SILENT,	  /* a listener that will not be called any more; nothing */
	LIBRARY_CLOSED,	  /* a line; nothing: the library has given it up */
	LIBRARY_REFUSED,  /* a line; the text, malloc'ed */
	LIBRARY_JOB_DONE, /* a line; nothing: the dialling or hanging up has ended */
};

/* One attempt to have a connection, and the connection when it succeeds. */
struct line {
	struct handoff *handoff;
	char *url;
	char *credentials_file;
	char *name;
	natsConnection *nats; /* NULL until dialled, and when that failed */
	char version[SERVER_VERSION_MAX];
	struct error error; /* why dialling failed */
	uv_thread_t thread;
	bool closed;  /* LIBRARY_CLOSED has come */
	bool hung_up; /* nats is destroyed */
};

/* True for one or several (with commas) of nats://host[:port] and tls://... */
bool library_url_valid(const char *url);

/* True when the file can be read and looks like credentials. */
bool library_credentials_readable(const char *path, struct error *error);

/* Starts a thread that connects, or destroys the connection; its end is LIBRARY_JOB_DONE, and then
 * uv_thread_join(&line->thread) is due. */
void library_dial(struct line *line);
void library_hang_up(struct line *line);

/* Subscribes `listener` (the `target` of later items, which must stay until LIBRARY_SILENT; its first
 * member is the handoff). NULL when the connection is gone: then nothing will come. */
natsSubscription *library_subscribe(struct line *line, const char *subject, const char *queue, void *listener);

/* Publishes; a status other than OK means that it was not sent. The message that was made for it goes to
 * the waste. */
natsStatus library_publish(struct line *line, const struct outgoing *message, const char *reply, struct waste *waste);

#endif
