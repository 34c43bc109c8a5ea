/* Two installations on one machine do not meet: same ids, addresses of their own, walls between them, and
 * the end of one leaves the other as it was. And an older generation is never taken for a newer one. */
#include "tests/integration/runtime/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct fixture first, second;

static int open_both(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("SAME");
	fixture_open(&first, NULL);
	fixture_open(&second, NULL);
	fixture_start(&first, &workspace);
	fixture_start(&second, &workspace);
	fixture_add_guest(&first, "SAME");
	fixture_add_guest(&second, "SAME");
	return 0;
}

static int close_first(void **state)
{
	(void)state;
	fixture_close(&first);
	return 0;
}

static bool is_served(void *context)
{
	return fixture_fetch(&first, context, 8080) != NULL;
}

static void an_older_generation_is_not_taken_for_a_newer_one(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("OLDER");
	fixture_start(&first, &workspace);
	workspace.generation = 2;
	assert_string_equal(fixture_fails(&first, &workspace)->step, "sandbox");
	fixture_start(&first, &workspace);
	assert_true(runtime_remove(first.runtime, "OLDER", NULL, NULL));
}

static void workspaces_of_two_installations_do_not_reach_each_other(void **state)
{
	(void)state;
	const char *address = fixture_address(&second, "SAME");
	assert_string_not_equal(address, fixture_address(&first, "SAME"));
	pid_t server = fixture_background(&second, "SAME", "server", "exec ./guest serve 8080 second");
	assert_true(fixture_wait(is_served, (void *)address));
	const char *script = arena_printf(first.arena, "./guest connect %s 8080", address);
	assert_int_equal(fixture_inside(&first, "SAME", script, NULL), 1);
	assert_true(runtime_kill_processes(second.runtime, "SAME", "server", 0, NULL));
	waitpid(server, NULL, 0);
}

/* S4-27: what carries another installation's label is nowhere to be seen, and cannot be stopped or removed, not
 * even under an id that both have. */
static void of_another_installation_nothing_is_seen_or_touched(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("THEIRS");
	struct runtime_found *found;
	struct runtime_left left;
	size_t count;
	bool running;
	workspace.owner = "bob";
	fixture_start(&second, &workspace);
	assert_true(runtime_list(first.runtime, first.arena, &found, &count, NULL));
	assert_int_equal(count, 1);
	assert_string_equal(found[0].id, "SAME");
	assert_string_equal(found[0].owner, "alice");
	assert_true(runtime_is_running(first.runtime, "THEIRS", &running, NULL));
	assert_false(running);
	assert_true(runtime_stop(first.runtime, "THEIRS", 0, &left, NULL));
	assert_true(runtime_remove(first.runtime, "THEIRS", &left, NULL));
	assert_true(left.processes == 0 && left.mounts == 0 && !left.files);
	assert_true(runtime_tend(first.runtime, NULL));
	assert_int_equal(fixture_inside(&second, "THEIRS", "true", NULL), 0);
	assert_true(runtime_list(second.runtime, second.arena, &found, &count, NULL));
	assert_int_equal(count, 2);
	/* A folder that another installation's label stands in is not taken for ours either. */
	fixture_shell("mkdir %s/STRAY && cp %s/THEIRS/label.json %s/STRAY", first.workspaces, second.workspaces,
		      first.workspaces);
	assert_true(runtime_list(first.runtime, first.arena, &found, &count, NULL));
	for (size_t i = 0; i < count; i++)
		if (strcmp(found[i].id, "STRAY") == 0)
			assert_true(found[i].owner[0] == '\0' && found[i].generation == 0);
	fixture_shell("rm -r %s/STRAY", first.workspaces);
	assert_true(runtime_remove(second.runtime, "THEIRS", NULL, NULL));
}

static void the_end_of_one_leaves_the_other_as_it_was(void **state)
{
	(void)state;
	const char *address = fixture_address(&first, "SAME");
	assert_null(strstr(fixture_traces(&first), second.installation));
	fixture_close(&second);
	pid_t server = fixture_background(&first, "SAME", "server", "exec ./guest serve 8080 first");
	assert_true(fixture_wait(is_served, (void *)address));
	fixture_shell("nft list table inet roost_%s >/dev/null", first.installation);
	assert_true(runtime_kill_processes(first.runtime, "SAME", "server", 0, NULL));
	waitpid(server, NULL, 0);
}

static void flushed_rules_are_made_again_before_the_next_start(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("NEXT");
	fixture_shell("nft delete table inet roost_%s", first.installation);
	fixture_start(&first, &workspace);
	fixture_shell("nft list table inet roost_%s >/dev/null", first.installation);
	assert_true(runtime_remove(first.runtime, "NEXT", NULL, NULL));
}

/* A firewall that is loaded anew (nftables.service, "flush ruleset") takes everybody's rules away. */
static void flushed_rules_are_made_again_under_running_workspaces(void **state)
{
	(void)state;
	fixture_shell("nft list table inet roost_%s >%s/rules", first.installation, first.folder);
	static const char *const harm[] = {"delete table inet roost_%s", "flush table inet roost_%s",
					   "flush chain inet roost_%s to_machine"};
	for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		char command[128];
		snprintf(command, sizeof(command), harm[i], first.installation);
		fixture_shell("nft %s", command);
		assert_true(runtime_tend(first.runtime, NULL));
		fixture_shell("nft list table inet roost_%s | cmp - %s/rules", first.installation, first.folder);
	}
	/* Nothing is missing: nothing is done. */
	fixture_shell("nft -a list table inet roost_%s >%s/handles", first.installation, first.folder);
	assert_true(runtime_tend(first.runtime, NULL));
	fixture_shell("nft -a list table inet roost_%s | cmp - %s/handles", first.installation, first.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_older_generation_is_not_taken_for_a_newer_one),
	    cmocka_unit_test(workspaces_of_two_installations_do_not_reach_each_other),
	    cmocka_unit_test(of_another_installation_nothing_is_seen_or_touched),
	    cmocka_unit_test(the_end_of_one_leaves_the_other_as_it_was),
	    cmocka_unit_test(flushed_rules_are_made_again_before_the_next_start),
	    cmocka_unit_test(flushed_rules_are_made_again_under_running_workspaces),
	};
	return cmocka_run_group_tests(tests, open_both, close_first);
}
