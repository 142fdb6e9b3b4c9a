/*
 * answers - bodies on their way to clients, and how much memory they hold all together.
 *
 * What a client reads slowly is held for it, so all bodies that come in or go out count, and at
 * ANSWERS_BYTES_MAX nothing new is begun. A large text that equals another one on its way is the
 * same one; a list is made as it is sent (listing.h). Belongs to the loop thread.
 */
#pragma once

#include "httpd/turns.h"
#include "service/listing.h"

#define ANSWERS_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define ANSWERS_LARGE_BYTES                                                   \
	((size_t)64 * 1024) /* from here on texts are shared, lists piecewise \
			     */

struct body;

struct answers {
	struct clock *clock;
	struct conns *conns;
	struct turns *turns;
	uint64_t *activity;
	size_t bytes;	     /* held now */
	struct body *bodies; /* the large ones */
};

bool answers_are_full(const struct answers *answers);

/* A text as an answer's body, copied. `turn` is the one whose work goes on with the sending. */
struct MHD_Response *answers_send_text(struct answers *answers, const struct turn *turn,
				       const char *text, size_t size);

/* Takes over the page. */
struct MHD_Response *answers_send_page(struct answers *answers, const struct turn *turn,
				       struct page *page);
