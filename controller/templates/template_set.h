/* Templates of workspaces from a folder: <name>.json with any of provisionTimeoutSeconds, image and env. A
 * missing folder has none; a file that is not as it should be is named in the log and passed over. Names
 * that differ in case only are one template, with the longest of their times (S4-22). Any thread. */
#ifndef ROOST_CONTROLLER_TEMPLATES_TEMPLATE_SET_H
#define ROOST_CONTROLLER_TEMPLATES_TEMPLATE_SET_H

#include "controller/domain/decision.h"

struct template_set {
	struct arena *arena;
	struct workspace_template *items; /* by name */
	size_t count;
	struct template_set *next; /* for whoever keeps several */
	int64_t retired_ms;
};

/* The templates of the folder, never NULL. */
struct template_set *template_set_read(const char *folder);

/* NULL is allowed. */
void template_set_free(struct template_set *set);

/* One file's text. A time that is no whole number of seconds, or out of range, is corrected with a line in
 * the log; everything else that is wrong is an error that names the key. */
bool template_parse(const char *name, const char *text, size_t size, struct arena *arena,
		    struct workspace_template *out, struct error *error);

#endif
