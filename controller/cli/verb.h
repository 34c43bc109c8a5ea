/* A verb of the `roost` command: a file each, which exports one `const struct verb`, and a row in
 * verbs.c. Parsing, --help and the usage lines all come from that struct. */
#ifndef ROOST_CONTROLLER_CLI_VERB_H
#define ROOST_CONTROLLER_CLI_VERB_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "controller/cli/client.h"
#include "resource.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TIMED_OUT = 3 /* a wait; the work goes on */ };

struct verb_option {
	const char *name;     /* without its dashes */
	const char *value;    /* what its value is called; NULL for a switch */
	const char *sentence; /* for --help */
};

struct invocation;

struct verb {
	const char *noun;		   /* "workspace"; NULL for verbs that stand alone */
	const char *name;		   /* "create" */
	const char *arguments;		   /* "<name>", "" for none; for the usage line */
	const char *sentence;		   /* what it does */
	size_t least, most;		   /* arguments before "--" */
	bool takes_command;		   /* words after "--" are a command for a session */
	bool stays_local;		   /* needs no connection */
	const struct verb_option *options; /* ends with a row without a name; NULL for none */
	int (*run)(struct invocation *invocation);
	/* For verbs that read their own arguments: argv[0] is the verb's name. */
	int (*run_raw)(int argc, char **argv);
};

struct given_option {
	const struct verb_option *option;
	const char *value;
};

/* One call of a verb. Everything lives in the arena. */
struct invocation {
	const struct verb *verb;
	struct arena *arena;
	struct client *client; /* NULL when the verb stays local */
	bool json;
	bool help;
	const char **arguments;
	size_t argument_count;
	const char **command; /* after "--", for verbs that take one */
	size_t command_count;
	struct given_option *given;
	size_t given_count;
};

/* Takes the arguments apart; argv[0] is the first one after the verb. False with a sentence that says
 * what is wrong: a usage error. */
bool invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *error);

/* Whether an option was given; its last value (NULL without); its n-th value (NULL past the end). */
bool invocation_has(const struct invocation *invocation, const char *option);
const char *invocation_value(const struct invocation *invocation, const char *option);
const char *invocation_value_at(const struct invocation *invocation, const char *option, size_t n);

/* A whole number from an option, or `otherwise` without it. */
bool invocation_number(const struct invocation *invocation, const char *option, uint32_t minimum, uint32_t maximum,
		       uint32_t otherwise, uint32_t *out, struct error *error);

/* Says an error on standard error, "roost: code: sentence", and returns EXIT_FAILED. */
int verb_failed(const struct error *error);

/* The same for a call that was refused: its details follow, a line each. */
int verb_refused(const struct error *error, Roost__Error__DetailsEntry *const *details, size_t count,
		 struct arena *arena);

/* Says what is wrong with the words typed, and how they should look; returns EXIT_USAGE. */
int verb_misused(const struct verb *verb, const char *what);

/* Prints the usage, options and sentence of a verb. */
void verb_help(const struct verb *verb);

/* All verbs, NULL-terminated. */
extern const struct verb *const verbs[];

/* The verb that argv begins with; *words is how many words name it. NULL when there is none. */
const struct verb *verb_find(int argc, char **argv, int *words);

/* Options that several verbs have. */
#define OPTION_WAIT                                                                                                    \
	{                                                                                                              \
		"wait", NULL, "Show the steps and return when it is done."                                             \
	}
#define ROOST_TEXT_OF(number)	     #number
#define OPTION_TIMEOUT_TEXT(seconds) ROOST_TEXT_OF(seconds)
#define OPTION_TIMEOUT(seconds)                                                                                        \
	{                                                                                                              \
		"timeout", "seconds",                                                                                  \
		    "How long --wait waits, " OPTION_TIMEOUT_TEXT(seconds) " without it; then the exit status is 3 "   \
									   "and the work goes on."                     \
	}
#define OPTION_KEY                                                                                                     \
	{                                                                                                              \
		"idempotency-key", "key", "The same key and request give the same answer; made when absent."           \
	}
#define OPTION_END                                                                                                     \
	{                                                                                                              \
		NULL, NULL, NULL                                                                                       \
	}

#endif
