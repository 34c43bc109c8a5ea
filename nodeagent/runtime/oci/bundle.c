/* The sandbox as data. Docker's defaults wherever there is one: capabilities, system calls, masked and
 * read-only paths, devices. */
#include "nodeagent/runtime/oci/bundle.h"

#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/image.h"
#include "nodeagent/runtime/oci/network.h"
#include "nodeagent/runtime/oci/resolver.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const capabilities[] = {"CAP_CHOWN",
					   "CAP_DAC_OVERRIDE",
					   "CAP_FSETID",
					   "CAP_FOWNER",
					   "CAP_MKNOD",
					   "CAP_NET_RAW",
					   "CAP_SETGID",
					   "CAP_SETUID",
					   "CAP_SETFCAP",
					   "CAP_SETPCAP",
					   "CAP_NET_BIND_SERVICE",
					   "CAP_SYS_CHROOT",
					   "CAP_KILL",
					   "CAP_AUDIT_WRITE",
					   NULL};

static const char *const masked_paths[] = {"/proc/asound",
					   "/proc/acpi",
					   "/proc/interrupts",
					   "/proc/kcore",
					   "/proc/keys",
					   "/proc/latency_stats",
					   "/proc/timer_list",
					   "/proc/timer_stats",
					   "/proc/sched_debug",
					   "/proc/scsi",
					   "/sys/firmware",
					   "/sys/devices/virtual/block",
					   "/sys/fs/cgroup",
					   "/sys/devices/virtual/powercap",
					   NULL};

static const char *const read_only_paths[] = {"/proc/bus",	     "/proc/fs", "/proc/irq", "/proc/sys",
					      "/proc/sysrq-trigger", NULL};

static const char *const seccomp_names[] = {
#define SYSCALL(name) #name,
#include "nodeagent/runtime/oci/seccomp.def"
#undef SYSCALL
#if defined(__x86_64__)
    "arch_prctl", "modify_ldt",
#elif defined(__aarch64__)
    "arm_fadvise64_64",
    "arm_sync_file_range",
    "sync_file_range2",
    "breakpoint",
    "cacheflush",
    "set_tls",
#endif
    NULL};

static json_t *text_array(const char *const *texts)
{
	json_t *array = json_array();
	for (; *texts != NULL; texts++)
		json_array_append_new(array, json_string(*texts));
	return array;
}

/* One allowed call under a condition on its first argument. */
static json_t *allow_if(const char *name, json_int_t value, json_int_t second, const char *operation)
{
	return json_pack("{s:[s], s:s, s:[{s:i, s:I, s:I, s:s}]}", "names", name, "action", "SCMP_ACT_ALLOW", "args",
			 "index", 0, "value", value, "valueTwo", second, "op", operation);
}

static json_t *seccomp(void)
{
	/* Linux, 32-bit and BSD personalities, and asking for the present one. */
	static const json_int_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
	enum { NEW_NAMESPACES = 0x7e020000, VSOCK = 40, NOT_IMPLEMENTED = 38, NOT_PERMITTED = 1 };
	json_t *calls = json_array();
	json_array_append_new(calls,
			      json_pack("{s:o, s:s}", "names", text_array(seccomp_names), "action", "SCMP_ACT_ALLOW"));
	for (size_t i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++)
		json_array_append_new(calls, allow_if("personality", personalities[i], 0, "SCMP_CMP_EQ"));
	json_array_append_new(calls, allow_if("socket", VSOCK, 0, "SCMP_CMP_NE"));
	json_array_append_new(calls, allow_if("clone", NEW_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ"));
	/* The flags of clone3 are out of a filter's reach; "not implemented" makes libraries use clone. */
	json_array_append_new(calls, json_pack("{s:[s], s:s, s:i}", "names", "clone3", "action", "SCMP_ACT_ERRNO",
					       "errnoRet", NOT_IMPLEMENTED));
	static const char *const architectures[] = {
#if defined(__x86_64__)
		"SCMP_ARCH_X86_64",
		"SCMP_ARCH_X86",
#elif defined(__aarch64__)
		"SCMP_ARCH_AARCH64",
		"SCMP_ARCH_ARM",
#endif
		NULL
	};
	return json_pack("{s:s, s:i, s:o, s:o}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", NOT_PERMITTED,
			 "architectures", text_array(architectures), "syscalls", calls);
}

static json_t *environment(const struct runtime_workspace *workspace)
{
	static const char path[] = "PATH=" BUNDLE_PATH;
	static const char *const standard[] = {path, "HOME=/root", "USER=root", "LANG=C.UTF-8", NULL};
	json_t *array = text_array(standard);
	char workspace_id[128];
	snprintf(workspace_id, sizeof(workspace_id), "ROOST_WORKSPACE_ID=%s", workspace->id);
	json_array_append_new(array, json_string(workspace_id));
	for (size_t i = 0; i < workspace->environment_count; i++) {
		const struct runtime_variable *variable = &workspace->environment[i];
		json_array_append_new(array, json_sprintf("%s=%s", variable->name, variable->value));
	}
	return array;
}

static json_t *process(const struct bundle *bundle)
{
	json_t *sets = json_object();
	static const char *const names[] = {"bounding", "effective", "permitted"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(sets, names[i], text_array(capabilities));
	return json_pack("{s:b, s:{s:i, s:i}, s:[s], s:o, s:s, s:o, s:b}", "terminal", 0, "user", "uid", 0, "gid", 0,
			 "args", "/run/roost/init", "env", environment(bundle->workspace), "cwd", "/workspace",
			 "capabilities", sets, "noNewPrivileges", 1);
}

static void add_mount(json_t *mounts, const char *target, const char *type, const char *source, const char *options)
{
	char copy[256], *rest = NULL;
	json_t *list = json_array();
	snprintf(copy, sizeof(copy), "%s", options);
	for (char *option = strtok_r(copy, ",", &rest); option != NULL; option = strtok_r(NULL, ",", &rest))
		json_array_append_new(list, json_string(option));
	json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:o}", "destination", target, "type", type, "source",
						source, "options", list));
}

static void add_host_mounts(json_t *mounts)
{
	for (const char *const *path = image_host_paths; *path != NULL; path++) {
		struct stat status;
		if (lstat(*path, &status) == 0 && S_ISDIR(status.st_mode))
			add_mount(mounts, *path, "bind", *path, "bind,ro,nosuid,nodev");
	}
}

static const char token_name[] = "token";

static json_t *mounts(const struct bundle *bundle)
{
	static const char *const generated[] = {"resolv.conf", "hosts", "hostname"};
	json_t *array = json_array();
	char source[PLACE_PATH_MAX + 16], target[64];
	add_mount(array, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	add_mount(array, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	add_mount(array, "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_mount(array, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=67108864");
	add_mount(array, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	add_mount(array, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
	add_mount(array, "/run", "tmpfs", "tmpfs", "nosuid,nodev,mode=755,size=67108864");
	if (image_is_host(bundle->workspace->image))
		add_host_mounts(array);
	snprintf(source, sizeof(source), "%s/workspace", bundle->place->disk);
	add_mount(array, "/workspace", "bind", source, "bind,rw,nosuid,nodev");
	place_inside_folder(bundle->settings, source);
	add_mount(array, "/run/roost", "bind", source, "bind,ro,nosuid,nodev");
	for (size_t i = 0; i < sizeof(generated) / sizeof(generated[0]); i++) {
		snprintf(source, sizeof(source), "%s/%s", bundle->place->bundle, generated[i]);
		snprintf(target, sizeof(target), "/etc/%s", generated[i]);
		add_mount(array, target, "bind", source, "bind,ro,nosuid,nodev,noexec");
	}
	if (bundle->workspace->token != NULL) {
		place_join(source, bundle->place->bundle, token_name);
		add_mount(array, RUNTIME_TOKEN_PATH, "bind", source, "bind,ro,nosuid,nodev,noexec");
	}
	return array;
}

static json_t *namespaces(const struct bundle *bundle)
{
	static const char *const fresh[] = {"pid", "ipc", "uts", "mount", "cgroup"};
	json_t *array = json_array();
	char path[64];
	for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++)
		json_array_append_new(array, json_pack("{s:s}", "type", fresh[i]));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), bundle->namespaces->network_fd);
	json_array_append_new(array, json_pack("{s:s, s:s}", "type", "network", "path", path));
	if (bundle->first_user != 0) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), bundle->namespaces->user_fd);
		json_array_append_new(array, json_pack("{s:s, s:s}", "type", "user", "path", path));
	}
	return array;
}

static json_t *resources(const struct runtime_settings *settings)
{
	enum { CPU_PERIOD_US = 100000 };
	json_int_t memory = (json_int_t)settings->memory_mb << 20;
	json_t *limits = json_pack("{s:I}", "limit", memory);
	if (cgroup_limits_swap())
		json_object_set_new(limits, "swap", json_integer(memory));
	return json_pack("{s:[{s:b, s:s}], s:o, s:{s:I, s:I}, s:{s:I}}", "devices", "allow", 0, "access", "rwm",
			 "memory", limits, "cpu", "quota", (json_int_t)settings->cpu_percent * (CPU_PERIOD_US / 100),
			 "period", (json_int_t)CPU_PERIOD_US, "pids", "limit", (json_int_t)settings->processes_max);
}

static json_t *kernel_side(const struct bundle *bundle)
{
	char cgroup[PLACE_PATH_MAX + 2];
	snprintf(cgroup, sizeof(cgroup), "/%s", bundle->place->cgroup);
	json_t *json = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "namespaces", namespaces(bundle), "cgroupsPath",
				 cgroup, "resources", resources(bundle->settings), "seccomp", seccomp(), "maskedPaths",
				 text_array(masked_paths), "readonlyPaths", text_array(read_only_paths));
	if (bundle->first_user == 0)
		return json;
	for (int group = 0; group < 2; group++)
		json_object_set_new(json, group ? "gidMappings" : "uidMappings",
				    json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID",
					      (json_int_t)bundle->first_user, "size", NAMESPACE_USERS));
	return json;
}

/* A short name for prompts: the end of the id, which differs most. */
static void host_name(const char *workspace_id, char *name)
{
	size_t length = strlen(workspace_id);
	snprintf(name, 16, "ws-%s", workspace_id + (length > 8 ? length - 8 : 0));
	for (; *name != '\0'; name++)
		*name = *name == '_' ? '-' : (char)tolower((unsigned char)*name);
}

static bool write_generated(const struct bundle *bundle, const char *name, const char *text, struct error *error)
{
	char path[PLACE_PATH_MAX];
	place_join(path, bundle->place->bundle, name);
	return folder_write_file(path, text, strlen(text), false, error);
}

static bool write_names(const struct bundle *bundle, const char *host, struct error *error)
{
	char address[16], hosts[256], name[32], resolver[2048];
	network_address_text(bundle->slot, address);
	snprintf(hosts, sizeof(hosts), "127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s %s\n", address, host);
	snprintf(name, sizeof(name), "%s\n", host);
	resolver_configuration(resolver, sizeof(resolver));
	return write_generated(bundle, "hosts", hosts, error) && write_generated(bundle, "hostname", name, error) &&
	       write_generated(bundle, "resolv.conf", resolver, error);
}

/* Only the runtime program and the agent read it: it holds the owner's environment, in a folder that others
 * may walk through. */
static bool close_to_others(const struct bundle *bundle, const char *name, struct error *error)
{
	char path[PLACE_PATH_MAX];
	place_join(path, bundle->place->bundle, name);
	return chmod(path, 0600) == 0 || error_errno(error, errno, "cannot close %s to others", path);
}

/* For the workspace's own root, who is another user outside, and nobody else. */
static bool write_token(const struct bundle *bundle, struct error *error)
{
	char path[PLACE_PATH_MAX];
	if (bundle->workspace->token == NULL)
		return true;
	place_join(path, bundle->place->bundle, token_name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0400);
	size_t size = strlen(bundle->workspace->token);
	bool written = fd >= 0 && fchmod(fd, 0400) == 0 && fchown(fd, bundle->first_user, bundle->first_user) == 0 &&
		       write(fd, bundle->workspace->token, size) == (ssize_t)size;
	int failed = errno;
	if (fd >= 0)
		close(fd);
	return written || error_errno(error, failed, "cannot write %s", path);
}

/* Takes the JSON over, which is NULL when it could not be made. */
static bool write_json(const struct bundle *bundle, const char *name, json_t *json, struct error *error)
{
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (text == NULL)
		return error_set(error, ERROR_INTERNAL, "the sandbox of workspace %s cannot be described",
				 bundle->workspace->id);
	bool written = write_generated(bundle, name, text, error) && close_to_others(bundle, name, error);
	free(text);
	return written;
}

bool bundle_write(const struct bundle *bundle, struct error *error)
{
	char host[16];
	host_name(bundle->workspace->id, host);
	if (!folder_make(bundle->place->bundle, 0711, error) || !write_names(bundle, host, error) ||
	    !write_token(bundle, error))
		return false;
	json_t *json =
	    json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:b}, s:o, s:{s:s, s:s, s:s, s:o}}", "ociVersion", "1.0.2",
		      "hostname", host, "process", process(bundle), "mounts", mounts(bundle), "root", "path",
		      bundle->root, "readonly", 0, "linux", kernel_side(bundle), "annotations", "roost.installation",
		      bundle->settings->installation, "roost.workspace", bundle->workspace->id, "roost.owner",
		      bundle->workspace->owner, "roost.generation", json_sprintf("%u", bundle->workspace->generation));
	return write_json(bundle, "config.json", json, error) &&
	       write_json(bundle, "environment.json", environment(bundle->workspace), error);
}

char **bundle_environment(struct arena *arena, const struct place *place)
{
	char path[PLACE_PATH_MAX];
	place_join(path, place->bundle, "environment.json");
	json_t *array = json_load_file(path, 0, NULL);
	if (array == NULL)
		return NULL;
	size_t count = json_array_size(array);
	char **variables = arena_array_of(arena, char *, count + 1);
	for (size_t i = 0; i < count; i++)
		variables[i] = arena_strdup(arena, json_string_value(json_array_get(array, i)));
	json_decref(array);
	return variables;
}

bool bundle_make_inside(const struct runtime_settings *settings, struct error *error)
{
	/* Local sources belong to users of the machine, whom git inside would not trust. */
	static const char gitconfig[] = "[safe]\n\tdirectory = *\n";
	char inside[PLACE_PATH_MAX], path[PLACE_PATH_MAX], fresh[PLACE_PATH_MAX];
	place_inside_folder(settings, inside);
	if (!place_join(path, inside, "source") || !folder_make(path, 0755, error))
		return false;
	if (!place_join(path, inside, "gitconfig") ||
	    !folder_write_file(path, gitconfig, sizeof(gitconfig) - 1, false, error))
		return false;
	if (!place_join(path, inside, "init") || !place_join(fresh, inside, "init.new"))
		return false;
	unlink(fresh);
	if (!folder_copy_sparse(settings->init_program, fresh, 0755, error))
		return false;
	return rename(fresh, path) == 0 || error_errno(error, errno, "cannot name %s", path);
}
