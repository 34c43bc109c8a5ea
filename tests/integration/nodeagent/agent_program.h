/* The node agent under test, as a program of its own that can be killed and started again. */
#ifndef ROOST_TESTS_INTEGRATION_NODEAGENT_AGENT_PROGRAM_H
#define ROOST_TESTS_INTEGRATION_NODEAGENT_AGENT_PROGRAM_H

#include "tests/support/process.h"

struct agent_program {
	const char *path; /* of the program */
	char folder[256]; /* its ROOST_DATA_DIR */
	char url[64];
	char credentials[512];
	char node_id[27];
	char cutpoint[64]; /* ROOST_CUTPOINT, "" for none; happens once */
	struct process process;
};

/* What shall be asked of it is filled in; the folder is made below `parent`. */
void agent_program_init(struct agent_program *agent, const char *path, const char *parent, const char *url,
			const char *credentials, const char *node_id);

void agent_program_start(struct agent_program *agent);

/* SIGTERM, and waits: fails the test unless it ends with 0. */
void agent_program_stop(struct agent_program *agent);

/* kill -9. */
void agent_program_kill(struct agent_program *agent);

/* roost-nodeagent --stop-all, with --purge on request; the exit status. */
int agent_program_stop_all(const struct agent_program *agent, bool purge);

/* Deletes its database. It must not run. */
void agent_program_delete_database(const struct agent_program *agent);

/* How many lines of the fake runtime's log begin with this. */
int agent_program_log_lines(const struct agent_program *agent, const char *beginning);

#endif
