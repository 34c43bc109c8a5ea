/* roost up and roost down: the installation's own room does the work. */
#include "controller/cli/verb.h"
#include "controller/installation/installation.h"

static const struct verb_option up_options[] = {
    {"data", "folder", "The installation's folder: the same as --data-dir."},
    {"detach", NULL, "Return when everything is up; it goes on in the background."},
    {"controllers", "count", "How many controllers share the work, from 1 to 8; 1 by default."},
    OPTION_END,
};

static const struct verb_option down_options[] = {
    {"data", "folder", "The installation's folder: the same as --data-dir."},
    {"purge", NULL, "Remove the installation's folder too, with all workspaces' files."},
    OPTION_END,
};

const struct verb verb_up = {
    .name = "up",
    .arguments = "",
    .sentence = "Start an installation on this machine and watch over it. Ctrl-C leaves workspaces running.",
    .options = up_options,
    .run_raw = up_main,
};

const struct verb verb_down = {
    .name = "down",
    .arguments = "",
    .sentence = "End an installation and everything that runs in it.",
    .options = down_options,
    .run_raw = down_main,
};
