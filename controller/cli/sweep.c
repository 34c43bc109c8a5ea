/* roost sweep */
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/show.h"
#include "controller/cli/table.h"

enum { LONGER_MS = 5000 }; /* than other commands: nodes are asked what they have */

static const char *what_it_did(const Roost__SweepFinding *finding, bool dry_run)
{
	if (finding->error != NULL && finding->error[0] != '\0')
		return finding->error;
	return finding->acted ? "done" : dry_run ? "would act" : "told";
}

/* The thing that a finding is about. */
static const char *thing_of(const Roost__SweepFinding *finding)
{
	return finding->session_id != NULL     ? finding->session_id
	       : finding->workspace_id != NULL ? finding->workspace_id
					       : finding->node_id;
}

static void print(const Roost__RunSweepResponse *list, bool dry_run, struct arena *arena)
{
	static const char *const headings[] = {"PASS", "ABOUT", "REASON", "NEXT STEP", "", NULL};
	struct table *table = table_new(headings, arena);
	for (size_t i = 0; i < list->n_findings; i++) {
		const Roost__SweepFinding *finding = list->findings[i];
		const char *pass = json_enum_word(&roost__sweep_finding__pass__descriptor, finding->pass);
		table_row(table, (const char *[]){arena_strdup(arena, pass == NULL ? "" : pass), thing_of(finding),
						  finding->reason, finding->next_step, what_it_did(finding, dry_run)});
	}
	table_print(table, "The sweeper finds nothing amiss.");
}

static int run(struct invocation *invocation)
{
	Roost__RunSweepRequest request = ROOST__RUN_SWEEP_REQUEST__INIT;
	struct api_call call = {.command = API_run_sweep, .request = &request.base, .wait_ms = LONGER_MS};
	struct error error;
	request.has_dry_run = true;
	request.dry_run = invocation_has(invocation, "dry-run");
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_refused(&error, call.details, call.detail_count, invocation->arena);
	if (invocation->json)
		return show_json(invocation, API_run_sweep, answer);
	print((const Roost__RunSweepResponse *)answer, request.dry_run, invocation->arena);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"dry-run", NULL, "Say what would be done, and do nothing."},
    OPTION_END,
};

const struct verb verb_sweep = {
    .name = "sweep",
    .arguments = "",
    .sentence = "Have the sweeper look at once for what is stuck, lost or left over, and act on it.",
    .options = options,
    .run = run,
};
