/* What the sweeper concludes from a row, an inventory and the time: each proof that is missing spares
 * what was found (D16), and each judgement is reached when all are there. S4-24, S4-27, D3, D12, D13. */
#include "sweeper/passes/judge.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define SECONDS 1000LL
#define NODE	"01KAAAAAAAAAAAAAAAAAAAAAAA"
#define OTHER	"01KBBBBBBBBBBBBBBBBBBBBBBB"
#define THING	"01JZZZZZZZZZZZZZZZZZZZZZZZ" /* of July 2025 */

static const int64_t now = 1790000000000;
static const struct sweep_rules rules = {
    .stop_timeout_ms = 120 * SECONDS,
    .grace_ms = 60 * SECONDS,
    .unknown_age_ms = 3600 * SECONDS,
    .stale_ms = 30 * SECONDS,
};

/* A node, a workspace, a session and an inventory with which every proof is there. */
struct scene {
	Roost__Node node_resource;
	Roost__NodeState node;
	Roost__Workspace workspace_resource;
	Roost__WorkspaceState workspace;
	Roost__AgentSession session_resource;
	Roost__SessionState session;
	Roost__InventoryResponse__Workspace found;
	struct sweep_heard heard;
	struct sweep_inventory inventory;
	int64_t first_seen_ms;
};

static void set_up_node(struct scene *scene)
{
	roost__node__init(&scene->node_resource);
	roost__node_state__init(&scene->node);
	scene->node_resource.id = NODE;
	scene->node_resource.status = ROOST__NODE__STATUS__RUNNING;
	scene->node.resource = &scene->node_resource;
	scene->node.owner = "alice";
	scene->node.version = 9;
}

static void set_up_things(struct scene *scene)
{
	roost__workspace__init(&scene->workspace_resource);
	roost__workspace_state__init(&scene->workspace);
	scene->workspace_resource.id = THING;
	scene->workspace_resource.node_id = NODE;
	scene->workspace_resource.status = ROOST__WORKSPACE__STATUS__RUNNING;
	scene->workspace_resource.generation = 2;
	scene->workspace.resource = &scene->workspace_resource;
	scene->workspace.status_since_at = now - 7200 * SECONDS;
	roost__agent_session__init(&scene->session_resource);
	roost__session_state__init(&scene->session);
	scene->session_resource.status = ROOST__AGENT_SESSION__STATUS__RUNNING;
	scene->session.resource = &scene->session_resource;
	scene->session.node_id = NODE;
	scene->session.status_since_at = now - 7200 * SECONDS;
	roost__inventory_response__workspace__init(&scene->found);
	scene->found.id = THING;
	scene->found.generation = 2;
	scene->found.has_known = true;
	scene->found.owner = "alice";
	scene->found.has_made_at = true;
	scene->found.made_at = now - 7200 * SECONDS;
}

static struct scene set_scene(void)
{
	static struct sweep_heard heard;
	struct scene scene = {
	    .heard = {.silence_ms = 5 * SECONDS, .listening_ms = 600 * SECONDS},
	    .first_seen_ms = now - 60 * SECONDS,
	};
	set_up_node(&scene);
	set_up_things(&scene);
	heard = scene.heard;
	scene.inventory = (struct sweep_inventory){
	    .asked_at_ms = now - 1 * SECONDS,
	    .log_id = "log",
	    .our_log_id = "log",
	    .held_version = 7,
	    .wanted_version = 7,
	    .projection_is_newer = true,
	    .heard = &heard,
	};
	return scene;
}

/* Pointers into the scene are set where it stays. */
static void pin(struct scene *scene)
{
	scene->node.resource = &scene->node_resource;
	scene->workspace.resource = &scene->workspace_resource;
	scene->session.resource = &scene->session_resource;
	scene->inventory.heard = &scene->heard;
}

static struct sweep_judgement unknown(struct scene *scene)
{
	pin(scene);
	return judge_unknown(&rules, now, &scene->inventory, &scene->node, &scene->found, scene->first_seen_ms);
}

static struct sweep_judgement absent(struct scene *scene, bool found)
{
	pin(scene);
	return judge_absent_workspace(&rules, now, &scene->inventory, &scene->node, &scene->workspace,
				      found ? &scene->found : NULL, scene->first_seen_ms);
}

static struct sweep_judgement absent_session(struct scene *scene)
{
	pin(scene);
	return judge_absent_session(&rules, now, &scene->inventory, &scene->node, &scene->session,
				    scene->first_seen_ms);
}

static struct sweep_judgement removed(struct scene *scene)
{
	pin(scene);
	return judge_removed_workspace(&rules, now, &scene->inventory, &scene->node, &scene->workspace, &scene->found);
}

static struct sweep_judgement stuck(struct scene *scene)
{
	pin(scene);
	return judge_stuck_workspace(&rules, now, &scene->heard, &scene->workspace);
}

/* Every single way in which an inventory proves nothing. */
static void take_away_proof(struct scene *scene, int which)
{
	switch (which) {
	case 0:
		scene->inventory.projection_is_newer = false;
		break;
	case 1:
		scene->heard.silence_ms = 31 * SECONDS;
		break;
	case 2: /* it has never been heard */
		scene->heard.silence_ms = scene->heard.listening_ms = 5 * SECONDS;
		break;
	case 3:
		scene->inventory.log_id = "another";
		break;
	case 4:
		scene->inventory.log_id = NULL;
		break;
	case 5:
		scene->inventory.our_log_id = "";
		break;
	case 6:
		scene->inventory.log_epoch = 1;
		break;
	case 7:
		scene->inventory.held_version = 6;
		break;
	case 8: /* the log went back and nobody has said so yet */
		scene->inventory.held_version = 10;
		break;
	default: /* one look only, or two that are one */
		scene->first_seen_ms = which == 9 ? 0 : scene->inventory.asked_at_ms - 1;
		break;
	}
}

enum { PROOFS = 11 };

static void an_unknown_workspace_is_removed_only_with_every_proof(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	assert_int_equal(unknown(&scene).verdict, SWEEP_ACT);
	for (int i = 0; i < PROOFS; i++) {
		scene = set_scene();
		take_away_proof(&scene, i);
		struct sweep_judgement judgement = unknown(&scene);
		assert_int_equal(judgement.verdict, SWEEP_WAIT);
		assert_non_null(judgement.why_not);
	}
}

static void an_unknown_workspace_is_spared_when_it_is_young_or_another_owners(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	scene.found.made_at = now - 3599 * SECONDS;
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene.found.made_at = now + 600 * SECONDS; /* a node whose clock is ahead */
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene.found.has_made_at = false;
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene = set_scene();
	scene.found.id = "01M3ZZZZZZZZZZZZZZZZZZZZZZ"; /* later than now: a node whose clock is behind */
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene = set_scene();
	scene.found.known = true;
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene.found.has_known = scene.found.known = false;
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene = set_scene();
	scene.found.owner = "bob";
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene.found.owner = NULL;
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
	scene = set_scene();
	scene.node_resource.status = ROOST__NODE__STATUS__DELETING; /* it takes everything along */
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT);
}

static void an_id_that_is_none_is_nobodys_business(void **state)
{
	static const char *const ids[] = {"",
					  "%",
					  "_________________________",
					  "my-ws-tool",
					  "01JZZZZZZZZZZZZZZZZZZZZZZ%",
					  "01jzzzzzzzzzzzzzzzzzzzzzzz",
					  "01JZZZZZZZZZZZZZZZZZZZZZZZZ"};
	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct scene scene = set_scene();
		scene.found.id = ids[i];
		assert_int_equal(unknown(&scene).verdict, SWEEP_NOTHING);
	}
	struct scene scene = set_scene();
	scene.found.id = NULL;
	assert_int_equal(unknown(&scene).verdict, SWEEP_NOTHING);
}

static void on_a_node_whose_log_went_back_it_is_told_of_and_kept(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	scene.node.log_epoch = scene.inventory.log_epoch = 1;
	struct sweep_judgement judgement = unknown(&scene);
	assert_int_equal(judgement.verdict, SWEEP_TELL);
	assert_non_null(strstr(judgement.next_step, "workspace.reap"));
	const char *told[] = {THING};
	scene.node.told_unknown = told;
	scene.node.n_told_unknown = 1;
	assert_int_equal(unknown(&scene).verdict, SWEEP_WAIT); /* once is enough */
	told[0] = OTHER;
	assert_int_equal(unknown(&scene).verdict, SWEEP_TELL);
}

static void what_should_run_is_lost_only_with_every_proof(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	assert_int_equal(absent(&scene, false).verdict, SWEEP_ACT);
	assert_int_equal(absent(&scene, true).verdict, SWEEP_ACT); /* there, and without life */
	assert_int_equal(absent_session(&scene).verdict, SWEEP_ACT);
	for (int i = 0; i < PROOFS; i++) {
		scene = set_scene();
		take_away_proof(&scene, i);
		assert_int_equal(absent(&scene, false).verdict, SWEEP_WAIT);
		assert_int_equal(absent_session(&scene).verdict, SWEEP_WAIT);
	}
}

static void what_runs_or_need_not_or_just_began_to_is_not_lost(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	scene.found.running = true;
	assert_int_equal(absent(&scene, true).verdict, SWEEP_NOTHING);
	scene.found.generation = 1; /* the one before */
	assert_int_equal(absent(&scene, true).verdict, SWEEP_ACT);
	scene = set_scene();
	scene.workspace.status_since_at = scene.session.status_since_at = scene.inventory.asked_at_ms - 1;
	assert_int_equal(absent(&scene, false).verdict, SWEEP_NOTHING);
	assert_int_equal(absent_session(&scene).verdict, SWEEP_NOTHING);
	scene = set_scene();
	scene.workspace_resource.node_id = scene.session.node_id = OTHER;
	assert_int_equal(absent(&scene, false).verdict, SWEEP_NOTHING);
	assert_int_equal(absent_session(&scene).verdict, SWEEP_NOTHING);
	for (int status = ROOST__WORKSPACE__STATUS__CREATING; status <= ROOST__WORKSPACE__STATUS__DELETED; status++) {
		scene = set_scene();
		scene.workspace_resource.status = (Roost__Workspace__Status)status;
		assert_int_equal(absent(&scene, false).verdict,
				 status == ROOST__WORKSPACE__STATUS__RUNNING ? SWEEP_ACT : SWEEP_NOTHING);
	}
}

static void what_was_removed_and_is_still_there_is_removed_again(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__DELETED;
	assert_int_equal(removed(&scene).verdict, SWEEP_ACT);
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__DELETING;
	assert_int_equal(removed(&scene).verdict, SWEEP_ACT);
	scene.workspace.status_since_at = scene.inventory.asked_at_ms - 170 * SECONDS;
	assert_int_equal(removed(&scene).verdict, SWEEP_NOTHING);
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__DELETED;
	assert_int_equal(removed(&scene).verdict, SWEEP_ACT);
	scene.workspace.status_since_at = scene.inventory.asked_at_ms - 59 * SECONDS; /* seen before it was removed */
	assert_int_equal(removed(&scene).verdict, SWEEP_WAIT);
	scene = set_scene();
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__DELETED;
	scene.inventory.projection_is_newer = false;
	assert_int_equal(removed(&scene).verdict, SWEEP_WAIT);
	scene = set_scene();
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__DELETED;
	scene.workspace_resource.node_id = OTHER;
	assert_int_equal(removed(&scene).verdict, SWEEP_NOTHING);
	scene = set_scene();
	assert_int_equal(removed(&scene).verdict, SWEEP_NOTHING); /* it runs, as it should */
}

static void what_was_ended_and_still_runs_is_ended_again(void **state)
{
	static const Roost__Workspace__Status statuses[] = {ROOST__WORKSPACE__STATUS__STOPPED,
							    ROOST__WORKSPACE__STATUS__ERROR};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scene scene = set_scene();
		scene.workspace_resource.status = statuses[i];
		assert_int_equal(removed(&scene).verdict, SWEEP_NOTHING);
		scene.found.running = true;
		assert_int_equal(removed(&scene).verdict, SWEEP_ACT);
		scene.workspace.status_since_at = scene.inventory.asked_at_ms - 59 * SECONDS;
		assert_int_equal(removed(&scene).verdict, SWEEP_WAIT);
	}
	struct scene scene = set_scene();
	pin(&scene);
	for (int status = ROOST__AGENT_SESSION__STATUS__STARTING; status <= ROOST__AGENT_SESSION__STATUS__ERROR;
	     status++) {
		bool ended = status >= ROOST__AGENT_SESSION__STATUS__STOPPED;
		scene.session_resource.status = (Roost__AgentSession__Status)status;
		assert_int_equal(
		    judge_removed_session(&rules, now, &scene.inventory, &scene.node, &scene.session).verdict,
		    ended ? SWEEP_ACT : SWEEP_NOTHING);
	}
}

static void a_deadline_is_the_controllers_until_the_grace_is_over(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__CREATING;
	scene.workspace.has_deadline_at = true;
	scene.workspace.deadline_at = now + 1;
	assert_int_equal(stuck(&scene).verdict, SWEEP_NOTHING);
	scene.workspace.deadline_at = now - 59 * SECONDS;
	assert_int_equal(stuck(&scene).verdict, SWEEP_WAIT);
	scene.workspace.deadline_at = now - 60 * SECONDS;
	assert_int_equal(stuck(&scene).verdict, SWEEP_ACT);
	scene.heard.silence_ms = 500 * SECONDS; /* the node is not needed for it */
	assert_int_equal(stuck(&scene).verdict, SWEEP_ACT);
}

static void a_stop_that_does_not_end_is_asked_for_again_but_not_of_a_silent_node(void **state)
{
	static const Roost__Workspace__Status statuses[] = {ROOST__WORKSPACE__STATUS__STOPPING,
							    ROOST__WORKSPACE__STATUS__DELETING};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scene scene = set_scene();
		scene.workspace_resource.status = statuses[i];
		scene.workspace.status_since_at = now - 180 * SECONDS;
		assert_int_equal(stuck(&scene).verdict, SWEEP_ACT);
		scene.heard.silence_ms = 31 * SECONDS;
		assert_int_equal(stuck(&scene).verdict, SWEEP_WAIT);
		scene.workspace.status_since_at = now - 179 * SECONDS;
		assert_int_equal(stuck(&scene).verdict, SWEEP_NOTHING);
	}
	struct scene scene = set_scene();
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__ERROR;
	assert_int_equal(stuck(&scene).verdict, SWEEP_NOTHING);
	Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
	scene.workspace.left = &left;
	assert_int_equal(stuck(&scene).verdict, SWEEP_ACT);
}

/* What nobody can mend is tried at doubling distances, an hour at most, and each try is another finding. */
static void tries_grow_rarer(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	scene.workspace_resource.status = ROOST__WORKSPACE__STATUS__DELETING;
	scene.workspace.status_since_at = now - 1000 * SECONDS;
	scene.workspace.tried_again_at = now - 450 * SECONDS; /* after 550 s */
	assert_int_equal(stuck(&scene).verdict, SWEEP_WAIT);
	scene.workspace.tried_again_at = now - 500 * SECONDS; /* after 500 s */
	assert_int_equal(stuck(&scene).verdict, SWEEP_ACT);
	assert_int_equal(stuck(&scene).since_ms, now - 500 * SECONDS);
	scene.workspace.status_since_at = now - 90000 * SECONDS;
	scene.workspace.tried_again_at = now - 3599 * SECONDS;
	assert_int_equal(stuck(&scene).verdict, SWEEP_WAIT);
	scene.workspace.tried_again_at = now - 3600 * SECONDS;
	assert_int_equal(stuck(&scene).verdict, SWEEP_ACT);
}

static void sessions_and_nodes_that_hang_are_found(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	pin(&scene);
	assert_int_equal(judge_stuck_session(&rules, now, &scene.heard, &scene.session).verdict, SWEEP_NOTHING);
	scene.session_resource.status = ROOST__AGENT_SESSION__STATUS__STARTING;
	assert_int_equal(judge_stuck_session(&rules, now, &scene.heard, &scene.session).verdict, SWEEP_ACT);
	scene.session_resource.status = ROOST__AGENT_SESSION__STATUS__STOPPING;
	assert_int_equal(judge_stuck_session(&rules, now, &scene.heard, &scene.session).verdict, SWEEP_ACT);
	scene.node.status_since_at = now - 180 * SECONDS;
	assert_int_equal(judge_stuck_node(&rules, now, &scene.heard, &scene.node).verdict, SWEEP_NOTHING);
	scene.node_resource.status = ROOST__NODE__STATUS__DELETING;
	assert_int_equal(judge_stuck_node(&rules, now, &scene.heard, &scene.node).verdict, SWEEP_ACT);
	scene.node_resource.status = ROOST__NODE__STATUS__CREATING;
	assert_int_equal(judge_stuck_node(&rules, now, &scene.heard, &scene.node).verdict, SWEEP_ACT);
	scene.heard.silence_ms = 31 * SECONDS; /* nobody has joined it yet */
	assert_int_equal(judge_stuck_node(&rules, now, &scene.heard, &scene.node).verdict, SWEEP_NOTHING);
}

/* D3: it is told of, once for each silence, and nothing else happens. */
static void a_silence_is_told_once_and_only_when_heard_too(void **state)
{
	(void)state;
	struct scene scene = set_scene();
	pin(&scene);
	scene.node.has_announced_health = scene.node.has_silent_since_at = true;
	scene.node.announced_health = ROOST__NODE__HEALTH__UNHEALTHY;
	scene.node.silent_since_at = now - 600 * SECONDS;
	scene.heard.silence_ms = 121 * SECONDS;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_TELL);
	scene.heard.silence_ms = 5 * SECONDS;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_WAIT);
	scene.heard.silence_ms = scene.heard.listening_ms = 119 * SECONDS;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_WAIT);
	scene.heard.silence_ms = scene.heard.listening_ms = 121 * SECONDS;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_TELL);
	scene.node.silence_found_at = scene.node.silent_since_at;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_NOTHING);
	scene.node.silence_found_at = 1; /* of an earlier one */
	scene.node.announced_health = ROOST__NODE__HEALTH__STALE;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_NOTHING);
	scene.node.announced_health = ROOST__NODE__HEALTH__UNHEALTHY;
	scene.node_resource.status = ROOST__NODE__STATUS__STOPPED;
	assert_int_equal(judge_silent_node(&rules, &scene.heard, &scene.node).verdict, SWEEP_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_unknown_workspace_is_removed_only_with_every_proof),
	    cmocka_unit_test(an_unknown_workspace_is_spared_when_it_is_young_or_another_owners),
	    cmocka_unit_test(an_id_that_is_none_is_nobodys_business),
	    cmocka_unit_test(on_a_node_whose_log_went_back_it_is_told_of_and_kept),
	    cmocka_unit_test(what_should_run_is_lost_only_with_every_proof),
	    cmocka_unit_test(what_runs_or_need_not_or_just_began_to_is_not_lost),
	    cmocka_unit_test(what_was_removed_and_is_still_there_is_removed_again),
	    cmocka_unit_test(what_was_ended_and_still_runs_is_ended_again),
	    cmocka_unit_test(a_deadline_is_the_controllers_until_the_grace_is_over),
	    cmocka_unit_test(a_stop_that_does_not_end_is_asked_for_again_but_not_of_a_silent_node),
	    cmocka_unit_test(tries_grow_rarer),
	    cmocka_unit_test(sessions_and_nodes_that_hang_are_found),
	    cmocka_unit_test(a_silence_is_told_once_and_only_when_heard_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
