/* The roost command: finds the verb, takes its words apart, connects, and runs it. Exit status 0 when
 * done, 1 with a code and a sentence on standard error, 2 when the words make no sense. */
#include "bus/foundation/options.h"
#include "controller/cli/help.h"
#include "controller/installation/installation.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Where the bus is: what the options say, and for the rest the installation in ROOST_DATA_DIR. */
static struct client *connect_client(struct error *error)
{
	struct installation_address address = {0};
	const char *url = option_text(OPTION_ROOST_NATS_URL);
	const char *credentials = option_text(OPTION_ROOST_CREDENTIALS);
	if (url[0] == '\0') {
		if (!installation_find(option_text(OPTION_ROOST_DATA_DIR), "roost", &address, error))
			return NULL;
		url = address.nats_url;
		if (credentials[0] == '\0')
			credentials = address.credentials;
	}
	return client_open(url, credentials, option_text(OPTION_ROOST_OWNER), error);
}

static int run_connected(struct invocation *invocation)
{
	struct error error;
	if (!invocation->verb->stays_local && (invocation->client = connect_client(&error)) == NULL)
		return verb_failed(&error);
	int status = invocation->verb->run(invocation);
	client_close(invocation->client);
	return status;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct invocation invocation = {.verb = verb, .arena = arena_new()};
	struct error error;
	int status = EXIT_DONE;
	if (!invocation_parse(&invocation, argc, argv, &error))
		status = verb_misused(verb, error.message);
	else if (invocation.help)
		verb_help(verb);
	else
		status = run_connected(&invocation);
	arena_free(invocation.arena);
	bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
	return written ? status : EXIT_FAILED;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run_raw_verb(const struct verb *verb, int argc, char **argv)
{
	if (!asks_for_help(argc, argv))
		return verb->run_raw(argc, argv);
	verb_help(verb);
	return EXIT_DONE;
}

/* Words that name no verb. */
static int lost(int argc, char **argv)
{
	if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
		help_print(stdout);
		return EXIT_DONE;
	}
	if (argc > 0 && strcmp(argv[0], "--version") == 0) {
		puts("roost " ROOST_VERSION);
		return EXIT_DONE;
	}
	if (argc == 2 && asks_for_help(1, argv + 1) && help_print_noun(argv[0], stdout))
		return EXIT_DONE;
	if (argc == 1 && help_print_noun(argv[0], stderr))
		return EXIT_USAGE;
	if (argc == 0)
		help_print(stderr);
	else
		help_point(argv[0], argc > 1 ? argv[1] : NULL);
	return EXIT_USAGE;
}

#ifdef __SANITIZE_ADDRESS__
/* nats.c 3.4.1 loses the message that its delivering thread holds just when the subscription is closed. Every
 * message that reaches us is destroyed in client.c, which is short. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:natsMsg_create\n";
}
#endif

int main(int argc, char **argv)
{
	int words;
	if (setlocale(LC_ALL, "") == NULL || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_DFL); /* `roost events | head` ends quietly */
	if (!options_read(&argc, argv))
		return EXIT_USAGE;
	const struct verb *verb = verb_find(argc - 1, argv + 1, &words);
	if (verb == NULL)
		return lost(argc - 1, argv + 1);
	if (verb->run_raw != NULL)
		return run_raw_verb(verb, argc - words, argv + words);
	return run_verb(verb, argc - 1 - words, argv + 1 + words);
}
