/* The books of living sessions: opening and closing the client, starting, adopting, removing. */
#include "nodeagent/session/client.h"

#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "nodeagent/session/cgroup.h"
#include "nodeagent/session/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *copy_text(const char *text)
{
	if (text == NULL)
		return NULL;
	char *copy = strdup(text);
	if (copy == NULL)
		abort();
	return copy;
}

struct session_client *session_client_open(const struct session_client_options *options, struct error *error)
{
	if (mkdir(options->folder, 0700) != 0 && errno != EEXIST) {
		error_errno(error, errno, "make %s", options->folder);
		return NULL;
	}
	struct session_client *client = calloc(1, sizeof(*client));
	if (client == NULL)
		abort();
	client->loop = options->loop;
	client->folder = copy_text(options->folder);
	client->host_program = copy_text(options->host_program);
	client->cgroup = copy_text(options->cgroup);
	client->callbacks = options->callbacks;
	uv_timer_init(client->loop, &client->later_timer);
	client->later_timer.data = client;
	client->handles = 1;
	return client;
}

void client_handle_closed(struct session_client *client)
{
	if (--client->handles > 0)
		return;
	void (*closed)(void *) = client->closed;
	void *context = client->closed_context;
	free(client->sessions);
	free(client->folder);
	free(client->host_program);
	free(client->cgroup);
	free(client);
	if (closed != NULL)
		closed(context);
}

static void on_own_closed(uv_handle_t *handle)
{
	client_handle_closed(handle->data);
}

void session_client_close(struct session_client *client, void (*closed)(void *context), void *context)
{
	/* of hosts that were killed; while one lives, or says goodbye, it stays */
	if (client->cgroup != NULL)
		cgroup_remove(client->cgroup);
	client->closing = true;
	client->closed = closed;
	client->closed_context = context;
	later_drop(client);
	while (client->count > 0) {
		struct session *session = client->sessions[client->count - 1];
		client_forget(session);
		session_let_go(session);
	}
	uv_close((uv_handle_t *)&client->later_timer, on_own_closed);
}

/* ---- the books ---- */

/* The place of the id, or where it would be. */
static size_t place_of(const struct session_client *client, const char *session_id, bool *found)
{
	size_t low = 0, high = client->count;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(client->sessions[middle]->id, session_id);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct session *client_find(const struct session_client *client, const char *session_id)
{
	bool found;
	size_t place = place_of(client, session_id, &found);
	return found ? client->sessions[place] : NULL;
}

static void remember(struct session_client *client, struct session *session)
{
	bool found;
	if (client->count == client->capacity) {
		client->capacity = client->capacity == 0 ? 16 : client->capacity * 2;
		client->sessions = realloc(client->sessions, client->capacity * sizeof(*client->sessions));
		if (client->sessions == NULL)
			abort();
	}
	size_t place = place_of(client, session->id, &found);
	memmove(client->sessions + place + 1, client->sessions + place,
		(client->count - place) * sizeof(*client->sessions));
	client->sessions[place] = session;
	client->count++;
}

void client_forget(struct session *session)
{
	struct session_client *client = session->client;
	bool found;
	size_t place = place_of(client, session->id, &found);
	if (!found)
		return;
	client->count--;
	memmove(client->sessions + place, client->sessions + place + 1,
		(client->count - place) * sizeof(*client->sessions));
}

bool session_alive(const struct session_client *client, const char *session_id)
{
	return client_find(client, session_id) != NULL;
}

size_t session_count(const struct session_client *client)
{
	return client->count;
}

/* ---- folders ---- */

static bool path_of(const struct session_client *client, const char *session_id, char path[PATH_MAX],
		    struct error *error)
{
	if (!ulid_valid(session_id))
		return error_set(error, ERROR_INVALID_ARGUMENT, "the session id is not valid");
	int size = snprintf(path, PATH_MAX, "%s/%s", client->folder, session_id);
	return size < PATH_MAX ? true : error_set(error, ERROR_INTERNAL, "the path of the session is too long");
}

int client_open_folder(const struct session_client *client, const char *session_id, struct error *error)
{
	char path[PATH_MAX];
	return path_of(client, session_id, path, error) ? folder_open(path, error) : -1;
}

static void remove_files(int folder)
{
	int listing = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = listing < 0 ? NULL : fdopendir(listing);
	if (directory == NULL) {
		if (listing >= 0)
			close(listing);
		return;
	}
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(folder, entry->d_name, 0);
	closedir(directory);
}

bool session_remove(struct session_client *client, const char *session_id, struct error *error)
{
	char path[PATH_MAX];
	if (!path_of(client, session_id, path, error))
		return false;
	if (client_find(client, session_id) != NULL)
		return error_set(error, ERROR_CONFLICT, "the session has not ended");
	int folder = folder_open(path, error);
	if (folder < 0)
		return false;
	/* a host that has written its last word may still be saying goodbye; it needs the folder no more */
	if (folder_look(folder) == FOLDER_LIVE && faccessat(folder, FOLDER_ENDED, F_OK, 0) != 0) {
		close(folder);
		return error_set(error, ERROR_CONFLICT, "the session has not ended");
	}
	remove_files(folder);
	close(folder);
	return rmdir(path) == 0 ? true : error_errno(error, errno, "remove %s", path);
}

/* ---- start and adoption ---- */

static size_t length_of(const char *const *list)
{
	size_t length = 0;
	while (list != NULL && list[length] != NULL)
		length++;
	return length;
}

static bool write_spec(const struct session_client *client, const struct session_start *start, int folder,
		       struct error *error)
{
	Roost__HostSpec spec = ROOST__HOST_SPEC__INIT;
	spec.session_id = start->session_id;
	spec.n_argv = length_of(start->argv);
	spec.argv = (const char **)start->argv;
	spec.n_env = length_of(start->env);
	spec.env = (const char **)start->env;
	spec.working_folder = start->working_folder;
	spec.has_cols = true;
	spec.cols = start->cols;
	spec.has_rows = true;
	spec.rows = start->rows;
	spec.cgroup = client->cgroup;
	if (spec.n_argv == 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "the session has no command");
	return folder_write_spec(folder, &spec, error);
}

static bool begin(struct session_client *client, const struct session_start *start, int folder, struct error *error)
{
	struct session *session = session_new(client, start->session_id, folder, error);
	if (session == NULL)
		return false;
	if (!session_launch(session, error)) {
		session_let_go(session);
		return false;
	}
	remember(client, session);
	return true;
}

bool session_start(struct session_client *client, const struct session_start *start, struct error *error)
{
	char path[PATH_MAX];
	if (!path_of(client, start->session_id, path, error))
		return false;
	if (mkdir(path, 0700) != 0) {
		if (errno == EEXIST)
			return error_set(error, ERROR_CONFLICT, "the session was started before");
		return error_errno(error, errno, "make %s", path);
	}
	int folder = folder_open(path, error);
	int own = folder < 0 ? -1 : fcntl(folder, F_DUPFD_CLOEXEC, 0);
	bool begun = own >= 0 && write_spec(client, start, folder, error) && begin(client, start, own, error);
	if (!begun && folder >= 0) {
		remove_files(folder);
		rmdir(path);
	}
	if (folder >= 0)
		close(folder);
	return begun;
}

static void adopt_one(struct session_client *client, const char *name)
{
	struct error error;
	if (!ulid_valid(name)) {
		log_warning("%s/%s is not the folder of a session; it is left alone", client->folder, name);
		return;
	}
	if (client_find(client, name) != NULL)
		return;
	int folder = client_open_folder(client, name, &error);
	struct session *session = folder < 0 ? NULL : session_new(client, name, folder, &error);
	if (session == NULL) {
		log_error("session %s cannot be adopted: %s", name, error.message);
		return;
	}
	remember(client, session);
	session_look_soon(session, 0);
}

bool session_client_adopt(struct session_client *client, struct error *error)
{
	DIR *directory = opendir(client->folder);
	if (directory == NULL)
		return error_errno(error, errno, "read %s", client->folder);
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			adopt_one(client, entry->d_name);
	closedir(directory);
	return true;
}
