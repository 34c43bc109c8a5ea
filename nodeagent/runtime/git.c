/* One program inside runs all commands of a run (init/steps.c), since entering a sandbox costs more than most
 * of them. What became of a run is told by a sentence chosen from git's own words. */
#include "nodeagent/runtime/git.h"

#include <string.h>

#define INSIDE_STEPS	 "/run/roost/init"
#define INSIDE_GITCONFIG "/run/roost/gitconfig"

/* What git says, in the C locale, and what that means for a user. The first that is found is taken. */
static const struct {
	const char *words;
	const char *sentence;
} explanations[] = {
    {"No space left on device", "The workspace's disk is full. The repository is too large for it."},
    {"Remote branch", "The branch does not exist in the repository."},
    {"terminal prompts disabled", "The repository does not exist, or it asks for a user name and password."},
    {"Authentication failed", "The repository asks for authentication."},
    {"Permission denied (publickey",
     "The repository asks for authentication: the server accepts no key of this workspace."},
    {"could not read Username", "The repository does not exist, or it asks for a user name and password."},
    {"Host key verification failed", "The server's host key could not be verified."},
    {"does not appear to be a git repository", "There is no git repository at this address."},
    {"not found", "The repository does not exist at this address."},
    {"access denied or repository not exported", "The repository does not exist at this address."},
    {"Could not resolve host", "The repository's server cannot be found: its name is not known."},
    {"Could not resolve hostname", "The repository's server cannot be found: its name is not known."},
    {"unable to look up", "The repository's server cannot be found: its name is not known."},
    {"transport '", "The kind of address is not allowed."},
    {"unable to connect", "The repository's server cannot be reached."},
    {"Failed to connect", "The repository's server cannot be reached."},
    {"Connection refused", "The repository's server cannot be reached."},
    {"Connection timed out", "The repository's server cannot be reached."},
    {"Network is unreachable", "The repository's server cannot be reached."},
    {"No route to host", "The repository's server cannot be reached."},
    {"ssh: not found", "The image has no ssh program, which this address needs."},
    {"cannot run ssh", "The image has no ssh program, which this address needs."},
    {"executable file not found", "The image has no git program."},
    {"Out of memory", "The workspace has too little memory to clone the repository."},
    {"Could not read from remote repository", "The repository does not exist or may not be read."},
    {"early EOF", "The connection to the repository's server broke."},
};

const char *git_explain(const char *output, bool has_branch)
{
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		bool about_branch = strcmp(explanations[i].words, "Remote branch") == 0;
		if (strstr(output, explanations[i].words) != NULL && (has_branch || !about_branch))
			return explanations[i].sentence;
	}
	return "The repository could not be cloned.";
}

bool git_unreachable(const char *output)
{
	const char *sentence = git_explain(output, false);
	return strstr(sentence, "cannot be reached") != NULL || strstr(sentence, "cannot be found") != NULL;
}

static const char *const *arguments_of(struct arena *arena, const char *const *commands, bool keep_objects)
{
	size_t count = 0, used = 0;
	while (commands[count] != NULL)
		count++;
	const char **arguments = arena_array_of(arena, const char *, count + 4);
	arguments[used++] = INSIDE_STEPS;
	arguments[used++] = "steps";
	arguments[used++] = keep_objects ? GIT_SOURCE : "";
	for (size_t i = 0; i < count; i++)
		arguments[used++] = commands[i];
	return arguments;
}

bool git_run(const struct git_place *place, struct arena *arena, const char *const *commands, bool local,
	     bool keep_objects, uint32_t timeout_ms, struct external_result *result, struct error *error)
{
	const struct runtime_variable environment[] = {
	    {"GIT_ALLOW_PROTOCOL", local ? "file" : "https:http:ssh:git"},
	    {"GIT_CONFIG_NOSYSTEM", "1"},
	    {"GIT_CONFIG_GLOBAL", local || keep_objects ? INSIDE_GITCONFIG : "/dev/null"},
	    {"GIT_TERMINAL_PROMPT", "0"},
	    {"GIT_ASKPASS", "/bin/false"},
	    {"GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new"},
	    {"HOME", "/nonexistent"},
	    {"LC_ALL", "C"},
	};
	struct runtime_program program = {.workspace_id = place->workspace_id,
					  .group = GIT_GROUP,
					  .arguments = arguments_of(arena, commands, keep_objects),
					  .folder = "/workspace",
					  .environment = environment,
					  .environment_count = sizeof(environment) / sizeof(environment[0])};
	char **argv;
	if (!place->driver->command(place->state, arena, &program, &argv, error))
		return false;
	struct external_options options = {.argv = argv, .timeout_ms = timeout_ms, .answer_ms = place->answer_ms};
	bool ran = external_run(&options, place->wait, arena, result, error);
	/* The runtime's helper has gone; what it started inside may not have. */
	return place->driver->kill_processes(place->state, place->workspace_id, GIT_GROUP, 0, error) && ran;
}

bool git_show_source(const struct git_place *place, int fd, struct error *error)
{
	return place->driver->unbind(place->state, place->workspace_id, GIT_SOURCE, error) &&
	       (fd < 0 || place->driver->bind(place->state, place->workspace_id, fd, GIT_SOURCE, error));
}
