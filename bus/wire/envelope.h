/* What travels around a payload: headers of commands and replies, errors as replies, JSON or
 * protobuf by Content-Type. */
#ifndef ROOST_BUS_WIRE_ENVELOPE_H
#define ROOST_BUS_WIRE_ENVELOPE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/wire/message.h"
#include "resource.pb-c.h"

#define HEADER_CONTENT_TYPE    "Content-Type"
#define HEADER_IDEMPOTENCY_KEY "Idempotency-Key"
#define HEADER_MIN_SEQ	       "Roost-Min-Seq"
#define HEADER_SEQ	       "Roost-Seq"
#define HEADER_TRACEPARENT     "traceparent"
#define HEADER_ERROR_CODE      "Nats-Service-Error-Code"
#define HEADER_ERROR	       "Nats-Service-Error"
#define HEADER_RETRY_AFTER     "Retry-After"
#define CONTENT_TYPE_JSON      "application/json"
#define CONTENT_TYPE_PROTOBUF  "application/protobuf"

/* True for application/json, with or without parameters. */
bool envelope_is_json(const char *content_type);

/* A request's or answer's payload as a message: JSON or protobuf, unknown fields refused. */
ProtobufCMessage *envelope_decode(const ProtobufCMessageDescriptor *descriptor, struct bytes data, bool json,
				  struct arena *arena, struct error *error);
struct bytes envelope_encode(const ProtobufCMessage *message, bool json, struct arena *arena);

/* The Error body for users: for codes with status 500 and above other than provisioning_failed and
 * stop_failed the sentence is the table's own, and details.correlationId is set when given. */
struct bytes envelope_encode_error(const struct error *error, const char *correlation_id, bool json,
				   struct arena *arena);

/* The same with further details. */
struct bytes envelope_encode_error_details(const struct error *error, Roost__Error__DetailsEntry **details,
					   size_t detail_count, bool json, struct arena *arena);

/* Reads an Error body back. */
void envelope_decode_error(struct bytes data, bool json, struct error *error);

/* The same with its details, in the arena; *count is 0 without any. */
Roost__Error__DetailsEntry **envelope_decode_error_details(struct bytes data, bool json, struct arena *arena,
							   size_t *count, struct error *error);

#endif
