/* The files are half noise, half words, so that they pack about as source code does. */
#include "tests/bench/repository.h"

#include "bus/foundation/clock.h"
#include "tests/bench/measure.h"
#include "tests/support/cleanup.h"
#include "tests/support/process.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 1400, FILE_BYTES = 37500, FOLDERS = 40 };

static struct process server;

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
	char script[4096], output[4096];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(script, sizeof(script), format, arguments);
	va_end(arguments);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	if (process_run(argv, NULL, output, sizeof(output)) != 0)
		bench_die(script, output);
}

static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void write_file(const char *path, uint32_t seed)
{
	static const char *const words[] = {"static ", "return ", "error ", "const ",
					    "struct ", "(void) ", "if (",   "{\n\t"};
	FILE *file = fopen(path, "we");
	if (file == NULL)
		bench_die("cannot make", path);
	for (int size = 0; size < FILE_BYTES / 2;)
		size += fprintf(file, "%s", words[next_number(&seed) % 8]);
	for (int i = 0; i < FILE_BYTES / 2; i++)
		fputc((int)(next_number(&seed) & 0xff), file);
	fclose(file);
}

static void make_files(const char *folder)
{
	for (int i = 0; i < FILES; i++) {
		char path[1024];
		snprintf(path, sizeof(path), "%s/part%d", folder, i % FOLDERS);
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "%s/part%d/file%d.c", folder, i % FOLDERS, i);
		write_file(path, (uint32_t)i + 1);
	}
}

/* As everywhere in our tests: addresses of the range that is kept for benchmarks, on a wire of our own. */
static void serve(struct bench_repository *repository)
{
	unsigned number = (unsigned)getpid() & 0x3fff;
	char machine[32], address[32], link[16], script[1024];
	snprintf(link, sizeof(link), "bench%u", (unsigned)getpid() % 1000000);
	snprintf(machine, sizeof(machine), "198.%u.%u.%u", 18 + (number >> 13), (number >> 5) & 0xff,
		 (number & 0x1f) * 8 + 1);
	snprintf(address, sizeof(address), "198.%u.%u.%u", 18 + (number >> 13), (number >> 5) & 0xff,
		 (number & 0x1f) * 8 + 2);
	snprintf(script, sizeof(script),
		 "until ip -4 addr show dev inside 2>/dev/null | grep -q inet; do sleep 0.02; done; "
		 "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' "
		 "exec $(git --exec-path)/git-daemon --export-all --reuseaddr --listen=%s '--base-path=%s'",
		 address, repository->folder);
	const char *const argv[] = {"unshare", "--net", "/bin/sh", "-c", script, NULL};
	process_start(&server, argv, NULL, "/dev/null");
	shell("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do sleep 0.02; done; "
	      "ip link add %s type veth peer name inside netns %d && ip addr add %s/29 dev %s && ip link set %s up && "
	      "nsenter -t %d -n sh -c 'ip link set lo up && ip link set inside up && ip addr add %s/29 dev inside'",
	      server.pid, link, server.pid, machine, link, link, server.pid, address);
	snprintf(repository->url, sizeof(repository->url), "git://%s/big.git", address);
	shell("for i in $(seq 500); do git ls-remote %s >/dev/null 2>&1 && exit; sleep 0.02; done; exit 1",
	      repository->url);
}

void bench_repository_make(struct bench_repository *repository)
{
	char source[600];
	snprintf(repository->folder, sizeof(repository->folder), "%s/repositories", cleanup_folder());
	snprintf(repository->path, sizeof(repository->path), "%s/big.git", repository->folder);
	snprintf(source, sizeof(source), "%s/source", cleanup_folder());
	shell("mkdir -p %s %s", repository->folder, source);
	make_files(source);
	shell("cd %s && git init -q -b main && git add . && git -c user.name=b -c user.email=b@example.org commit -qm "
	      "one && "
	      "git clone -q --bare . %s && git -C %s repack -adq",
	      source, repository->path, repository->path);
	serve(repository);
}

double bench_repository_clone_ms(const struct bench_repository *repository)
{
	char target[600];
	snprintf(target, sizeof(target), "%s/clone", cleanup_folder());
	const char *const argv[] = {"git", "-c", "checkout.workers=4", "clone", "-q", repository->path, target, NULL};
	int64_t started = clock_monotonic_ns();
	if (process_run(argv, NULL, NULL, 0) != 0)
		bench_die("git clone", repository->path);
	double ms = (double)(clock_monotonic_ns() - started) / 1e6;
	shell("rm -rf %s", target);
	return ms;
}
