/* What verbs have in common that change one thing that is there: `roost <noun> <verb> <thing>`. */
#ifndef ROOST_CONTROLLER_CLI_CHANGE_H
#define ROOST_CONTROLLER_CLI_CHANGE_H

#include "controller/cli/show.h"

struct change {
	enum kind kind;
	enum api_command command;
	const struct goal *goal; /* of --wait */
	bool platform_waits;	 /* the command has wait_ms */
	const char *field;	 /* a switch of the request that is set; NULL for none */
	bool value;
	const char *says; /* of a workspace, in place of its status; NULL: the status */
};

/* Resolves the first argument, gives the command, asks for a confirmation where one is needed, and shows
 * what came of it. Options of the verb that are read: wait, timeout, yes, confirm, abandon,
 * idempotency-key. Returns the exit status. */
int change_run(struct invocation *invocation, const struct change *change);

/* Shows one thing: `roost <noun> get <thing>`. */
int get_run(struct invocation *invocation, enum kind kind, enum api_command command);

#define OPTIONS_CONFIRM                                                                                                \
	{"yes", NULL, "Go on, whatever ends by it."},                                                                  \
	{                                                                                                              \
		"confirm", NULL, "The same."                                                                           \
	}

#endif
