/* The disk of an installation is full, down to the last block: new things are refused with a reason, what
 * exists can still be stopped and deleted, and once there is room all is as before. (S0-29, S0-33, S4-08) */
#include "tests/support/cleanup.h"
#include "tests/support/installed.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const surroundings[] = {"DISK_RESERVE_MB=64", "ROOST_COMMAND_TIMEOUT_MS=20000", NULL};
static char disk[400], filler[500];

static void fill(void)
{
	static char block[64 * 1024];
	int file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	for (size_t size = sizeof(block); size > 0;) {
		memset(block, 'f', size);
		if (write(file, block, size) < 0) {
			assert_int_equal(errno, ENOSPC);
			size /= 2;
		}
	}
	close(file);
}

static bool is_gone(void *context)
{
	return roost("workspace", "get", context) != 0 && strstr(roost_output, "workspace_not_found") != NULL;
}

static bool is_made(void *context)
{
	return roost("workspace", "create", context, "--wait") == 0;
}

static void a_full_disk_refuses_what_is_new_and_ends_what_is_old(void **state)
{
	(void)state;
	must("workspace", "create", "one", "--wait");
	must("workspace", "create", "two", "--wait");
	must("session", "start", "one", "--", "sleep", "100000");
	fill();
	assert_int_not_equal(roost("workspace", "create", "three", "--wait"), 0);
	if (strstr(roost_output, "platform_unavailable") == NULL && strstr(roost_output, "provisioning_failed") == NULL)
		fail_msg("a create on a full disk is told why: %s", roost_output);
	must("workspace", "stop", "one", "--wait");
	must("workspace", "delete", "one");
	must("workspace", "delete", "two");
	wait_until(is_gone, "one", PATIENCE_MS, "one to be gone");
	wait_until(is_gone, "two", PATIENCE_MS, "two to be gone");
	unlink(filler);
	wait_until(is_made, "four", 2 * PATIENCE_MS, "a workspace on a disk with room");
	await_field("node", installed_node_id(), "healthStatus", "healthy");
}

static int up(void **state)
{
	(void)state;
	char undo[512], folder[500];
	snprintf(disk, sizeof(disk), "%s/disk", cleanup_folder());
	snprintf(undo, sizeof(undo), "umount -l '%s' 2>/dev/null", disk);
	snprintf(filler, sizeof(filler), "%s/filler", disk);
	snprintf(folder, sizeof(folder), "%s/data", disk);
	cleanup_command(undo);
	if (mkdir(disk, 0755) != 0 || mount("tmpfs", disk, "tmpfs", 0, "size=768m,mode=0755") != 0)
		fail_msg("a small disk: %s", strerror(errno));
	installed_in(folder);
	installed_surroundings(surroundings);
	must("up", "--detach");
	return 0;
}

static int down(void **state)
{
	(void)state;
	unlink(filler);
	must("down", "--purge");
	return umount(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_disk_refuses_what_is_new_and_ends_what_is_old)};
	return cmocka_run_group_tests(tests, up, down);
}
