/* Folders that strangers wrote: taken away without following a link out, copied with their holes. */
#include "nodeagent/runtime/folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static const char *below(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

static void links_are_removed_and_not_followed(void **state)
{
	(void)state;
	struct error error;
	assert_true(folder_make(below("precious"), 0755, &error));
	assert_true(folder_write_file(below("precious/file"), "x", 1, true, &error));
	assert_true(folder_make(below("hostile/deep/deeper"), 0755, &error));
	assert_int_equal(symlink(below("precious"), below("hostile/deep/link")), 0);
	assert_int_equal(symlink(below("precious/file"), below("hostile/link")), 0);
	assert_true(folder_remove(below("hostile"), &error));
	assert_false(folder_exists(below("hostile")));
	assert_true(folder_exists(below("precious/file")));
	/* A folder that is a link itself is refused, not emptied through the link. */
	assert_int_equal(symlink(below("precious"), below("link")), 0);
	assert_false(folder_empty(below("link"), &error));
	assert_true(folder_exists(below("precious/file")));
	assert_true(folder_remove(below("absent"), &error));
}

/* A tree far deeper than there are descriptors, with files on the way and names that the removal uses itself. */
static void deep_trees_are_removed_with_few_descriptors(void **state)
{
	(void)state;
	enum { LEVELS = 3000, DESCRIPTORS = 64 };
	struct rlimit former, few;
	struct error error;
	assert_true(folder_make(below("deep"), 0755, &error));
	int fd = open(below("deep"), O_RDONLY | O_DIRECTORY);
	for (int level = 0; level < LEVELS; level++) {
		assert_int_equal(mkdirat(fd, ".moved-1", 0755), 0);
		int inner = openat(fd, ".moved-1", O_RDONLY | O_DIRECTORY);
		assert_true(inner >= 0);
		close(openat(inner, "file", O_WRONLY | O_CREAT, 0644));
		close(fd);
		fd = inner;
	}
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
	few = former;
	few.rlim_cur = DESCRIPTORS;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	bool removed = folder_remove(below("deep"), &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
	if (!removed)
		fail_msg("%s", error.message);
	assert_false(folder_exists(below("deep")));
}

static void copies_keep_their_holes(void **state)
{
	(void)state;
	struct error error;
	struct stat status;
	int fd = open(below("sparse"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, "middle", 6, 4 << 20), 6);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	close(fd);
	assert_true(folder_copy_sparse(below("sparse"), below("copy"), 0600, &error));
	assert_int_equal(stat(below("copy"), &status), 0);
	assert_int_equal(status.st_size, 64 << 20);
	assert_true(status.st_blocks * 512 < 1 << 20);
	char text[7] = "";
	fd = open(below("copy"), O_RDONLY);
	assert_int_equal(pread(fd, text, 6, 4 << 20), 6);
	close(fd);
	assert_string_equal(text, "middle");
	assert_false(folder_copy_sparse(below("sparse"), below("copy"), 0600, &error));
	assert_false(folder_copy_sparse(below("absent"), below("other"), 0600, &error));
	assert_false(folder_exists(below("other")));
}

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/roost-folder-XXXXXX");
	return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
	(void)state;
	return !folder_remove(root, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(links_are_removed_and_not_followed),
	    cmocka_unit_test(deep_trees_are_removed_with_few_descriptors),
	    cmocka_unit_test(copies_keep_their_holes),
	};
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
