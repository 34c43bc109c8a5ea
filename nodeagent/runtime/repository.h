/* Which repositories may be cloned. Addresses are https, http, ssh, git and user@host:path; a local path
 * only below ROOST_LOCAL_REPOS. Everything else, such as ext:: and file:, is refused before git sees it.
 * Blocking only in repository_open_local; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_REPOSITORY_H
#define ROOST_NODEAGENT_RUNTIME_REPOSITORY_H

#include "bus/foundation/error.h"

#include <stdbool.h>

enum repository_kind { REPOSITORY_REMOTE, REPOSITORY_LOCAL };

/* Judges the text alone. PROVISIONING_FAILED with a sentence for users when it is refused. */
bool repository_classify(const char *repository, enum repository_kind *kind, struct error *error);

/* A branch's name that git takes as a name and not as an option. */
bool repository_valid_branch(const char *branch, struct error *error);

/* Opens the folder of a local repository: beneath `local_repos`, following no link out of it. The caller
 * closes it. Returns -1 with PROVISIONING_FAILED. */
int repository_open_local(const char *local_repos, const char *repository, struct error *error);

/* Whether the repository may be cloned at all: its address, its branch, and of a local one its place. "" is
 * no repository. */
bool repository_check(const char *local_repos, const char *repository, const char *branch, struct error *error);

/* True when the address names an own address of this machine, by number. */
bool repository_on_this_machine(const char *repository);

#endif
