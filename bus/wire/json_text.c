/* Times by the proleptic Gregorian calendar, counted in days from March so that leap days come last;
 * base64 by RFC 4648; names by descriptor. */
#include "bus/wire/json_text.h"

#include "bus/wire/json.h"

#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, DAYS_OF_400_YEARS = 146097, DAYS_0000_TO_1970 = 719468 };

static char *digits(char *out, unsigned value, int count)
{
	for (int i = count - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + count;
}

void json_time(int64_t ms, char text[32])
{
	if (ms < JSON_TIME_MIN_MS)
		ms = JSON_TIME_MIN_MS;
	if (ms > JSON_TIME_MAX_MS)
		ms = JSON_TIME_MAX_MS;
	/* From here on everything is positive: days are counted from 0000-03-01, 400 years earlier. */
	int64_t shifted = ms + (int64_t)(DAYS_0000_TO_1970 + DAYS_OF_400_YEARS) * DAY_MS;
	unsigned day = (unsigned)(shifted / DAY_MS);
	unsigned rest = (unsigned)(shifted % DAY_MS);
	unsigned era = day / DAYS_OF_400_YEARS;
	unsigned of_era = day % DAYS_OF_400_YEARS;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153; /* 0 is March */
	unsigned date = of_year - (153 * month + 2) / 5 + 1;
	char *at = digits(text, era * 400 + year - 400 + (month >= 10), 4);
	*at++ = '-';
	at = digits(at, month < 10 ? month + 3 : month - 9, 2);
	*at++ = '-';
	at = digits(at, date, 2);
	*at++ = 'T';
	at = digits(at, rest / 3600000, 2);
	*at++ = ':';
	at = digits(at, rest / 60000 % 60, 2);
	*at++ = ':';
	at = digits(at, rest / 1000 % 60, 2);
	*at++ = '.';
	at = digits(at, rest % 1000, 3);
	*at++ = 'Z';
	*at = '\0';
}

/* `count` digits at `text` as a number; -1 when one of them is no digit. */
static int number(const char *text, int count)
{
	int value = 0;
	for (int i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

static int64_t days_since_epoch(int year, int month, int date)
{
	int from_march = month > 2 ? month - 3 : month + 9;
	int of_400 = year + 400 - (month <= 2);
	int era = of_400 / 400;
	int in_era = of_400 % 400;
	int of_era = in_era * 365 + in_era / 4 - in_era / 100 + (153 * from_march + 2) / 5 + date - 1;
	return (int64_t)(era - 1) * DAYS_OF_400_YEARS + of_era - DAYS_0000_TO_1970;
}

/* ".123456789Z" or "Z". */
static bool parse_fraction(const char *text, size_t length, int *ms)
{
	*ms = 0;
	if (length == 1)
		return text[0] == 'Z';
	if (text[0] != '.' || length < 3 || length > 11 || text[length - 1] != 'Z')
		return false;
	int weight = 100;
	for (size_t i = 1; i < length - 1; i++, weight /= 10) {
		int digit = number(text + i, 1);
		if (digit < 0)
			return false;
		*ms += digit * weight;
	}
	return true;
}

bool json_time_parse(const char *text, size_t length, int64_t *ms)
{
	if (length < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
		return false;
	int year = number(text, 4);
	int month = number(text + 5, 2);
	int date = number(text + 8, 2);
	int hour = number(text + 11, 2);
	int minute = number(text + 14, 2);
	int second = number(text + 17, 2);
	int fraction;
	if (year < 0 || month < 1 || month > 12 || date < 1 || date > days_in_month(year, month))
		return false;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	if (!parse_fraction(text + 19, length - 19, &fraction))
		return false;
	*ms = days_since_epoch(year, month, date) * DAY_MS + ((hour * 60 + minute) * 60 + second) * INT64_C(1000) +
	      fraction;
	return true;
}

bool json_field_is_time(const ProtobufCFieldDescriptor *field)
{
	size_t length = strlen(field->name);
	return field->type == PROTOBUF_C_TYPE_INT64 && length > 3 && strcmp(field->name + length - 3, "_at") == 0;
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t json_base64(struct bytes bytes, char *out)
{
	size_t length = 0;
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		unsigned group = (unsigned)bytes.data[i] << 16 | (left > 1 ? (unsigned)bytes.data[i + 1] << 8 : 0) |
				 (left > 2 ? bytes.data[i + 2] : 0);
		out[length++] = base64_alphabet[group >> 18];
		out[length++] = base64_alphabet[group >> 12 & 63];
		out[length++] = left > 1 ? base64_alphabet[group >> 6 & 63] : '=';
		out[length++] = left > 2 ? base64_alphabet[group & 63] : '=';
	}
	return length;
}

static int base64_value(char digit)
{
	const char *found = digit == '\0' ? NULL : strchr(base64_alphabet, digit);
	return found == NULL ? -1 : (int)(found - base64_alphabet);
}

bool json_base64_parse(const char *text, size_t length, struct arena *arena, struct bytes *out)
{
	if (length % 4 != 0)
		return false;
	size_t padding = 0;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	unsigned char *data = arena_alloc(arena, length / 4 * 3 + 1);
	for (size_t i = 0; i < length; i += 4) {
		unsigned group = 0;
		for (size_t n = 0; n < 4; n++) {
			bool is_padding = i + n >= length - padding;
			int value = is_padding ? 0 : base64_value(text[i + n]);
			if (value < 0)
				return false;
			group = group << 6 | (unsigned)value;
		}
		data[i / 4 * 3] = (unsigned char)(group >> 16);
		data[i / 4 * 3 + 1] = (unsigned char)(group >> 8);
		data[i / 4 * 3 + 2] = (unsigned char)group;
	}
	size_t size = length / 4 * 3 - padding;
	/* One spelling for each value: the bits that padding cuts off are zero. */
	if (padding > 0 && data[size] != 0)
		return false;
	*out = (struct bytes){data, size};
	return true;
}

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

const char *json_enum_word(const ProtobufCEnumDescriptor *descriptor, int value)
{
	static _Thread_local char word[64];
	const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);
	if (found == NULL || strlen(found->name) >= sizeof(word))
		return NULL;
	size_t length = 0;
	for (; found->name[length] != '\0'; length++)
		word[length] = lower(found->name[length]);
	word[length] = '\0';
	return word;
}

bool json_enum_parse(const ProtobufCEnumDescriptor *descriptor, const char *word, size_t length, int *value)
{
	for (unsigned i = 0; i < descriptor->n_values; i++) {
		const char *name = descriptor->values[i].name;
		size_t same = 0;
		while (same < length && name[same] != '\0' && lower(name[same]) == word[same])
			same++;
		if (same == length && name[same] == '\0') {
			*value = descriptor->values[i].value;
			return true;
		}
	}
	return false;
}

size_t json_camel(const char *name, char *out)
{
	size_t length = 0;
	bool upper = false;
	for (; *name != '\0'; name++) {
		if (*name == '_') {
			upper = true;
			continue;
		}
		out[length++] = upper && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
		upper = false;
	}
	return length;
}

/* True when `camel` is what json_camel makes of `name`; most names differ early. */
static bool is_camel_of(const char *name, const char *camel, size_t length)
{
	size_t at = 0;
	bool upper = false;
	for (; *name != '\0'; name++) {
		if (*name == '_') {
			upper = true;
			continue;
		}
		char expected = upper && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
		if (at == length || camel[at++] != expected)
			return false;
		upper = false;
	}
	return at == length;
}

const ProtobufCFieldDescriptor *json_field(const ProtobufCMessageDescriptor *descriptor, const char *name,
					   size_t length)
{
	for (unsigned i = 0; i < descriptor->n_fields; i++)
		if (is_camel_of(descriptor->fields[i].name, name, length))
			return &descriptor->fields[i];
	return NULL;
}
