/* The contract between the one dispatcher (runtime.h) and the drivers that really make workspaces.
 * Nobody but the dispatcher may call a driver; a test reads the sources to see to it (S2-06).
 *
 * Life of a workspace, as a driver sees it
 *
 *   make_disk -> make_network -> start -> [command, kill_processes, bind ...] -> stop -> remove
 *                                  ^                                              |
 *                                  +------- make_network <- make_disk <-----------+  (a restart)
 *
 * - Every function but `close` may block, runs on a worker thread and is called for one workspace by
 *   one thread at a time; different workspaces are served by several threads at once. `open` and
 *   `close` are called once, with nothing else going on.
 * - Every function is idempotent: what is there already, from before a kill -9 at any instruction, is
 *   taken or replaced, and stop and remove of nothing succeed. The process's memory proves nothing.
 * - Everything made carries the installation's id and the workspace's id, and can be found by `list`
 *   from disk and kernel alone.
 * - A function that fails leaves its own part as if it had not been called. What earlier steps made is
 *   undone by the dispatcher, through stop and remove.
 * - External programs are waited for through the `struct external_wait` given, so that a cancel from
 *   the loop ends them (external.h). A function without one must not take long.
 * - Memory: what is returned lives in the arena given. Inputs are borrowed for the call.
 * - Errors: PROVISIONING_FAILED (the cause lies in what was asked for), PLATFORM_UNAVAILABLE (in the
 *   machine), BUSY (something outlived its time and is in the way) and STOP_FAILED carry sentences that
 *   users may read; INTERNAL goes to the log, and its cause is the machine too.
 *
 * No function may be NULL. */
#ifndef ROOST_NODEAGENT_RUNTIME_RUNTIME_DRIVER_H
#define ROOST_NODEAGENT_RUNTIME_RUNTIME_DRIVER_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "nodeagent/runtime/external.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the agent decides once, at start. Texts are borrowed for the life of the runtime. */
struct runtime_settings {
	const char *installation; /* 1 to 26 of [A-Za-z0-9]: marks everything that is ours */
	const char *folder;	  /* made if absent; disks, labels and logs of the workspaces */
	const char *binary;	  /* ROOST_RUNTIME_BINARY, "" for the first that works */
	const char *images;	  /* folder with other images; "" or NULL for .images below `folder` */
	const char *local_repos;  /* ROOST_LOCAL_REPOS, "" for none */
	const char *init_program; /* path of roost-workspaceinit */
	uint32_t cpu_percent;	  /* of one core */
	uint64_t memory_mb;
	uint32_t processes_max;
	uint64_t disk_mb;
	uint64_t disk_reserve_mb; /* free space below which no disk is made */
	uint32_t clone_timeout_seconds;
	uint32_t program_timeout_seconds; /* for one call of the runtime program; 0 for 60 */
	uint64_t mirrors_mb;		  /* disk for all mirrors of repositories together; 0 for no mirrors */
};

/* One environment variable. */
struct runtime_variable {
	const char *name;
	const char *value;
};

/* The workspace that is wanted. */
struct runtime_workspace {
	const char *id; /* ULID */
	const char *owner;
	uint32_t generation;
	/* The root file system is made anew from the image when it is of an older generation than this;
	 * /workspace stays as it is. 0: never. */
	uint32_t rebuild_generation;
	int64_t made_at;	/* Unix milliseconds by the caller's clock, kept by the first start; 0: the machine's */
	const char *image;	/* "" or "host", or the name of a folder or archive (name.tar) among the images */
	const char *repository; /* "" for none */
	const char *branch;	/* "" for the repository's default */
	const struct runtime_variable *environment;
	size_t environment_count;
	const char *token; /* secret: a file at RUNTIME_TOKEN_PATH that only processes inside can read; NULL for none */
};

#define RUNTIME_TOKEN_PATH "/run/roost-token"

/* What a driver found out by trying (Roost__Capabilities without the machine's own figures). */
struct runtime_facts {
	const char *driver;  /* "oci" */
	const char *binary;  /* the program that works, "crun" */
	bool user_namespace; /* root inside is nobody outside */
	bool disk_limit;     /* a workspace cannot fill the machine's disk */
	bool network_isolation;
	uint32_t cgroup_version; /* 1 or 2 */
};

/* One workspace of this installation found on disk or in the kernel. */
struct runtime_found {
	const char *id;
	const char *owner;   /* "" when only the kernel knows of it */
	uint32_t generation; /* 0 likewise */
	int64_t made_at;     /* Unix milliseconds of its first start; 0 likewise */
	bool running;	     /* its first process lives */
	bool has_disk;	     /* a disk or folder with its files */
	uint64_t disk_bytes; /* that its disk takes on the machine; 0 for a folder */
	bool checkout_made;  /* disk is mounted and its checkout is complete */
	bool has_remains;    /* not running, and mounts, network, cgroups or processes are left */
};

/* What is left after a stop or a removal that failed; all zero after one that succeeded. */
struct runtime_left {
	uint32_t processes; /* that live */
	uint32_t mounts;
	bool files; /* that were to be removed; a stop keeps them on purpose and does not count them */
};

/* A program to run inside a running workspace. */
struct runtime_program {
	const char *workspace_id;
	const char *group;			    /* names its own cgroup, for kill_processes: the session's id */
	const char *const *arguments;		    /* ends with NULL; the first is the program */
	const char *folder;			    /* "" for /workspace */
	const struct runtime_variable *environment; /* added to the workspace's own */
	size_t environment_count;
	const char *console_socket; /* NULL: no terminal, the three standard files are passed on */
	const char *pid_file;	    /* with a terminal: gets the program's pid as seen on the machine */
};

struct runtime_driver {
	const char *name;

	/* Makes the driver's state; touches nothing but memory. */
	bool (*open)(const struct runtime_settings *settings, void **state, struct error *error);

	/* Frees the state; also takes away what serves the installation as a whole when none of its
	 * workspaces runs any more. Running workspaces run on. */
	void (*close)(void *state);

	/* Finds out by trying whether and how workspaces can be made. False with PLATFORM_UNAVAILABLE and
	 * the true cause when they cannot (D7); everything below but stop, remove and list then fails
	 * with the same error. May be called again later. */
	bool (*probe)(void *state, struct external_wait *wait, struct arena *arena, struct runtime_facts *facts,
		      struct error *error);

	/* Makes again what somebody else took away under running workspaces and what keeps them apart, such
	 * as the firewall's rules. Cheap when nothing is missing; called at every beat once probe succeeded. */
	bool (*tend)(void *state, struct error *error);

	/* Finds out, without making anything, what would keep a start from succeeding: no usable runtime, no
	 * such image. Cheap. */
	bool (*preflight)(void *state, const struct runtime_workspace *workspace, struct error *error);

	/* The workspace's files: there and reachable afterwards, with those of earlier generations. */
	bool (*make_disk)(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
			  struct error *error);

	/* Its network with an address of its own: outbound only. */
	bool (*make_network)(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
			     struct error *error);

	/* Its sandbox; makes the network itself when there is none. A sandbox of an older generation must
	 * have been stopped. */
	bool (*start)(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		      struct error *error);

	bool (*is_running)(void *state, const char *workspace_id, bool *running, struct error *error);

	/* See runtime_process_limit_reached. */
	uint32_t (*process_limit_reached)(void *state, const char *workspace_id);

	/* A pidfd of the first process, opened so that a reused pid cannot be taken for it;
	 * WORKSPACE_NOT_RUNNING when it does not run. The caller closes it. */
	bool (*watch)(void *state, const char *workspace_id, int *pidfd, struct error *error);

	/* Ends all processes (politely, after `grace_ms` by force, until the cgroup is empty), takes away
	 * the network, detaches the disk and keeps the files (S2-05). Works without a usable runtime. */
	bool (*stop)(void *state, struct external_wait *wait, const char *workspace_id, uint32_t grace_ms,
		     struct error *error);

	/* Takes away the files too. The dispatcher has stopped it before. */
	bool (*remove)(void *state, struct external_wait *wait, const char *workspace_id, struct error *error);

	/* Puts everything on the workspace's disk for good, and then empties the file `mark` on it, also for good.
	 * Does nothing when the disk is not attached. */
	bool (*sync)(void *state, const char *workspace_id, const char *mark, struct error *error);

	/* Counts what there is of a workspace now: its living processes, its mounts, its files. Asked after a
	 * stop or removal that failed. */
	void (*count_left)(void *state, const char *workspace_id, struct runtime_left *left);

	/* Everything that carries this installation's id, from disk and kernel. */
	bool (*list)(void *state, struct arena *arena, struct runtime_found **found, size_t *count,
		     struct error *error);

	/* The argv, ending with NULL, that runs the program inside when executed on the machine; also
	 * makes the program's cgroup. See runtime_command. */
	bool (*command)(void *state, struct arena *arena, const struct runtime_program *program, char ***argv,
			struct error *error);

	/* Ends every process of a group and removes the group's cgroup; of an absent one, succeeds.
	 * SIGTERM first when grace_ms is not 0. */
	bool (*kill_processes)(void *state, const char *workspace_id, const char *group, uint32_t grace_ms,
			       struct error *error);

	/* Shows the folder behind `fd` read-only at `path` inside a running workspace, and ends that. */
	bool (*bind)(void *state, const char *workspace_id, int fd, const char *path, struct error *error);
	bool (*unbind)(void *state, const char *workspace_id, const char *path, struct error *error);

	/* A folder on the workspace's disk as seen on the machine: its checkout, and the place beside it
	 * for marks that the workspace cannot reach. Valid while the disk is made. */
	bool (*paths)(void *state, struct arena *arena, const char *workspace_id, const char **checkout,
		      const char **marks, struct error *error);
};

/* How long one call of the runtime program may take. */
uint32_t runtime_program_timeout_ms(const struct runtime_settings *settings);

/* True for 1 to 64 of [A-Za-z0-9_-]: an id that is also a file name and a cgroup's. */
bool runtime_valid_id(const char *id);

extern const struct runtime_driver runtime_driver_oci;

#endif
