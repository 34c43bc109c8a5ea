/* Real controller processes on a real nats-server, and a client that speaks to them as an integrator
 * does: one connection per owner, requests with headers, replies kept as they came. On the test's loop. */
#ifndef ROOST_TESTS_SUPPORT_CONTROLLERS_H
#define ROOST_TESTS_SUPPORT_CONTROLLERS_H

#include "bus/link/connection.h"
#include "command.pb-c.h"
#include "tests/support/nats_server.h"
#include "tests/support/process.h"

#include <uv.h>

enum { CONTROLLERS_MAX = 4, OWNERS_MAX = 4, CALL_TIMEOUT_MS = 8000 };

struct controllers {
	uv_loop_t loop;
	struct nats_server *server;
	struct process processes[CONTROLLERS_MAX];
	char owners[OWNERS_MAX][32];
	struct connection *connections[OWNERS_MAX];
	struct arena *arena; /* replies live in it until the end */
	char more_environment[8][256];
	int more_count;
	int started; /* processes so far, for their log files */
};

/* A nats-server and nothing else; and the end of everything. */
void controllers_open(struct controllers *controllers);
void controllers_close(struct controllers *controllers);

/* NAME=value for every controller that is started later. */
void controllers_setenv(struct controllers *controllers, const char *name, const char *value);

/* Starts controller `index` with its own database and waits until it answers; `environment` as in
 * process_start. controllers_start does not wait. */
void controllers_run(struct controllers *controllers, int index);
void controllers_start(struct controllers *controllers, int index, const char *const *environment);
void controllers_wait_ready(struct controllers *controllers);

/* kill -9, and SIGTERM with a wait for exit code 0. */
void controllers_kill(struct controllers *controllers, int index);
void controllers_stop(struct controllers *controllers, int index);

/* Its projection's file, which may be removed while it does not run. */
const char *controllers_database(struct controllers *controllers, int index);
void controllers_remove_database(struct controllers *controllers, int index);

/* What it wrote to standard error, over all its lives. */
const char *controllers_log(struct controllers *controllers, int index);

struct connection *controllers_connection(struct controllers *controllers, const char *owner);

struct call {
	const char *owner;
	const char *command;		 /* "workspace.create" */
	const ProtobufCMessage *request; /* NULL: `text` is the payload */
	const char *text;
	const char *key;  /* NULL for none */
	uint64_t min_seq; /* 0 for none */
	bool json;
	uint32_t timeout_ms;	 /* 0: CALL_TIMEOUT_MS */
	const char *traceparent; /* NULL for none */
};

struct reply {
	bool done;
	bool arrived;	    /* false: no answer came; `error` tells why */
	struct error error; /* ERROR_NONE on success */
	uint64_t seq;
	const char *correlation;	      /* of an internal error */
	Roost__Error__DetailsEntry **details; /* of an error */
	size_t detail_count;
	struct bytes body;   /* as it came, zero-terminated */
	const void *message; /* the decoded response on success, unless JSON was asked for */
	int64_t took_ns;
};

/* Sends; the reply is filled in while the loop runs. It must stay until it is done. */
void call_send(struct controllers *controllers, const struct call *call, struct reply *reply);

/* Sends and runs the loop until the reply is there. */
struct reply call_make(struct controllers *controllers, const struct call *call);

/* The same again and again, with its key, until an answer is final: what a good client does when a
 * controller dies. Fails the test after `timeout_ms`. */
struct reply call_until_final(struct controllers *controllers, const struct call *call, uint32_t timeout_ms);

/* All of them at once, and those without a final answer again, until all have one. `meanwhile` (may be
 * NULL) is called between looks, and may kill and start things. */
void calls_until_final(struct controllers *controllers, const struct call *calls, struct reply *replies, int count,
		       uint32_t timeout_ms, void (*meanwhile)(void *context), void *context);

/* True when there is nothing to be gained by asking again. */
bool reply_is_final(const struct reply *reply);

/* Commands that each running controller has answered, by $SRV.STATS; how many controllers told. */
int controllers_shares(struct controllers *controllers, uint64_t *shares, int room);

/* Fail the test unless it is so. */
const void *reply_expect_success(const struct reply *reply, const char *what);
void reply_expect_error(const struct reply *reply, enum error_code code, const char *what);

/* A detail of an error; fails the test when it has none of this name. */
const char *reply_detail(const struct reply *reply, const char *name);

/* Shorthands that fail the test on an error. Strings live as long as the controllers. */
const char *make_node(struct controllers *controllers, const char *owner, const char *name);
const Roost__Workspace *make_workspace(struct controllers *controllers, const char *owner, const char *node,
				       const char *name);
const Roost__Workspace *get_workspace(struct controllers *controllers, const char *owner, const char *id);
const Roost__AgentSession *make_session(struct controllers *controllers, const char *owner, const char *workspace);
const Roost__AgentSession *get_session(struct controllers *controllers, const char *owner, const char *id);

/* Run the loop until the resource has the status, asking again when something may have changed. */
const Roost__Node *await_node(struct controllers *controllers, const char *owner, const char *id,
			      Roost__Node__Status status);
const Roost__Workspace *await_workspace(struct controllers *controllers, const char *owner, const char *id,
					Roost__Workspace__Status status);
const Roost__AgentSession *await_session(struct controllers *controllers, const char *owner, const char *id,
					 Roost__AgentSession__Status status);

#endif
