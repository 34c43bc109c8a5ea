/* A loop, a session client on a folder of its own, and a note of everything that it says. Hosts that a
 * test leaves behind are killed when it ends, however it ends. */
#ifndef ROOST_TESTS_INTEGRATION_SESSION_SESSION_FIXTURE_H
#define ROOST_TESTS_INTEGRATION_SESSION_SESSION_FIXTURE_H

#include "nodeagent/session/frame.h"
#include "nodeagent/session/session_client.h"
#include "sessionhost.pb-c.h"

#include <sys/types.h>

enum { NOTES_MAX = 64 };

struct note {
	char id[27];
	int running_told, program_pid;
	int ended_told;
	struct session_end end;
	char message[256], detail[256];
};

struct fixture {
	uv_loop_t loop;
	char root[200];	    /* removed at the end */
	char folder[256];   /* of the sessions */
	const char *cgroup; /* for the next client */
	struct session_client *client;
	struct note notes[NOTES_MAX];
	int note_count;
};

/* Setup and teardown for cmocka; *state is a struct fixture. */
int fixture_open(void **state);
int fixture_close(void **state);

/* Opens and closes the client in between, as a restarted agent would. */
void fixture_open_client(struct fixture *fixture);
void fixture_close_client(struct fixture *fixture);

/* What was said of a session; made when there is none yet. */
struct note *fixture_note(struct fixture *fixture, const char *id);

/* A new session id. */
const char *fixture_id(void);

/* Starts `sh -c script` (or argv as it is), and waits until it runs or has ended. */
const char *fixture_start_script(struct fixture *fixture, const char *script);
const char *fixture_start(struct fixture *fixture, const char *const *argv);
void fixture_wait_running(struct fixture *fixture, const char *id);
const struct note *fixture_wait_ended(struct fixture *fixture, const char *id);

/* Each asks and waits for the answer. */
enum error_code fixture_input(struct fixture *fixture, const char *id, const char *input_id, const char *text);
enum error_code fixture_input_bytes(struct fixture *fixture, const char *id, const char *input_id, const void *data,
				    size_t size);
enum error_code fixture_resize(struct fixture *fixture, const char *id, uint32_t cols, uint32_t rows);
enum error_code fixture_stop(struct fixture *fixture, const char *id, uint32_t grace_ms);
/* The text lives until the next call; NULL on failure, with *code. */
const char *fixture_text(struct fixture *fixture, const char *id, uint32_t lines, enum error_code *code);

/* Asks for the text until it contains (or is exactly) what is expected. */
void fixture_wait_text(struct fixture *fixture, const char *id, const char *part);
void fixture_wait_exact_text(struct fixture *fixture, const char *id, const char *text);

/* The path of a file in the session's folder (until the next call), and the host's pid from its lock. */
const char *fixture_path(const struct fixture *fixture, const char *id, const char *name);
pid_t fixture_host_pid(const struct fixture *fixture, const char *id);

/* True while a process of that pid lives and is no zombie. */
bool process_lives(pid_t pid);
void wait_process_gone(pid_t pid);

/* ---- a connection of the test's own to a host, blocking, with deadlines ---- */

struct raw {
	int fd;
	struct frame_reader reader;
	struct arena *arena;
};

void raw_open(struct raw *raw, const struct fixture *fixture, const char *id);
void raw_close(struct raw *raw);
void raw_send(struct raw *raw, const Roost__HostRequest *request);
void raw_follow(struct raw *raw, uint64_t offset);
/* The next message; NULL when the host has closed the connection. Lives until the next call. */
const Roost__HostAnswer *raw_next(struct raw *raw);

#endif
