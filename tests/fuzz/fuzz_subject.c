/* A subject and an owner, with a zero byte between them: whatever a parser takes, the builder makes
 * again byte for byte, and every owner comes back from its token. */
#include "bus/foundation/limits.h"
#include "bus/wire/subject.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_command(const char *subject)
{
	struct command_subject command;
	if (!subject_parse_command(subject, &command))
		return;
	struct subject again = command.system ? subject_system_command(command.resource, command.verb)
					      : subject_command(command.owner, command.resource, command.verb);
	must(strcmp(again.text, subject) == 0);
}

static void check_event(const char *subject)
{
	struct event_subject event;
	if (!subject_parse_event(subject, &event))
		return;
	struct subject again = subject_event(event.owner, event.kind, event.id);
	if (strncmp(subject, "roost.evt.", 10) == 0)
		must(strcmp(again.text, subject) == 0);
	else
		must(strcmp(again.text + strlen("roost.evt."), subject + strlen("roost.feed.")) == 0);
}

static void check_node(const char *subject)
{
	struct node_subject node;
	if (!subject_parse_node(subject, &node))
		return;
	if (node.verb[0] != '\0')
		must(strcmp(subject_node(node.node, node.verb).text, subject) == 0);
	else
		must(strcmp(subject_report(node.node).text, subject) == 0 ||
		     strcmp(subject_beat(node.node).text, subject) == 0);
}

static void check_owner(const char *owner, const char *reply)
{
	char token[OWNER_TOKEN_MAX];
	char again[OWNER_BYTES_MAX + 1];
	bool fits = owner_to_token(owner, token);
	must(fits == (owner[0] != '\0' && strlen(owner) <= OWNER_BYTES_MAX));
	if (!fits)
		return;
	must(strpbrk(token, ".*> \t\r\n") == NULL);
	must(owner_from_token(token, strlen(token), again) && strcmp(again, owner) == 0);
	must(subject_reply_allowed(subject_inbox(owner, "x").text, owner));
	if (subject_reply_allowed(reply, owner))
		must(strncmp(reply, "_INBOX.", 7) == 0 && strpbrk(reply, "*> \r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 2);
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	const char *owner = text + strlen(text) + 1;
	if (owner > text + size)
		owner = text + size;
	check_command(text);
	check_event(text);
	check_node(text);
	check_owner(owner, text);
	char back[OWNER_BYTES_MAX + 1];
	char token[OWNER_TOKEN_MAX];
	if (owner_from_token(text, strlen(text), back))
		must(owner_to_token(back, token) && strcmp(token, text) == 0);
	free(text);
	return 0;
}
