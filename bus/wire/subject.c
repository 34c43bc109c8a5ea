/* Subjects: builders fill the patterns of schemas/subjects.def, parsers take them apart and accept
 * only what a builder could have made. Nothing here can fail but a parser; a builder that is given a
 * token which is none ends the process, since a subject with a wildcard inside would reach others. */
#include "bus/wire/subject.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/ulid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789ABCDEF";

static bool is_plain(unsigned char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	       byte == '_' || byte == '-';
}

bool owner_to_token(const char *owner, char token[OWNER_TOKEN_MAX])
{
	size_t length = owner == NULL ? 0 : strnlen(owner, OWNER_BYTES_MAX + 1);
	if (length == 0 || length > OWNER_BYTES_MAX)
		return false;
	size_t out = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)owner[i];
		bool escape = !is_plain(byte) || (i == 0 && byte == '_') || (length == 1 && byte == '-');
		if (!escape) {
			token[out++] = (char)byte;
			continue;
		}
		token[out++] = '=';
		token[out++] = hex_digits[byte >> 4];
		token[out++] = hex_digits[byte & 15];
	}
	token[out] = '\0';
	return true;
}

static int hex_value(char digit)
{
	const char *found = digit == '\0' ? NULL : strchr(hex_digits, digit);
	return found == NULL ? -1 : (int)(found - hex_digits);
}

/* The bytes that a token stands for, without asking whether it is the only spelling. */
static bool unescape(const char *token, size_t length, char owner[129])
{
	size_t out = 0;
	for (size_t i = 0; i < length; i++) {
		if (out == OWNER_BYTES_MAX)
			return false;
		if (token[i] != '=') {
			owner[out++] = token[i];
			continue;
		}
		if (length - i < 3)
			return false;
		int high = hex_value(token[i + 1]);
		int low = hex_value(token[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return false;
		owner[out++] = (char)(high << 4 | low);
		i += 2;
	}
	owner[out] = '\0';
	return true;
}

bool owner_from_token(const char *token, size_t length, char owner[129])
{
	char again[OWNER_TOKEN_MAX];
	if (length == 0 || length >= OWNER_TOKEN_MAX || !unescape(token, length, owner))
		return false;
	return owner_to_token(owner, again) && strlen(again) == length && memcmp(again, token, length) == 0;
}

static void end_process(const char *what, const char *token)
{
	fprintf(stderr, "subject: %s cannot be %s\n", token == NULL ? "nothing" : token, what);
	abort();
}

static void checked_owner(const char *owner, char token[OWNER_TOKEN_MAX])
{
	if (!owner_to_token(owner, token))
		end_process("an owner or id", owner);
}

/* Legal as one literal token: what an unescaped id, verb or kind looks like. */
static bool is_word(const char *token, size_t length)
{
	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_plain((unsigned char)token[i]))
			return false;
	return true;
}

static const char *checked(const char *token)
{
	if (token == NULL || !is_word(token, strnlen(token, OWNER_BYTES_MAX)))
		end_process("a token of a subject", token);
	return token;
}

static const char *checked_or_dash(const char *token)
{
	return token == NULL || token[0] == '\0' ? "-" : checked(token);
}

static struct subject subject_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct subject subject_format(const char *format, ...)
{
	struct subject subject;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(subject.text, sizeof(subject.text), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(subject.text))
		end_process("that long", subject.text);
	return subject;
}

struct subject subject_command(const char *owner, const char *resource, const char *verb)
{
	char token[OWNER_TOKEN_MAX];
	checked_owner(owner, token);
	return subject_format("roost.cmd.%s.%s.%s", token, checked(resource), checked(verb));
}

struct subject subject_system_command(const char *resource, const char *verb)
{
	return subject_format("roost.cmd." SUBJECT_SYSTEM_OWNER ".%s.%s", checked(resource), checked(verb));
}

struct subject subject_event(const char *owner, const char *kind, const char *id)
{
	char token[OWNER_TOKEN_MAX];
	char id_token[OWNER_TOKEN_MAX];
	checked_owner(owner, token);
	checked_owner(id, id_token);
	return subject_format("roost.evt.%s.%s.%s", token, checked(kind), id_token);
}

struct subject subject_feed_of_owner(const char *owner)
{
	char token[OWNER_TOKEN_MAX];
	checked_owner(owner, token);
	return subject_format("roost.feed.%s.>", token);
}

struct subject subject_tail(const char *owner, const char *node, const char *workspace, const char *session,
			    const char *event)
{
	char token[OWNER_TOKEN_MAX];
	checked_owner(owner, token);
	return subject_format("roost.tail.%s.%s.%s.%s.%s", token, checked_or_dash(node), checked_or_dash(workspace),
			      checked_or_dash(session), checked_or_dash(event));
}

struct subject subject_node(const char *node, const char *verb)
{
	return subject_format("roost.node.%s.%s", checked(node), checked(verb));
}

struct subject subject_report(const char *node)
{
	return subject_format("roost.report.%s", checked(node));
}

struct subject subject_beat(const char *node)
{
	return subject_format("roost.beat.%s", checked(node));
}

struct subject subject_inbox(const char *user, const char *rest)
{
	char token[OWNER_TOKEN_MAX];
	checked_owner(user, token);
	return subject_format("_INBOX.%s.%s", token, rest);
}

enum { TOKENS_MAX = 6 };

struct token {
	const char *text;
	size_t length;
};

/* Splits at the dots; 0 when there are more than TOKENS_MAX tokens or the subject is too long. */
static size_t split(const char *subject, struct token tokens[TOKENS_MAX])
{
	if (subject == NULL || strnlen(subject, SUBJECT_MAX) >= SUBJECT_MAX)
		return 0;
	size_t count = 0;
	for (const char *start = subject;; count++) {
		if (count == TOKENS_MAX)
			return 0;
		size_t length = strcspn(start, ".");
		tokens[count] = (struct token){start, length};
		if (start[length] == '\0')
			return count + 1;
		start += length + 1;
	}
}

static bool token_is(struct token token, const char *word)
{
	return token.length == strlen(word) && memcmp(token.text, word, token.length) == 0;
}

static bool take_word(struct token token, char *out, size_t size)
{
	if (token.length >= size || !is_word(token.text, token.length))
		return false;
	memcpy(out, token.text, token.length);
	out[token.length] = '\0';
	return true;
}

static bool take_commander(struct token token, struct command_subject *out)
{
	out->system = token_is(token, SUBJECT_SYSTEM_OWNER);
	if (!out->system)
		return owner_from_token(token.text, token.length, out->owner);
	memcpy(out->owner, SUBJECT_SYSTEM_OWNER, sizeof(SUBJECT_SYSTEM_OWNER));
	return true;
}

bool subject_parse_command(const char *subject, struct command_subject *out)
{
	struct token tokens[TOKENS_MAX];
	return split(subject, tokens) == 5 && token_is(tokens[0], "roost") && token_is(tokens[1], "cmd") &&
	       take_commander(tokens[2], out) && take_word(tokens[3], out->resource, sizeof(out->resource)) &&
	       take_word(tokens[4], out->verb, sizeof(out->verb));
}

bool subject_parse_event(const char *subject, struct event_subject *out)
{
	struct token tokens[TOKENS_MAX];
	return split(subject, tokens) == 5 && token_is(tokens[0], "roost") &&
	       (token_is(tokens[1], "evt") || token_is(tokens[1], "feed")) &&
	       owner_from_token(tokens[2].text, tokens[2].length, out->owner) &&
	       take_word(tokens[3], out->kind, sizeof(out->kind)) &&
	       owner_from_token(tokens[4].text, tokens[4].length, out->id);
}

bool subject_parse_node(const char *subject, struct node_subject *out)
{
	struct token tokens[TOKENS_MAX];
	size_t count = split(subject, tokens);
	if (count < 3 || !token_is(tokens[0], "roost") || !take_word(tokens[2], out->node, sizeof(out->node)) ||
	    !ulid_valid(out->node))
		return false;
	out->verb[0] = '\0';
	if (count == 3)
		return token_is(tokens[1], "report") || token_is(tokens[1], "beat");
	return count == 4 && token_is(tokens[1], "node") && take_word(tokens[3], out->verb, sizeof(out->verb));
}

/* A literal subject below a prefix: no empty token, no wildcard, nothing that ends a protocol line. */
static bool is_literal_rest(const char *rest)
{
	if (rest[0] == '\0')
		return false;
	for (const char *at = rest; *at != '\0'; at++) {
		if ((unsigned char)*at <= ' ' || *at == '*' || *at == '>' || *at == 0x7f)
			return false;
		if (*at == '.' && (at == rest || at[1] == '.' || at[1] == '\0'))
			return false;
	}
	return true;
}

bool subject_reply_allowed(const char *reply, const char *owner)
{
	char token[OWNER_TOKEN_MAX];
	static const char inbox[] = "_INBOX.";
	if (reply == NULL || strncmp(reply, inbox, sizeof(inbox) - 1) != 0 || !owner_to_token(owner, token))
		return false;
	const char *rest = reply + sizeof(inbox) - 1;
	size_t length = strlen(token);
	return strncmp(rest, token, length) == 0 && rest[length] == '.' && is_literal_rest(rest + length + 1);
}
