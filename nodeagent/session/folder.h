/* A session's folder as both sides use it (the list of its files is in session_client.h). Functions
 * take the opened folder, so that a long path, a moved installation or a folder made anew under the
 * same name do not matter; unix sockets are reached through it too, since their paths are short.
 * Synchronous and without state: any thread. */
#ifndef ROOST_NODEAGENT_SESSION_FOLDER_H
#define ROOST_NODEAGENT_SESSION_FOLDER_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "sessionhost.pb-c.h"

#include <stdbool.h>
#include <sys/types.h>

#define FOLDER_SPEC	"spec"
#define FOLDER_LOCK	"lock"
#define FOLDER_SOCKET	"socket"
#define FOLDER_CONSOLE	"console"
#define FOLDER_PID_FILE "pid"
#define FOLDER_LOG	"log"
#define FOLDER_ENDED	"ended"

/* Exit status of a starting host, see session_client.h. */
enum folder_start_status {
	HOST_START_OK = 0,
	HOST_START_FAILED = 1,
	HOST_START_HELD = 3,
	HOST_START_ENDED = 4,
};

enum folder_state {
	FOLDER_LIVE,	/* locked: a host lives, or is about to end */
	FOLDER_IS_OVER, /* not locked, `ended` is there */
	FOLDER_DEAD,	/* not locked, no `ended`: a host vanished or never began */
};

/* The folder's descriptor, close-on-exec; -1 and the error (ERROR_SESSION_NOT_FOUND when it is not
 * there). */
int folder_open(const char *path, struct error *error);

enum folder_state folder_look(int folder);

/* Takes the lock and writes pid and start time into it. The descriptor holds the lock until it is
 * closed, and no child inherits it. -1: ERROR_CONFLICT when somebody has it, else ERROR_INTERNAL. */
int folder_lock(int folder, struct error *error);

/* Ends the process that holds the lock by SIGKILL, if it is still the one that wrote its name there.
 * True when a signal was sent. */
bool folder_kill_holder(int folder);

/* Write the file under another name, sync it, rename it, sync the folder. */
bool folder_write_spec(int folder, const Roost__HostSpec *spec, struct error *error);
bool folder_write_ended(int folder, const Roost__HostEnded *ended, struct error *error);

/* Sets disk space aside so that a short `ended` can be written on a full disk. */
void folder_reserve_ended(int folder);

/* NULL and the error when it is not there, too large or does not decode. */
Roost__HostSpec *folder_read_spec(int folder, struct arena *arena, struct error *error);
Roost__HostEnded *folder_read_ended(int folder, struct arena *arena, struct error *error);

/* A listening socket of that name in the folder (mode 0600), and a connection to one; both
 * close-on-exec and non-blocking. -1 and the error. */
int folder_listen(int folder, const char *name, struct error *error);
int folder_connect(int folder, const char *name, struct error *error);

#endif
