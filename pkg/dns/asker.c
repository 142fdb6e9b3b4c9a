#include "dns/asker.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ares.h>

#define TRIES	    2
#define SOCKETS_MAX 8 /* one server needs two; the macros of c-ares overflow at sixteen */

struct answer {
	struct ctx *ctx;
	bool is_there;
	int status;
	unsigned char *data; /* NULL: no message came */
	size_t size;
};

static const char *const rcodes[16] = {
	[1] = "FORMERR", [2] = "SERVFAIL", [4] = "NOTIMP",  [5] = "REFUSED",  [6] = "YXDOMAIN",
	[7] = "YXRRSET", [8] = "NXRRSET",  [9] = "NOTAUTH", [10] = "NOTZONE",
};

static int open_channel(struct asker *asker)
{
	struct ares_options options = {0};
	int status, mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;

	/* Without NOCHECKRESP a SERVFAIL would come to us as something else. */
	options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
	/* c-ares doubles its timeout for the second try: one third, then two thirds. */
	options.timeout = (int)(asker->timeout / 3 + 1);
	options.tries = TRIES;
	options.lookups = (char[]){"b"};
	status = ares_init_options(&asker->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return status;
	status = ares_set_servers_ports_csv(asker->channel, asker->server);
	if (status != ARES_SUCCESS)
		ares_destroy(asker->channel);
	return status;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *data, int size)
{
	struct answer *answer = arg;

	(void)timeouts;
	answer->is_there = true;
	answer->status = status;
	if (data && size > 0) {
		answer->data = arena_copy(answer->ctx->arena, data, (size_t)size);
		answer->size = (size_t)size;
	}
}

static void wake(void *handle)
{
	uint64_t one = 1;
	ssize_t written = write(*(int *)handle, &one, sizeof(one));

	(void)written; /* full means awake already */
}

static int poll_timeout(ares_channel channel, msec_t left)
{
	struct timeval longest = {.tv_sec = (time_t)(left / 1000),
				  .tv_usec = (suseconds_t)(left % 1000 * 1000)};
	struct timeval room, *wait = ares_timeout(channel, &longest, &room);

	return (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
}

static void turn(struct asker *asker, msec_t left)
{
	ares_socket_t sockets[SOCKETS_MAX];
	struct pollfd polled[SOCKETS_MAX + 1];
	int i, bits = ares_getsock(asker->channel, sockets, SOCKETS_MAX);
	nfds_t count = 0;
	bool is_idle = true;

	for (i = 0; i < SOCKETS_MAX; i++) {
		if (!ARES_GETSOCK_READABLE(bits, i) && !ARES_GETSOCK_WRITABLE(bits, i))
			continue;
		polled[count].fd = sockets[i];
		polled[count].events = (short)((ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
					       (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0));
		polled[count++].revents = 0;
	}
	polled[count] = (struct pollfd){.fd = asker->wake_fd, .events = POLLIN};
	if (poll(polled, count + 1, poll_timeout(asker->channel, left)) > 0)
		for (i = 0; i < (int)count; i++) {
			if (!polled[i].revents)
				continue;
			is_idle = false;
			ares_process_fd(
				asker->channel,
				polled[i].revents & ~POLLOUT ? polled[i].fd : ARES_SOCKET_BAD,
				polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
		}
	if (is_idle)
		ares_process_fd(asker->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* Ends with an answer, after the timeout, or when cancelled. */
static void drive(struct asker *asker, const struct answer *answer)
{
	struct ctx *ctx = asker->ctx;
	struct cancel_waker waker = {.wake = wake, .handle = &asker->wake_fd};
	msec_t deadline = msec_add(ctx_mono(ctx), asker->timeout);

	cancel_add_waker(ctx->doors->cancel, &waker);
	while (!answer->is_there && !ctx_is_cancelled(ctx) && ctx_mono(ctx) < deadline)
		turn(asker, deadline - ctx_mono(ctx));
	cancel_remove_waker(ctx->doors->cancel, &waker);
}

static enum err no_message(struct asker *asker, const char *name, int status)
{
	const char *server = asker->server;

	if (status == ARES_ETIMEOUT || status == ARES_ECANCELLED)
		return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
				 "%s gave no answer for %s in time", server, name);
	if (status == ARES_ECONNREFUSED)
		return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
				 "%s cannot be reached to look up %s", server, name);
	return fault_set(asker->ctx, E_AGAIN, "LookupFailed", "%s cannot be asked for %s: %s",
			 server, name, ares_strerror(status));
}

static enum err no_answer(struct asker *asker, const char *name, const char *what)
{
	return fault_set(asker->ctx, E_AGAIN, "LookupFailed", "%s sent %s for %s", asker->server,
			 what, name);
}

static enum err read_answer(struct asker *asker, const struct answer *answer, const char *name,
			    struct asker_answer *out)
{
	const char *flaw;
	unsigned rcode;

	if (!answer->data)
		return no_message(asker, name, answer->status);
	flaw = message_flaw(answer->data, answer->size);
	if (flaw)
		return no_answer(asker, name, flaw);
	rcode = answer->data[3] & 15;
	if (rcode != NOERROR && rcode != NXDOMAIN)
		return fault_set(asker->ctx, E_AGAIN, "LookupFailed", "%s said %s for %s",
				 asker->server, rcodes[rcode] ? rcodes[rcode] : "an unknown error",
				 name);
	if (!message_parse(asker->ctx, answer->data, answer->size, &out->message))
		return no_answer(asker, name, "a garbled answer");
	if (out->message.is_referral)
		return no_answer(asker, name,
				 "the names of other servers, as one that looks "
				 "nothing up,");
	out->is_nxdomain = rcode == NXDOMAIN;
	return E_OK;
}

enum err asker_open(struct ctx *ctx, const char *server, msec_t timeout, struct asker *out)
{
	int status;

	*out = (struct asker){.ctx = ctx, .server = server, .timeout = timeout};
	status = open_channel(out);
	if (status != ARES_SUCCESS)
		return fault_set(ctx, E_AGAIN, "LookupFailed", "%s cannot be asked: %s", server,
				 ares_strerror(status));
	out->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (out->wake_fd >= 0)
		return E_OK;
	ares_destroy(out->channel);
	return fault_set(ctx, E_AGAIN, "LookupFailed", "no file descriptor is left");
}

void asker_close(struct asker *asker)
{
	ares_destroy(asker->channel);
	close(asker->wake_fd);
}

enum err asker_ask(struct asker *asker, const char *name, enum message_type type,
		   struct asker_answer *out)
{
	struct answer answer = {.ctx = asker->ctx};

	ares_query(asker->channel, name, C_IN, (int)type, on_answer, &answer);
	drive(asker, &answer);
	if (!answer.is_there)
		ares_cancel(asker->channel); /* calls on_answer */
	assert(answer.is_there);
	if (ctx_is_cancelled(asker->ctx))
		return fault_set(asker->ctx, E_CANCELLED, "Cancelled", "shutting down");
	return read_answer(asker, &answer, name, out);
}
