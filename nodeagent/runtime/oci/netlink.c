/* Messages are a header, a body and attributes, each padded to four bytes. A buffer that is too small is
 * a programming error and ends the process, since every message here has a known greatest size. */
#include "nodeagent/runtime/oci/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int netlink_open(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct timeval patience = {.tv_sec = 5};
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static struct nlmsghdr *present(struct netlink_request *request)
{
	return (struct nlmsghdr *)(void *)(request->data + request->message);
}

void netlink_put_raw(struct netlink_request *request, const void *data, size_t size)
{
	size_t padded = NLMSG_ALIGN(size);
	if (request->size + padded > sizeof(request->data))
		abort();
	memset(request->data + request->size, 0, padded);
	if (size > 0)
		memcpy(request->data + request->size, data, size);
	request->size += padded;
	present(request)->nlmsg_len = (uint32_t)(request->size - request->message);
}

void netlink_message(struct netlink_request *request, uint16_t type, uint16_t flags, const void *body, size_t body_size)
{
	request->message = request->size;
	request->count++;
	struct nlmsghdr header = {.nlmsg_type = type,
				  .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST | NLM_F_ACK),
				  .nlmsg_seq = request->count};
	if (request->size + sizeof(header) > sizeof(request->data))
		abort();
	memcpy(request->data + request->size, &header, sizeof(header));
	request->size += NLMSG_HDRLEN;
	netlink_put_raw(request, body, body_size);
}

void netlink_put(struct netlink_request *request, uint16_t type, const void *data, size_t size)
{
	struct rtattr attribute = {.rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type};
	netlink_put_raw(request, &attribute, sizeof(attribute));
	netlink_put_raw(request, data, size);
}

void netlink_put_text(struct netlink_request *request, uint16_t type, const char *text)
{
	netlink_put(request, type, text, strlen(text) + 1);
}

void netlink_put_u32(struct netlink_request *request, uint16_t type, uint32_t value)
{
	netlink_put(request, type, &value, sizeof(value));
}

size_t netlink_begin(struct netlink_request *request, uint16_t type)
{
	size_t nested = request->size;
	netlink_put(request, type, NULL, 0);
	return nested;
}

void netlink_end(struct netlink_request *request, size_t nested)
{
	struct rtattr *attribute = (struct rtattr *)(void *)(request->data + nested);
	attribute->rta_len = (uint16_t)(request->size - nested);
}

/* Counts the acknowledgements in one datagram; keeps the first error. */
static void take_answers(const char *buffer, ssize_t size, uint32_t *left, int *refusal)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
	for (; NLMSG_OK(header, (size_t)size); header = NLMSG_NEXT(header, size)) {
		if (header->nlmsg_type != NLMSG_ERROR)
			continue;
		const struct nlmsgerr *answer = NLMSG_DATA(header);
		if (answer->error != 0 && *refusal == 0)
			*refusal = -answer->error;
		(*left)--;
	}
}

int netlink_send(int fd, struct netlink_request *request)
{
	uint32_t left = request->count;
	ssize_t sent = send(fd, request->data, request->size, 0);
	request->size = request->message = 0;
	request->count = 0;
	if (sent < 0)
		return errno;
	int refusal = 0;
	char buffer[16384] __attribute__((aligned(8)));
	while (left > 0) {
		ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return size == 0 ? EIO : errno;
		take_answers(buffer, size, &left, &refusal);
	}
	return refusal;
}

/* One datagram of a list. True at its end, also by an error. */
static bool take_list(const char *buffer, ssize_t size, netlink_each *each, void *context, int *failed)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
	for (; NLMSG_OK(header, (size_t)size); header = NLMSG_NEXT(header, size)) {
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			*failed = EINTR;
		if (header->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *answer = NLMSG_DATA(header);
			*failed = -answer->error;
		}
		if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE)
			return true;
		each(context, header);
	}
	return false;
}

int netlink_dump(int fd, struct netlink_request *request, netlink_each *each, void *context)
{
	static const size_t answer_size = 64 * 1024;
	ssize_t sent = send(fd, request->data, request->size, 0);
	*request = (struct netlink_request){0};
	if (sent < 0)
		return errno;
	char *buffer = malloc(answer_size);
	if (buffer == NULL)
		return ENOMEM;
	int failed = 0;
	for (bool done = false; !done;) {
		ssize_t size = recv(fd, buffer, answer_size, 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0) {
			failed = size == 0 ? EIO : errno;
			break;
		}
		done = take_list(buffer, size, each, context, &failed);
	}
	free(buffer);
	return failed;
}
