/* --wait: shows what happens to one thing until its status is the one that is wanted, or one from which
 * that cannot come any more. */
#ifndef ROOST_CONTROLLER_CLI_WAIT_H
#define ROOST_CONTROLLER_CLI_WAIT_H

#include "controller/cli/resolve.h"
#include "controller/cli/verb.h"

/* How long --wait waits by itself. */
#define PATIENCE_SECONDS_STOP  600
#define PATIENCE_SECONDS_START 2100
#define PATIENCE_SECONDS_DAY   86400

struct goal {
	enum kind kind;
	const char *reached;	 /* statuses, as words between blanks */
	const char *failed;	 /* statuses from which it cannot be reached any more */
	enum error_code failure; /* what such an end is called */
	bool gone_is_reached;	 /* not found any more means reached */
	uint32_t patience;	 /* seconds, unless --timeout says otherwise */
};

extern const struct goal goal_node_running, goal_node_stopped, goal_node_deleted, goal_workspace_running,
    goal_workspace_stopped, goal_workspace_deleted, goal_session_running, goal_session_started, goal_session_ended;

struct waiting {
	struct client *client;
	const struct goal *goal;
	const char *id;
	uint64_t after_seq; /* events up to here are old */
	uint64_t min_seq;   /* the status counts only from a projection this new */
	int64_t until_ms;   /* monotonic: then it is given up */
	bool quiet;	    /* show no events */
};

/* True when reached: *resource is the thing then (NULL when it is gone). client_watch is called here. */
bool wait_for(const struct waiting *waiting, struct arena *arena, const ProtobufCMessage **resource,
	      struct error *error);

/* For stops and deletes, which the platform itself waits for: the command is given again and again with the
 * same key until its outcome is there, and what happened is shown in between. What could not be stopped is
 * ERROR_STOP_FAILED with its details in *call. */
bool wait_for_outcome(const struct waiting *waiting, struct api_call *call, ProtobufCMessage *request,
		      struct arena *arena, const ProtobufCMessage **resource, struct error *error);

/* Says why waiting has ended without its goal; the exit status: EXIT_TIMED_OUT when only its time was over. */
int wait_failed(const struct waiting *waiting, const struct error *error, const struct api_call *call,
		struct arena *arena);

/* The status of a node, workspace or session as its word, in the arena; "" without one. */
const char *status_word(const ProtobufCMessage *resource, struct arena *arena);

#endif
