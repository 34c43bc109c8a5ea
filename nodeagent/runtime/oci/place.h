/* Where a workspace's things are: computed from the installation and its id alone, so that whatever was
 * made can be found again by a process that remembers nothing.
 *
 *   <folder>/<id>/            label, disk.img (or files/), log/       survives a stop
 *   /run/roost/<inst>/<id>/   disk/ (mounted), root/ (overlay), bundle/, runtime/, etc/
 *   /run/roost/<inst>/inside/ shown in every workspace at /run/roost: init, gitconfig, source/
 *   cgroup /roost/<inst>/<id>, in every hierarchy; below it one per session
 *
 * The folders in /run may be walked through by everybody (0711): with a user namespace the runtime's
 * own child has to reach the root that it mounts. A disk's own top folder is closed to all others. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_PLACE_H
#define ROOST_NODEAGENT_RUNTIME_OCI_PLACE_H

#include "bus/foundation/error.h"
#include "nodeagent/runtime/runtime_driver.h"

#include <stdbool.h>

enum { PLACE_PATH_MAX = 512 };

/* The id under which the driver tries itself out; never listed. */
#define PLACE_PROBE_ID "probe"

struct place {
	const char *id;
	char keep[PLACE_PATH_MAX];  /* <folder>/<id> */
	char label[PLACE_PATH_MAX]; /* <keep>/label.json */
	char image[PLACE_PATH_MAX]; /* <keep>/disk.img */
	char files[PLACE_PATH_MAX]; /* <keep>/files, where there are no loop devices */
	char run[PLACE_PATH_MAX];
	char disk[PLACE_PATH_MAX];    /* <run>/disk */
	char root[PLACE_PATH_MAX];    /* <run>/root, mount point of an overlay */
	char lower[PLACE_PATH_MAX];   /* <run>/lower, an image with its users mapped */
	char bundle[PLACE_PATH_MAX];  /* <run>/bundle */
	char runtime[PLACE_PATH_MAX]; /* <run>/runtime, the runtime's own state */
	char cgroup[PLACE_PATH_MAX];  /* "roost/<inst>/<id>", relative to a hierarchy */
};

/* False with INVALID_ARGUMENT for an id that is no file name, or a folder that is too long. */
bool place_of(const struct runtime_settings *settings, const char *workspace_id, struct place *place,
	      struct error *error);

/* The installation's own places. Each writes at most PLACE_PATH_MAX bytes. */
void place_run_folder(const struct runtime_settings *settings, char *path);
void place_inside_folder(const struct runtime_settings *settings, char *path);
void place_images_folder(const struct runtime_settings *settings, char *path);

/* A name below a folder; false when it does not fit. */
bool place_join(char *path, const char *folder, const char *name);

/* The label that says whose a workspace is: written before anything else is made. It outlives any process;
 * a power cut may take a new one, and then the agent's database knows. */
struct label {
	char owner[256];
	uint32_t generation;
	int64_t made_at; /* Unix milliseconds of the first */
	uint32_t slot;	 /* network slot of the last start, 0 for none: tried first at the next */
};
bool label_write(const struct place *place, const struct runtime_settings *settings, const struct label *label,
		 struct error *error);

/* False when there is none, or none of this installation. */
bool label_read(const struct place *place, const struct runtime_settings *settings, struct label *label);

#endif
