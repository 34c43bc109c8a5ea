/* Just enough of netlink to make links, addresses and routes, and to look for a table of rules: messages are put
 * together in one buffer, sent at once, and every one is acknowledged. Blocking; any thread, one socket per thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_NETLINK_H
#define ROOST_NODEAGENT_RUNTIME_OCI_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NETLINK_REQUEST_BYTES = 4096 };

struct netlink_request {
	char data[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	size_t size;
	size_t message; /* where the present message begins */
	uint32_t count; /* messages so far */
};

/* A socket of a protocol (NETLINK_ROUTE ...) in the thread's present network namespace, or -1 with errno.
 * The caller closes it. */
int netlink_open(int protocol);

/* Begins a message of `type` (RTM_...) with `body`; NLM_F_REQUEST and NLM_F_ACK are added to flags. */
void netlink_message(struct netlink_request *request, uint16_t type, uint16_t flags, const void *body,
		     size_t body_size);

/* Adds an attribute to the present message. */
void netlink_put(struct netlink_request *request, uint16_t type, const void *data, size_t size);
void netlink_put_text(struct netlink_request *request, uint16_t type, const char *text);
void netlink_put_u32(struct netlink_request *request, uint16_t type, uint32_t value);

/* Opens a nested attribute; the result goes to netlink_end. */
size_t netlink_begin(struct netlink_request *request, uint16_t type);
void netlink_end(struct netlink_request *request, size_t nested);

/* Adds raw bytes, such as the header inside VETH_INFO_PEER. */
void netlink_put_raw(struct netlink_request *request, const void *data, size_t size);

/* Sends all messages and waits for every acknowledgement. Returns 0 or the errno of the first refusal;
 * later messages may have been obeyed nevertheless. The request is empty afterwards. */
int netlink_send(int fd, struct netlink_request *request);

/* Sends one message that asks for a list, made by netlink_message with NLM_F_DUMP, and calls `each` for every
 * message of the answer. Returns 0 or an errno; EINTR when the list changed while it was read, and the
 * caller asks again. The request is empty afterwards. */
struct nlmsghdr;
typedef void netlink_each(void *context, const struct nlmsghdr *header);
int netlink_dump(int fd, struct netlink_request *request, netlink_each *each, void *context);

#endif
