/* A store in a folder of its own, for tests of what is built on it. */
#ifndef ROOST_TESTS_UNIT_NODEAGENT_FIXTURE_H
#define ROOST_TESTS_UNIT_NODEAGENT_FIXTURE_H

#include "nodeagent/control/store.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIXTURE_NOW 1790000000000

struct fixture {
	char folder[256];
	char path[300];
	struct store *store;
	struct arena *arena;
	bool fresh;
};

static inline void fixture_open(struct fixture *fixture, const char *boot_id)
{
	struct error error = {0};
	fixture->store = store_open(fixture->path, boot_id, FIXTURE_NOW, &fixture->fresh, &error);
	if (!fixture->store)
		fail_msg("%s", error.message);
}

static inline void fixture_reopen(struct fixture *fixture, const char *boot_id)
{
	store_close(fixture->store);
	fixture_open(fixture, boot_id);
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *parent = getenv("TMPDIR");
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/roost-store-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(fixture->folder))
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/nodeagent.db", fixture->folder);
	fixture->arena = arena_new();
	fixture_open(fixture, "boot-1");
	*state = fixture;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm", ".damaged", ".damaged-wal", ".damaged-shm", ".ballast"};
	struct fixture *fixture = *state;
	store_close(fixture->store);
	arena_free(fixture->arena);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[400];
		snprintf(path, sizeof(path), "%s%s", fixture->path, names[i]);
		unlink(path);
	}
	rmdir(fixture->folder);
	free(fixture);
	return 0;
}

#define fixture_test(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
