/*
 * asker - one DNS server, and one question at a time to it.
 *
 * c-ares never sees two servers at once, so that a message can name who said what. NXDOMAIN and an
 * empty answer are answers; all else is E_AGAIN with the server's name in the text, or E_CANCELLED.
 */
#pragma once

#include "dns/message.h"

struct ares_channeldata;

struct asker {
	struct ctx *ctx;
	const char *server; /* "address:port" */
	msec_t timeout;
	struct ares_channeldata *channel;
	int wake_fd;
};

struct asker_answer {
	bool is_nxdomain;
	struct message message;
};

/* `server` is borrowed. Nothing to close when it fails. */
enum err asker_open(struct ctx *ctx, const char *server, msec_t timeout, struct asker *out);
void asker_close(struct asker *asker);

enum err asker_ask(struct asker *asker, const char *name, enum message_type type,
		   struct asker_answer *out);
