/* Standard output and standard error go to files of their own, so that a test can tell them apart. */
#include "tests/support/cli.h"

#include "bus/wire/message.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 32, END_TIMEOUT_MS = 60000, OUTPUT_MAX = 1024 * 1024 };

static const char *read_file(struct cli *cli, const char *path)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return "";
	char *text = arena_alloc(cli->arena, OUTPUT_MAX);
	text[fread(text, 1, OUTPUT_MAX - 1, file)] = '\0';
	fclose(file);
	return arena_strdup(cli->arena, text);
}

void cli_start(struct cli *cli, struct cli_run *run, const char *const *words)
{
	/* process_start knows one output only; the shell parts the two. */
	const char *argv[WORDS_MAX] = {"/bin/sh", "-c", "o=$1 e=$2; shift 2; exec \"$@\" >\"$o\" 2>\"$e\"", "sh"};
	struct arena *arena = cli->arena;
	int count = 4;
	run->output_path = arena_printf(arena, "%s/cli-%d.out", nats_server_folder(cli->server), cli->runs);
	run->errors_path = arena_printf(arena, "%s/cli-%d.err", nats_server_folder(cli->server), cli->runs++);
	argv[count++] = run->output_path;
	argv[count++] = run->errors_path;
	argv[count++] = ROOST_TEST_BIN "/roost";
	for (; *words != NULL; words++) {
		assert_true(count < WORDS_MAX - 1);
		argv[count++] = *words;
	}
	const char *environment[] = {
	    arena_printf(arena, "ROOST_NATS_URL=%s", nats_server_url(cli->server)),
	    arena_printf(arena, "ROOST_CREDENTIALS=%s",
			 nats_server_credentials(cli->server, cli->user == NULL ? "client" : cli->user, NULL)),
	    arena_printf(arena, "ROOST_OWNER=%s", cli->owner),
	    arena_printf(arena, "ROOST_COMMAND_TIMEOUT_MS=%s", cli->timeout_ms == NULL ? "20000" : cli->timeout_ms),
	    NULL,
	};
	process_start(&run->process, argv, environment, NULL);
}

struct cli_result cli_so_far(struct cli *cli, const struct cli_run *run)
{
	return (struct cli_result){-1, read_file(cli, run->output_path), read_file(cli, run->errors_path)};
}

static bool has_ended(void *context)
{
	return process_ended(context);
}

struct cli_result cli_end(struct cli *cli, struct cli_run *run)
{
	loop_until(cli->loop, has_ended, &run->process, END_TIMEOUT_MS, "the end of the roost command");
	struct cli_result result = cli_so_far(cli, run);
	result.status = process_wait(&run->process, END_TIMEOUT_MS);
	return result;
}

struct cli_result cli_run(struct cli *cli, const char *const *words)
{
	struct cli_run run;
	cli_start(cli, &run, words);
	return cli_end(cli, &run);
}

const char *cli_expect_done(struct cli *cli, const char *const *words)
{
	struct cli_result result = cli_run(cli, words);
	if (result.status != 0)
		fail_msg("roost %s %s ended with %d\n%s%s", words[0], words[1] == NULL ? "" : words[1], result.status,
			 result.output, result.errors);
	return result.output;
}

const char *cli_expect_refusal(struct cli *cli, const char *code, const char *const *words)
{
	struct cli_result result = cli_run(cli, words);
	const char *wanted = arena_printf(cli->arena, "roost: %s: ", code);
	if (result.status != 1 || strstr(result.errors, wanted) == NULL)
		fail_msg("roost %s %s ended with %d, not with 1 and %s\n%s%s", words[0],
			 words[1] == NULL ? "" : words[1], result.status, code, result.output, result.errors);
	return result.errors;
}

void expect_in(const char *text, const char *wanted)
{
	if (strstr(text, wanted) == NULL)
		fail_msg("\"%s\" is not in:\n%s", wanted, text);
}
