/* The one table of limits: every buffer, queue, message and retry. A limit that an operator may
 * change is in options.def instead. */
#ifndef ROOST_BUS_FOUNDATION_LIMITS_H
#define ROOST_BUS_FOUNDATION_LIMITS_H

enum {
	/* messages */
	MESSAGE_BYTES_MAX = 1024 * 1024,      /* nats-server's max_payload */
	RECORD_BYTES_MAX = 256 * 1024,
	REQUEST_BYTES_MAX = 256 * 1024,
	APPLY_PAGE_BYTES_MAX = 256 * 1024,
	REPORT_BATCH_BYTES_MAX = 128 * 1024,
	REPORT_BATCH_MAX = 64,                /* reports in one batch */
	JSON_DEPTH_MAX = 16,
	SESSIONHOST_FRAME_MAX = 256 * 1024,

	/* fields */
	IDENTIFIER_LENGTH = 26,               /* ULID */
	NAME_BYTES_MAX = 128,                 /* display names and labels, before the suffix */
	NAME_SUFFIX_MAX = 9999,
	OWNER_BYTES_MAX = 128,
	REPOSITORY_BYTES_MAX = 2048,
	BRANCH_BYTES_MAX = 255,
	IMAGE_BYTES_MAX = 1024,
	IDEMPOTENCY_KEY_BYTES_MAX = 128,
	ENV_COUNT_MAX = 128,
	ENV_BYTES_MAX = 32 * 1024,            /* names and values together */
	COMMAND_ARGUMENTS_MAX = 256,
	COMMAND_BYTES_MAX = 32 * 1024,
	TERMINAL_SIDE_MAX = 1000,             /* columns or rows */
	INPUT_BYTES_MAX = 64 * 1024,
	OUTPUT_LINES_MAX = 5000,
	LIST_LIMIT_MAX = 500,
	LIST_LIMIT_DEFAULT = 100,
	STEP_OUTPUT_TAIL_BYTES = 16 * 1024,
	LOG_LINE_BYTES_MAX = 4096,            /* of a log that a node keeps */
	LOG_WAIT_MS_MAX = 30 * 1000,          /* of a request that waits for the next line */
	WAIT_MS_MAX = 60 * 1000,              /* of a command that waits for the outcome */
	WAITERS_MAX = 1024,                   /* commands that wait so in one controller */
	WORKSPACE_DEPTH_MAX = 8,              /* children of children */
	MIRROR_FRESH_MS = 10 * 60 * 1000,     /* a mirror that was fetched so short ago is not fetched again */
	INVENTORY_PAGE_MAX = 500,             /* workspaces in one answer */
	INVENTORY_PAGE_BYTES_MAX = 256 * 1024,
	INVENTORY_WORKSPACES_MAX = 20000,     /* of one node, over all pages */
	SWEEP_FINDINGS_MAX = 500,             /* in one answer */
	TEMPLATES_MAX = 256,
	TEMPLATE_BYTES_MAX = 64 * 1024,
	SNAPSHOT_PAGE_BYTES_MAX = 192 * 1024,
	PROBES_UNDER_WAY_MAX = 32,            /* of one controller, to all nodes */
	UNKNOWN_WORKSPACES_MAX = 100,         /* of one node: named in a heartbeat, told of, or being reaped */

	/* queues and retries */
	HANDOFF_QUEUE_MAX = 65536,            /* messages between library threads and the loop */
	REQUESTS_IN_FLIGHT_MAX = 65536,       /* per connection */
	COMMANDS_WAITING_MAX = 16384,         /* in one controller; more are answered busy */
	APPEND_TRIES_MAX = 16,                /* decisions again after a lost race */
	OUTBOX_MAX = 10000,                   /* reports; progress lines are dropped first */
	SESSION_INPUT_IDS_REMEMBERED = 1024,
	SESSION_RING_BYTES = 1024 * 1024,     /* raw output that a session host keeps */
	SESSION_SCROLLBACK_BYTES = 1024 * 1024, /* text of the lines above the screen */
	SESSION_INPUT_QUEUE_BYTES = 256 * 1024, /* typed, not yet read by the program */
	SESSION_INPUT_ID_BYTES_MAX = 128,
	SESSION_TEXT_BYTES_MAX = 192 * 1024,  /* of one screen answer */
	SESSION_CELLS_MAX = 256 * 1024,       /* columns times rows; rows are cut to fit */
	SESSION_HOST_CLIENTS_MAX = 8,         /* connections to one host */
	SESSION_HOST_START_MS = 10 * 1000,    /* until a host answers on its socket */
	SESSION_REQUEST_TIMEOUT_MS = 5 * 1000,
	SESSION_REQUESTS_MAX = 64,            /* waiting for one host's answer */
	SESSION_SPEC_BYTES_MAX = 128 * 1024,
	SESSION_FOLLOWER_STALL_MS = 10 * 1000, /* a follower that reads nothing for so long is dropped */
};

#endif
