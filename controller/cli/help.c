/* roost help, --help, and what is said about a wrong word: all from the verbs' rows. */
#include "controller/cli/help.h"
#include "bus/foundation/options.h"
#include "bus/foundation/ulid.h"
#include "controller/cli/text.h"

#include <stdio.h>
#include <string.h>

static void print_name(FILE *file, const struct verb *verb)
{
	fprintf(file, "roost %s%s%s%s%s", verb->noun == NULL ? "" : verb->noun, verb->noun == NULL ? "" : " ",
		verb->name, verb->arguments[0] == '\0' ? "" : " ", verb->arguments);
}

static void print_option(const char *name, const char *value, const char *sentence)
{
	char text[64];
	snprintf(text, sizeof(text), value == NULL ? "--%s" : "--%s <%s>", name, value);
	printf("  %-28s %s\n", text, sentence);
}

void verb_help(const struct verb *verb)
{
	printf("usage: ");
	print_name(stdout, verb);
	printf(" [options]\n\n%s\n\n", verb->sentence);
	for (const struct verb_option *option = verb->options; option != NULL && option->name != NULL; option++)
		print_option(option->name, option->value, option->sentence);
	if (verb->run_raw == NULL)
		print_option("json", NULL, "Print JSON for programs.");
	print_option("help", NULL, "Print this.");
	printf("\nExit status: 0 done, 1 an error, 2 wrong words, 3 the time for waiting is over.\n");
	printf("Options of every verb, such as --data-dir, are in: roost help options\n");
}

static void print_verb(FILE *file, const struct verb *verb)
{
	char name[64];
	snprintf(name, sizeof(name), "%s%s%s %s", verb->noun == NULL ? "" : verb->noun, verb->noun == NULL ? "" : " ",
		 verb->name, verb->arguments);
	fprintf(file, "  %-46s %s\n", name, verb->sentence);
}

static void print_end(FILE *file)
{
	fprintf(file, "\nNodes, workspaces and sessions are named by id, unique prefix of an id, or unique name.\n"
		      "roost <verb> --help tells more about one; roost help options lists all settings.\n");
}

void help_print(FILE *file)
{
	fprintf(file, "usage: roost <verb> [options]\n\n");
	for (size_t i = 0; verbs[i] != NULL; i++)
		print_verb(file, verbs[i]);
	print_end(file);
}

static bool is_of(const struct verb *verb, const char *noun)
{
	return verb->noun != NULL && strcmp(verb->noun, noun) == 0;
}

bool help_print_noun(const char *noun, FILE *file)
{
	size_t first = 0;
	while (verbs[first] != NULL && !is_of(verbs[first], noun))
		first++;
	if (verbs[first] == NULL)
		return false;
	fprintf(file, "usage: roost %s <verb> [options]\n\n", noun);
	for (size_t i = first; verbs[i] != NULL; i++)
		if (is_of(verbs[i], noun))
			print_verb(file, verbs[i]);
	print_end(file);
	return true;
}

void help_point(const char *first, const char *second)
{
	size_t i = 0;
	while (verbs[i] != NULL && !is_of(verbs[i], first))
		i++;
	bool noun = verbs[i] != NULL && second != NULL;
	fprintf(stderr, "roost: there is no verb \"%.80s%s%.80s\". See: roost %s%s--help\n", first, noun ? " " : "",
		noun ? second : "", noun ? first : "", noun ? " " : "");
}

int verb_failed(const struct error *error)
{
	fprintf(stderr, "roost: %s: %s\n", error_code_name(error->code), error->message);
	return EXIT_FAILED;
}

int verb_refused(const struct error *error, Roost__Error__DetailsEntry *const *details, size_t count,
		 struct arena *arena)
{
	verb_failed(error);
	for (size_t i = 0; i < count; i++) {
		const char *name = text_safe(details[i]->key, false, arena);
		const char *value = text_safe(details[i]->value, false, arena);
		if (ulid_valid(details[i]->key)) /* a thing that is listed; its name leads its text */
			fprintf(stderr, "  %s (%s)\n", value, name);
		else
			fprintf(stderr, "  %s: %s\n", name, value);
	}
	return EXIT_FAILED;
}

int verb_misused(const struct verb *verb, const char *what)
{
	fprintf(stderr, "roost: %s\nusage: ", what);
	print_name(stderr, verb);
	fprintf(stderr, " [options]\n");
	return EXIT_USAGE;
}

static int run(struct invocation *invocation)
{
	if (invocation->argument_count == 0) {
		help_print(stdout);
		return EXIT_DONE;
	}
	if (strcmp(invocation->arguments[0], "options") == 0) {
		printf("Settings of every verb, as a flag or in the environment:\n\n");
		options_print("roost");
		printf("\nSettings of the daemons:\n\n");
		options_print(NULL);
		return EXIT_DONE;
	}
	int words;
	if (invocation->argument_count == 1 && help_print_noun(invocation->arguments[0], stdout))
		return EXIT_DONE;
	const struct verb *verb = verb_find((int)invocation->argument_count, (char **)invocation->arguments, &words);
	if (verb == NULL)
		return verb_misused(invocation->verb, "there is no such verb");
	verb_help(verb);
	return EXIT_DONE;
}

const struct verb verb_help_ = {
    .name = "help",
    .arguments = "[<verb> | options]",
    .sentence = "Tell about all verbs, one of them, or all settings.",
    .most = 2,
    .stays_local = true,
    .run = run,
};
