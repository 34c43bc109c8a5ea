/* Runs the roost command against a server, on behalf of an owner, while the test's loop goes on. */
#ifndef ROOST_TESTS_SUPPORT_CLI_H
#define ROOST_TESTS_SUPPORT_CLI_H

#include "bus/foundation/arena.h"
#include "tests/support/nats_server.h"
#include "tests/support/process.h"

#include <uv.h>

struct cli {
	uv_loop_t *loop;
	struct nats_server *server;
	struct arena *arena; /* outputs live in it */
	const char *owner;
	const char *user;	/* whose credentials (made by nats_server_credentials); NULL: one who may everything */
	const char *timeout_ms; /* ROOST_COMMAND_TIMEOUT_MS; NULL for its default */
	int runs;
};

struct cli_result {
	int status;	    /* exit status */
	const char *output; /* standard output */
	const char *errors; /* standard error */
};

/* A run that goes on. Its output so far is read with cli_so_far. */
struct cli_run {
	struct process process;
	const char *output_path;
	const char *errors_path;
};

/* `words` is NULL-terminated and does not name the program. */
void cli_start(struct cli *cli, struct cli_run *run, const char *const *words);
struct cli_result cli_so_far(struct cli *cli, const struct cli_run *run);

/* Waits for its end, running the loop. */
struct cli_result cli_end(struct cli *cli, struct cli_run *run);

/* Start and end. */
struct cli_result cli_run(struct cli *cli, const char *const *words);

#define CLI_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Runs and fails the test unless it ends with status 0; standard output. */
const char *cli_expect_done(struct cli *cli, const char *const *words);

/* Runs and fails the test unless it ends with status 1 and standard error says the code; standard error. */
const char *cli_expect_refusal(struct cli *cli, const char *code, const char *const *words);

/* Fails the test unless the text is there. */
void expect_in(const char *text, const char *wanted);

#endif
