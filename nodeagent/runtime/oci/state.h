/* What the files of the oci driver share. Only they include this. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_STATE_H
#define ROOST_NODEAGENT_RUNTIME_OCI_STATE_H

#include "nodeagent/runtime/oci/namespaces.h"
#include "nodeagent/runtime/oci/place.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Namespaces with a network, made and not yet entered by a sandbox. */
struct oci_network {
	struct oci_network *next;
	char id[65];
	uint32_t slot;
	struct namespaces namespaces;
};

struct oci_state {
	struct runtime_settings settings;
	pthread_mutex_t lock; /* guards all below */
	struct oci_network *networks;
	/* what probe found; binary is empty until it has */
	char binary[PLACE_PATH_MAX];
	bool user_namespace;
	bool disk_limit;
	char trouble[ERROR_MESSAGE_MAX]; /* why nothing can be started */
};

/* A copy of what probe found; false with PLATFORM_UNAVAILABLE and the cause when nothing works. */
struct oci_ability {
	char binary[PLACE_PATH_MAX];
	bool user_namespace;
	bool disk_limit;
};
bool oci_ability(struct oci_state *state, struct oci_ability *ability, struct error *error);

/* The steps, each by its own file; see runtime_driver.h. */
bool oci_probe(void *state, struct external_wait *wait, struct arena *arena, struct runtime_facts *facts,
	       struct error *error);
bool oci_make_disk(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		   struct error *error);
bool oci_make_network(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		      struct error *error);
bool oci_start(void *state, struct external_wait *wait, const struct runtime_workspace *workspace, struct error *error);
bool oci_stop(void *state, struct external_wait *wait, const char *workspace_id, uint32_t grace_ms,
	      struct error *error);
bool oci_remove(void *state, struct external_wait *wait, const char *workspace_id, struct error *error);
bool oci_sync(void *state, const char *workspace_id, const char *mark, struct error *error);
void oci_count_left(void *state, const char *workspace_id, struct runtime_left *left);
bool oci_list(void *state, struct arena *arena, struct runtime_found **found, size_t *count, struct error *error);
bool oci_command(void *state, struct arena *arena, const struct runtime_program *program, char ***argv,
		 struct error *error);
bool oci_kill_processes(void *state, const char *workspace_id, const char *group, uint32_t grace_ms,
			struct error *error);
bool oci_bind(void *state, const char *workspace_id, int fd, const char *path, struct error *error);
bool oci_unbind(void *state, const char *workspace_id, const char *path, struct error *error);

/* The lock that one workspace's changes are made under, also across processes: a runtime program that
 * outlives a killed agent still holds it. Waits a while; -1 with the error. Closing it unlocks. */
int oci_lock_workspace(const struct place *place, struct error *error);

/* Takes the network that was made for the workspace out of the state; false when there is none. */
bool oci_take_network(struct oci_state *state, const char *workspace_id, struct oci_network *network);

#endif
