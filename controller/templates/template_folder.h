/* The templates as they are now: read at the start and again when their folder changes. Loop thread. */
#ifndef ROOST_CONTROLLER_TEMPLATES_TEMPLATE_FOLDER_H
#define ROOST_CONTROLLER_TEMPLATES_TEMPLATE_FOLDER_H

#include "controller/templates/template_set.h"

#include <uv.h>

struct template_folder;

/* Reads the folder and watches it; one that does not exist yet is awaited. `changed` is called with every
 * set, the first one before this returns; a set stays as it is for longer than any command lives. */
struct template_folder *template_folder_open(uv_loop_t *loop, const char *path,
					     void (*changed)(void *context, const struct template_set *set),
					     void *context);

/* No call comes afterwards. The last set goes when the loop has run once more. NULL is allowed. */
void template_folder_close(struct template_folder *folder);

#endif
