/* Steps of nodes and of the sweeper: what agents report, in or out of order, what becomes of the nodes
 * themselves, and findings that may be wrong. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/random_draw.h"

static Roost__LeftBehind *draw_left(struct random_life *life)
{
	Roost__LeftBehind *left;
	arena_message(life->world->step, left, roost__left_behind__init);
	left->has_processes = true;
	left->processes = draw(life, 3);
	return draw(life, 3) == 0 ? NULL : left;
}

/* Mostly one that is really there. */
static const char *pick_workspace_of(struct random_life *life, const char *node)
{
	const struct entity_store *store = life->world->store;
	struct workspace_states all = store->workspaces(store->context, node, life->world->step);
	if (all.count == 0 || draw(life, 8) == 0)
		return pick_recent(life, life->workspaces, life->workspace_count);
	return all.items[draw(life, (uint32_t)all.count)]->resource->id;
}

/* A report of any kind about anything, mostly what an agent would really say. */
static Roost__Report *draw_report(struct random_life *life, const char *node)
{
	static const Roost__Report__ReportCase cases[] = {
	    ROOST__REPORT__REPORT_WORKSPACE_RUNNING, ROOST__REPORT__REPORT_WORKSPACE_RUNNING,
	    ROOST__REPORT__REPORT_WORKSPACE_STOPPED, ROOST__REPORT__REPORT_WORKSPACE_STOPPED,
	    ROOST__REPORT__REPORT_WORKSPACE_REMOVED, ROOST__REPORT__REPORT_WORKSPACE_REMOVED,
	    ROOST__REPORT__REPORT_WORKSPACE_FAILED,  ROOST__REPORT__REPORT_WORKSPACE_LOST,
	    ROOST__REPORT__REPORT_WORKSPACE_STEP,    ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED,
	    ROOST__REPORT__REPORT_SESSION_RUNNING,   ROOST__REPORT__REPORT_SESSION_RUNNING,
	    ROOST__REPORT__REPORT_SESSION_ENDED,     ROOST__REPORT__REPORT_SESSION_FAILED,
	    ROOST__REPORT__REPORT_NODE_RUNNING,	     ROOST__REPORT__REPORT_NODE_STOPPED,
	    ROOST__REPORT__REPORT_NODE_REMOVED,	     ROOST__REPORT__REPORT_NODE_STOP_FAILED,
	    ROOST__REPORT__REPORT_NODE_DEGRADED,     ROOST__REPORT__REPORT_NODE_RECOVERED,
	    ROOST__REPORT__REPORT__NOT_SET,
	};
	Roost__Report__ReportCase which = cases[draw(life, sizeof(cases) / sizeof(cases[0]))];
	bool of_session = which >= ROOST__REPORT__REPORT_SESSION_RUNNING;
	const char *workspace = pick_workspace_of(life, node);
	const char *session = pick_recent(life, life->sessions, life->session_count);
	uint32_t generation = 1 + draw(life, 4);
	const Roost__WorkspaceState *state = workspace == NULL ? NULL : world_workspace(life->world, workspace);
	if (state != NULL && draw(life, 4) > 0)
		generation = state->resource->generation;
	Roost__Report *report = world_new_report(life->world->step, which, of_session ? session : workspace, generation,
						 draw(life, 2) == 0 ? "so it is" : "otherwise");
	if (which == ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED)
		report->workspace_stop_failed->left = draw_left(life);
	if (which == ROOST__REPORT__REPORT_NODE_STOP_FAILED)
		report->node_stop_failed->left = draw_left(life);
	return report;
}

/* A batch that is in order, or overlaps what is known, or leaves a gap. */
void step_reports(struct random_life *life)
{
	struct world *world = life->world;
	const char *node = pick_node(life);
	struct decision_inputs *inputs = world_inputs(world);
	const Roost__NodeState *state = world_node(world, node);
	bool deleted = state->resource->status == ROOST__NODE__STATUS__DELETED;
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	Roost__ReportAnswer *answer;
	uint64_t taken = state->report_position == NULL ? 0 : state->report_position->number;
	uint64_t first = taken + 1;
	switch (draw(life, 8)) {
	case 0:
		first = taken > 2 ? taken - 2 : 1;
		break;
	case 1:
		first = taken + 2;
		break;
	default:
		break;
	}
	batch.node_id = node;
	batch.agent_epoch = state->report_position == NULL ? 7 : state->report_position->agent_epoch;
	batch.n_reports = 1 + draw(life, 5);
	batch.reports = arena_array_of(world->step, Roost__Report *, batch.n_reports);
	for (size_t i = 0; i < batch.n_reports; i++) {
		batch.reports[i] = draw_report(life, node);
		batch.reports[i]->number = first + i;
	}
	const struct decision *decision = world_take(world, decide_reports(inputs, &batch, &answer));
	uint64_t last = first + batch.n_reports - 1;
	assert_int_not_equal(decision->kind, DECISION_REFUSE);
	bool begins_epoch = decision->kind == DECISION_APPEND && decision->record->report_position == NULL;
	bool had = !deleted && (begins_epoch || first > taken + 1 || last < taken);
	assert_int_equal(answer->taken, had ? taken : last);
}

static void replace_node(struct random_life *life, const char *id)
{
	world_take(life->world, decide_release_node(world_inputs(life->world), id));
	if (life->node_count < RANDOM_NODES_MAX)
		life->nodes[life->node_count++] = world_make_node(life->world, "another");
}

/* A deleted one is let go, and another is made for it. */
void step_node(struct random_life *life)
{
	const char *id = pick_node(life);
	struct decision_inputs *inputs = world_inputs(life->world);
	Roost__StopNodeRequest stop = ROOST__STOP_NODE_REQUEST__INIT;
	Roost__StartNodeRequest start = ROOST__START_NODE_REQUEST__INIT;
	Roost__DeleteNodeRequest delete_it = ROOST__DELETE_NODE_REQUEST__INIT;
	stop.id = start.id = delete_it.id = id;
	stop.confirm = delete_it.confirm = draw(life, 3) > 0;
	if (world_node(life->world, id)->resource->status == ROOST__NODE__STATUS__DELETED) {
		replace_node(life, id);
		return;
	}
	switch (draw(life, 16)) {
	case 0:
		delete_it.abandon = draw(life, 3) == 0;
		world_take(life->world, decide_delete_node(inputs, &delete_it));
		break;
	case 1:
	case 2:
		world_take(life->world, decide_stop_node(inputs, &stop));
		break;
	default:
		world_take(life->world, decide_start_node(inputs, &start));
	}
}

void step_health(struct random_life *life)
{
	const char *id = pick_node(life);
	Roost__Node__Health health = (Roost__Node__Health)(1 + draw(life, 3));
	world_take(life->world,
		   decide_node_health(world_inputs(life->world), id, health, life->world->now_ms - 5000, "its beats"));
}

void step_rolled_back(struct random_life *life)
{
	const char *id = pick_node(life);
	const Roost__NodeState *node = world_node(life->world, id);
	uint64_t epoch = node->log_epoch, version = node->version + draw(life, 3);
	if (draw(life, 4) == 0)
		world_take(life->world, decide_log_rolled_back(world_inputs(life->world), id, epoch, version));
}

void step_sweep(struct random_life *life)
{
	Roost__SweepFinding finding = ROOST__SWEEP_FINDING__INIT;
	const char *unknown = world_id(life->world);
	const char *workspace = pick_recent(life, life->workspaces, life->workspace_count);
	const Roost__WorkspaceState *state = workspace == NULL ? NULL : world_workspace(life->world, workspace);
	finding.has_pass = true;
	finding.pass = (Roost__SweepFinding__Pass)(1 + draw(life, ROOST__SWEEP_FINDING__PASS__SILENT_NODE));
	if (finding.pass == ROOST__SWEEP_FINDING__PASS__UNKNOWN && draw(life, 4) > 0)
		finding.pass = ROOST__SWEEP_FINDING__PASS__STUCK;
	finding.node_id = state != NULL ? state->resource->node_id : pick_node(life);
	finding.generation = state != NULL && draw(life, 3) > 0 ? state->resource->generation : draw(life, 3);
	finding.reason = "It was seen.";
	if (draw(life, 2) == 0)
		finding.workspace_id = finding.pass == ROOST__SWEEP_FINDING__PASS__UNKNOWN ? unknown : workspace;
	else if (draw(life, 2) == 0)
		finding.session_id = pick_recent(life, life->sessions, life->session_count);
	life->world->now_ms += draw(life, 30);
	finding.node_id = arena_strdup(life->world->arena, finding.node_id); /* world_inputs forgets the state */
	const struct decision *decision =
	    world_take(life->world, decide_act_sweep(world_inputs(life->world), &finding));
	assert_int_not_equal(decision->kind, DECISION_REFUSE);
	if (decision->kind != DECISION_APPEND)
		return;
	if (finding.workspace_id == unknown && world_workspace(life->world, unknown) != NULL)
		random_life_note_workspace(life, unknown);
	/* the same finding twice acts once */
	life->world->now_ms--;
	assert_int_equal(decide_act_sweep(world_inputs(life->world), &finding)->kind, DECISION_NOTHING);
}
