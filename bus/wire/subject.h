/* Subjects, built and taken apart. The table is schemas/subjects.def. Pure; any thread.
 *
 * An owner appears in a subject as a token: every byte outside [A-Za-z0-9_-], a leading '_' and a
 * lone '-' are written =XX (upper-case hex). Ids are ULIDs and need no escape. */
#ifndef ROOST_BUS_WIRE_SUBJECT_H
#define ROOST_BUS_WIRE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

enum { OWNER_TOKEN_MAX = 3 * 128 + 1, SUBJECT_MAX = 2 * OWNER_TOKEN_MAX + 64 };

struct subject {
	char text[SUBJECT_MAX];
};

/* Owner to token and back. False for an empty owner, one above OWNER_BYTES_MAX, or (back) a token
 * that no owner gives. */
bool owner_to_token(const char *owner, char token[OWNER_TOKEN_MAX]);
bool owner_from_token(const char *token, size_t length, char owner[129]);

/* The owner of commands that no person gives: only the sweeper may publish them. Written as it is, so that
 * no user's token is the same; answers go to the inbox of this name's token. */
#define SUBJECT_SYSTEM_OWNER "_system"

/* Builders. The owner is the user id as it is. They assert that the owner fits. */
struct subject subject_command(const char *owner, const char *resource, const char *verb);
struct subject subject_system_command(const char *resource, const char *verb);
struct subject subject_event(const char *owner, const char *kind, const char *id);
struct subject subject_feed_of_owner(const char *owner); /* roost.feed.<owner>.> */
struct subject subject_tail(const char *owner, const char *node, const char *workspace, const char *session,
			    const char *event); /* NULL or "" becomes - */
struct subject subject_node(const char *node, const char *verb);
struct subject subject_report(const char *node);
struct subject subject_beat(const char *node);
struct subject subject_inbox(const char *user, const char *rest); /* _INBOX.<token of user>.<rest> */

/* Parsers. False when the subject is not of that shape or a token is not legal; outputs are then
 * undefined. Buffers are filled with zero-terminated strings. */
struct command_subject {
	char owner[129];
	char resource[32];
	char verb[32];
	bool system; /* of SUBJECT_SYSTEM_OWNER itself, not of a user who is called so */
};
bool subject_parse_command(const char *subject, struct command_subject *out);

struct event_subject {
	char owner[129];
	char kind[16];
	char id[129];
};
bool subject_parse_event(const char *subject, struct event_subject *out); /* roost.evt and roost.feed */

struct node_subject {
	char node[27];
	char verb[32]; /* "" for report and beat */
};
bool subject_parse_node(const char *subject, struct node_subject *out); /* roost.node, .report and .beat */

/* True when a reply subject is an inbox of the owner of a command: _INBOX.<owner>. and more. */
bool subject_reply_allowed(const char *reply, const char *owner);

#endif
