/*
 * absence - remembers, for one service, that it does not answer, so that one waits for it and not
 * all.
 *
 * Wraps another struct http and is shared by all workers. A service that takes connections and says
 * nothing costs whoever asks the whole time of a request. So that it never holds all workers:
 *
 * - At most `at_once` requests are out. Who comes beyond waits for a place while the service is
 *   heard, and is turned away once nobody was answered for 5 s.
 * - A request without an answer shuts it, unless another was answered meanwhile. Then everybody is
 *   turned away in the words of that request until one may try again (1 s, doubling to 30 s),
 * alone. Any answer opens it for all.
 *
 * To be turned away is E_AGAIN with fault.is_untried: nothing was sent, of a ONE_SHOT neither, and
 * retry_after_ms says when to come back.
 */
#pragma once

#include "http/http.h"

struct absence;

struct absence *absence_new(const char *service, unsigned at_once);
void absence_free(struct absence *absence);

/* A view of `inner` in the arena given: one per worker, all on one absence. */
struct http *absence_wrap(struct arena *arena, struct absence *absence, struct http *inner);
