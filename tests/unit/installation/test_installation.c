/* The installation's folder: made once, kept, refused when it is damaged. */
#include "tests/support/cleanup.h"
#include "tests/unit/cmocka_all.h"

#include "controller/installation/file.h"
#include "controller/installation/installation.h"
#include "controller/installation/keys.h"
#include "controller/installation/log_file.h"
#include "controller/installation/nats_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	struct arena *arena;
	char *folder;
	struct installation installation;
	struct keys keys;
	struct error error;
};

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	fixture->arena = arena_new();
	fixture->folder = arena_printf(fixture->arena, "%s/deep/data", cleanup_folder());
	assert_true(installation_load_or_make(fixture->folder, &fixture->installation, &fixture->error));
	assert_true(keys_load_or_make(&fixture->installation, &fixture->keys, &fixture->error));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	arena_free(fixture->arena);
	test_free(fixture);
	return 0;
}

static char *path_of(struct fixture *fixture, const char *name)
{
	return installation_path(&fixture->installation, fixture->arena, name);
}

static mode_t mode_of(struct fixture *fixture, const char *name)
{
	struct stat status;
	assert_int_equal(stat(path_of(fixture, name), &status), 0);
	return status.st_mode & 07777;
}

static void what_was_made_at_the_first_start_is_found_at_the_next(void **state)
{
	struct fixture *fixture = *state;
	struct installation again;
	struct keys keys;
	snprintf(fixture->installation.node_id, 27, "01M7YPQS9R27TFQKFK561BRSAD");
	fixture->installation.nats_port = 4567;
	assert_true(installation_save(&fixture->installation, &fixture->error));
	assert_true(installation_load_or_make(fixture->folder, &again, &fixture->error));
	assert_true(keys_load_or_make(&again, &keys, &fixture->error));
	assert_string_equal(again.id, fixture->installation.id);
	assert_string_equal(again.node_id, fixture->installation.node_id);
	assert_string_equal(again.account, fixture->keys.account.public_key);
	assert_int_equal(again.nats_port, 4567);
	assert_string_equal(keys.account.seed, fixture->keys.account.seed);
	assert_string_equal(keys.operator_key.seed, fixture->keys.operator_key.seed);
	assert_string_equal(keys.system_account.seed, fixture->keys.system_account.seed);
}

static void secrets_are_for_their_owner_only(void **state)
{
	struct fixture *fixture = *state;
	assert_non_null(
	    keys_credentials(&fixture->installation, &fixture->keys, "roost", fixture->arena, &fixture->error));
	assert_int_equal(mode_of(fixture, "."), 0711);
	assert_int_equal(mode_of(fixture, "keys"), 0700);
	assert_int_equal(mode_of(fixture, "keys/operator.seed"), 0600);
	assert_int_equal(mode_of(fixture, "keys/system.seed"), 0600);
	assert_int_equal(mode_of(fixture, "keys/account.seed"), 0600);
	assert_int_equal(mode_of(fixture, "credentials"), 0700);
	assert_int_equal(mode_of(fixture, "credentials/roost.creds"), 0600);
	assert_int_equal(mode_of(fixture, "installation.json"), 0600);
}

static void another_account_key_is_refused_and_never_made_anew(void **state)
{
	struct fixture *fixture = *state;
	struct keys keys;
	struct nkey other;
	assert_true(nkey_generate(NKEY_ACCOUNT, &other, NULL));
	assert_true(file_write(path_of(fixture, "keys/account.seed"), other.seed, NULL));
	assert_false(keys_load_or_make(&fixture->installation, &keys, &fixture->error));
	assert_non_null(strstr(fixture->error.message, "account.seed"));
	assert_int_equal(unlink(path_of(fixture, "keys/account.seed")), 0);
	assert_false(keys_load_or_make(&fixture->installation, &keys, &fixture->error));
	assert_int_equal(access(path_of(fixture, "keys/account.seed"), F_OK), -1);
	assert_true(file_write(path_of(fixture, "keys/account.seed"), "rubbish\n", NULL));
	assert_false(keys_load_or_make(&fixture->installation, &keys, &fixture->error));
	assert_true(file_write(path_of(fixture, "keys/account.seed"), fixture->keys.operator_key.seed, NULL));
	assert_false(keys_load_or_make(&fixture->installation, &keys, &fixture->error));
}

static void credentials_are_kept_while_they_are_good_and_made_again_when_not(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	char *path = keys_credentials(&fixture->installation, &fixture->keys, "roost", arena, &fixture->error);
	char *first = file_read(path, arena, NULL);
	keys_credentials(&fixture->installation, &fixture->keys, "roost", arena, &fixture->error);
	assert_string_equal(file_read(path, arena, NULL), first);
	assert_true(file_write(path, "rubbish", NULL));
	keys_credentials(&fixture->installation, &fixture->keys, "roost", arena, &fixture->error);
	char *second = file_read(path, arena, NULL);
	assert_non_null(strstr(second, "BEGIN NATS USER JWT"));
	assert_string_not_equal(second, first);

	struct keys others = fixture->keys;
	assert_true(nkey_generate(NKEY_ACCOUNT, &others.account, NULL));
	keys_credentials(&fixture->installation, &others, "roost", arena, &fixture->error);
	assert_string_not_equal(file_read(path, arena, NULL), second);
}

static void damaged_or_newer_settings_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const char *const texts[] = {"",
					    "{",
					    "[]",
					    "{\"version\":1}",
					    "{\"version\":1,\"id\":\"../../etc\"}",
					    "{\"version\":1,\"id\":\"01M7YPQS9R27TFQKFK561BRSAD\",\"natsPort\":70000}",
					    "{\"version\":2,\"id\":\"01M7YPQS9R27TFQKFK561BRSAD\",\"natsPort\":1}"};
	struct installation installation;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(file_write(path_of(fixture, "installation.json"), texts[i], NULL));
		assert_false(installation_load_or_make(fixture->folder, &installation, &fixture->error));
		assert_string_equal(file_read(path_of(fixture, "installation.json"), fixture->arena, NULL), texts[i]);
	}
	assert_non_null(strstr(fixture->error.message, "newer version"));
}

/* It would get our mode, and be removed with everything in it by `down --purge`. */
static void a_folder_of_somebody_elses_is_not_taken(void **state)
{
	struct fixture *fixture = *state;
	struct installation installation;
	struct stat status;
	char *theirs = arena_printf(fixture->arena, "%s/theirs", cleanup_folder());
	assert_int_equal(mkdir(theirs, 0750), 0);
	assert_true(file_write(arena_printf(fixture->arena, "%s/letter", theirs), "dear", NULL));
	assert_false(installation_load_or_make(theirs, &installation, &fixture->error));
	assert_int_equal(fixture->error.code, ERROR_INVALID_ARGUMENT);
	assert_non_null(strstr(fixture->error.message, "letter"));
	assert_int_equal(stat(theirs, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);

	/* One that is empty is, and so is what an interrupted first start left. */
	assert_int_equal(unlink(arena_printf(fixture->arena, "%s/letter", theirs)), 0);
	assert_true(installation_load_or_make(theirs, &installation, &fixture->error));
	assert_int_equal(unlink(installation_path(&installation, fixture->arena, "installation.json")), 0);
	assert_true(installation_load_or_make(theirs, &installation, &fixture->error));
}

static void the_address_of_an_installation_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct installation_address address;
	fixture->installation.nats_port = 4567;
	assert_true(installation_save(&fixture->installation, &fixture->error));
	assert_true(installation_find(fixture->folder, "roost", &address, &fixture->error));
	assert_string_equal(address.nats_url, "nats://127.0.0.1:4567");
	assert_string_equal(address.credentials, path_of(fixture, "credentials/roost.creds"));
	assert_false(installation_find("/does/not/exist", "roost", &address, &fixture->error));
	assert_int_equal(fixture->error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_non_null(strstr(fixture->error.message, "roost up"));
	assert_false(installation_find(cleanup_folder(), "roost", &address, &fixture->error));
	assert_int_equal(fixture->error.code, ERROR_PLATFORM_UNAVAILABLE);
}

static void versions_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_true(nats_server_version_suffices("nats-server: v2.10.27"));
	assert_true(nats_server_version_suffices("nats-server: v2.11.0-RC.1"));
	assert_true(nats_server_version_suffices("nats-server: v2.100.0"));
	assert_true(nats_server_version_suffices("nats-server: v3.0.0"));
	assert_false(nats_server_version_suffices("nats-server: v2.9.10"));
	assert_false(nats_server_version_suffices("nats-server: v2.10.9"));
	assert_false(nats_server_version_suffices("nats-server: v1.99.99"));
	assert_false(nats_server_version_suffices("nats-server"));
	assert_false(nats_server_version_suffices(""));
}

static void the_port_is_kept_until_somebody_else_has_it(void **state)
{
	struct fixture *fixture = *state;
	bool changed;
	assert_true(nats_server_choose_port(&fixture->installation, &changed, &fixture->error));
	uint16_t port = fixture->installation.nats_port;
	assert_int_not_equal(port, 0);
	assert_false(changed);
	assert_true(nats_server_choose_port(&fixture->installation, &changed, &fixture->error));
	assert_int_equal(fixture->installation.nats_port, port);
	assert_false(changed);

	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(nats_server_choose_port(&fixture->installation, &changed, &fixture->error));
	assert_true(changed);
	assert_int_not_equal(fixture->installation.nats_port, port);
	close(fd);
}

static void a_log_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	static char chunk[1024 * 1024];
	struct log_file log;
	struct stat status;
	memset(chunk, 'x', sizeof(chunk));
	char *path = path_of(fixture, "logs/some.log");
	log_file_open(&log, path);
	for (int i = 0; i < 20; i++)
		log_file_append(&log, chunk, sizeof(chunk));
	log_file_close(&log);
	assert_int_equal(stat(path, &status), 0);
	assert_in_range(status.st_size, 1, LOG_FILE_BYTES_MAX);
	assert_int_equal(stat(path_of(fixture, "logs/some.log.1"), &status), 0);
	assert_int_equal(status.st_size, LOG_FILE_BYTES_MAX);
}

/* On a small file system of its own, which only this program sees. */
static void ballast_is_given_when_the_disk_is_full_and_made_when_there_is_room(void **state)
{
	struct fixture *fixture = *state;
	static const struct ballast small = {
	    .bytes = 1024 * 1024, .made_above = 1024 * 1024, .given_below = 256 * 1024};
	struct installation installation;
	bool removed;
	char *disk = arena_printf(fixture->arena, "%s", cleanup_folder());
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", disk, "tmpfs", 0, "size=4m") != 0)
		fail_msg("a file system of its own (this test needs root)");
	assert_true(installation_load_or_make(disk, &installation, &fixture->error));
	char *ballast = installation_path(&installation, fixture->arena, "nats/ballast");
	assert_true(nats_server_tend_ballast(&installation, &small, &removed));
	assert_int_equal(access(ballast, F_OK), 0);
	assert_false(nats_server_tend_ballast(&installation, &small, &removed));

	char *filler = installation_path(&installation, fixture->arena, "filler");
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(posix_fallocate(fd, 0, 2900 * 1024), 0);
	close(fd);
	assert_true(nats_server_tend_ballast(&installation, &small, &removed));
	assert_true(removed);
	assert_int_equal(access(ballast, F_OK), -1);
	assert_false(nats_server_tend_ballast(&installation, &small, &removed));
	assert_int_equal(unlink(filler), 0);
	assert_true(nats_server_tend_ballast(&installation, &small, &removed));
	assert_false(removed);
	assert_int_equal(umount(disk), 0);
}

static void removing_a_folder_follows_no_links(void **state)
{
	struct fixture *fixture = *state;
	char *outside = arena_printf(fixture->arena, "%s/kept", cleanup_folder());
	assert_true(file_write(outside, "kept", NULL));
	assert_int_equal(symlink(outside, path_of(fixture, "logs/link")), 0);
	assert_true(folder_remove(fixture->folder, &fixture->error));
	assert_int_equal(access(fixture->folder, F_OK), -1);
	assert_int_equal(access(outside, F_OK), 0);
	assert_true(folder_remove(fixture->folder, &fixture->error));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_made_at_the_first_start_is_found_at_the_next),
	    TEST(secrets_are_for_their_owner_only),
	    TEST(another_account_key_is_refused_and_never_made_anew),
	    TEST(credentials_are_kept_while_they_are_good_and_made_again_when_not),
	    TEST(damaged_or_newer_settings_are_refused),
	    TEST(a_folder_of_somebody_elses_is_not_taken),
	    TEST(the_address_of_an_installation_is_found),
	    TEST(versions_are_compared_as_numbers),
	    TEST(the_port_is_kept_until_somebody_else_has_it),
	    TEST(a_log_is_bounded),
	    TEST(ballast_is_given_when_the_disk_is_full_and_made_when_there_is_room),
	    TEST(removing_a_folder_follows_no_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
