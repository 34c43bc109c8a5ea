/* Samples of every message that travels or is stored, with every field filled by its descriptor. */
#ifndef ROOST_TESTS_UNIT_WIRE_GOLDEN_H
#define ROOST_TESTS_UNIT_WIRE_GOLDEN_H

#include "bus/wire/message.h"

/* The kinds that have samples, NULL-terminated. */
extern const ProtobufCMessageDescriptor *const golden_kinds[];

/* The kind of this short name ("Record"); NULL when there is none. */
const ProtobufCMessageDescriptor *golden_kind(const char *name);

/* A message of the kind: each field has a value made from its number, and a list of alternatives has
 * an element for each alternative. The same on every machine. */
ProtobufCMessage *golden_sample(const ProtobufCMessageDescriptor *kind, struct arena *arena);

/* The file of a sample: <GOLDEN_DIR>/<Kind>.<generation>.<ending>. In the arena. */
char *golden_path(const ProtobufCMessageDescriptor *kind, int generation, const char *ending, struct arena *arena);

/* The whole file; data NULL when it is not there. In the arena. */
struct bytes golden_read(const char *path, struct arena *arena);

/* The generations that a kind has files of: 1 up to this, 0 for none. */
int golden_newest(const ProtobufCMessageDescriptor *kind, struct arena *arena);

#endif
