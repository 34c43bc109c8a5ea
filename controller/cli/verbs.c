/* The table of verbs. A verb is a file and a row here. */
#include "controller/cli/verb.h"

#include <string.h>

extern const struct verb verb_up, verb_down, verb_status, verb_events, verb_sweep, verb_help_;
extern const struct verb verb_node_list, verb_node_get, verb_node_create, verb_node_stop, verb_node_start,
    verb_node_delete, verb_node_logs;
extern const struct verb verb_workspace_create, verb_workspace_list, verb_workspace_get, verb_workspace_stop,
    verb_workspace_restart, verb_workspace_rebuild, verb_workspace_rename, verb_workspace_collapse,
    verb_workspace_expand, verb_workspace_delete, verb_workspace_logs, verb_workspace_reap;
extern const struct verb verb_session_start, verb_session_list, verb_session_get, verb_session_send,
    verb_session_output, verb_session_wait, verb_session_stop;

const struct verb *const verbs[] = {
    &verb_up,
    &verb_down,
    &verb_status,
    &verb_events,
    &verb_sweep,
    &verb_node_list,
    &verb_node_get,
    &verb_node_create,
    &verb_node_stop,
    &verb_node_start,
    &verb_node_delete,
    &verb_node_logs,
    &verb_workspace_create,
    &verb_workspace_list,
    &verb_workspace_get,
    &verb_workspace_stop,
    &verb_workspace_restart,
    &verb_workspace_rebuild,
    &verb_workspace_rename,
    &verb_workspace_collapse,
    &verb_workspace_expand,
    &verb_workspace_delete,
    &verb_workspace_logs,
    &verb_workspace_reap,
    &verb_session_start,
    &verb_session_list,
    &verb_session_get,
    &verb_session_send,
    &verb_session_output,
    &verb_session_wait,
    &verb_session_stop,
    &verb_help_,
    NULL,
};

const struct verb *verb_find(int argc, char **argv, int *words)
{
	for (size_t i = 0; verbs[i] != NULL; i++) {
		const struct verb *verb = verbs[i];
		*words = verb->noun == NULL ? 1 : 2;
		if (argc < *words || strcmp(argv[*words - 1], verb->name) != 0)
			continue;
		if (verb->noun == NULL || strcmp(argv[0], verb->noun) == 0)
			return verb;
	}
	return NULL;
}
