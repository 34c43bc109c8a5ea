/* The list of migrations of nodeagent.db. Only ever appended to. */
#ifndef ROOST_NODEAGENT_CONTROL_MIGRATIONS_H
#define ROOST_NODEAGENT_CONTROL_MIGRATIONS_H

extern const char *const agent_migrations[];
extern const int agent_migration_count;

#endif
