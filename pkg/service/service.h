/*
 * service - what the handlers of one server share: the doors, the objects, and the settings in
 * force.
 *
 * Belongs to the loop thread. `auth` and the settings are replaced as a whole by a reload, also
 * between the head of a request and its body: what a request or a watch keeps of them is a copy of
 * its own, and what was judged before a reload is judged again before it is served.
 */
#pragma once

#include "httpd/pace.h"
#include "httpd/request.h"
#include "httpd/response.h"
#include "instance/termination.h"
#include "service/auth.h"
#include "service/listing.h"
#include "specdir/specdir.h"
#include "store/sealed.h"

struct service {
	const struct doors *doors;
	struct store *store;
	struct specdir *specdir;
	struct sealed_box *sealed; /* imported keys; may be NULL */
	struct auth auth;
	const char *base_url; /* without trailing slash; NULL: from the request's Host */
	const char *task_hub;
	unsigned hostname_flags; /* enum hostname_flag: for names that are to become desired */
	unsigned reloads;	 /* grows whenever the settings are replaced */
	bool is_ready;
	struct changes *changes[KIND_COUNT];
	struct listings listings;
	size_t watch_count;
	struct pace *pace;  /* of requests, by key or else by address */
	struct pace *wrong; /* of wrong keys and codes, by address */
	struct pace_rate rate;
	uint64_t wrong_count;		/* wrong keys and codes since start */
	struct pace_bucket wrong_lines; /* of the log that tell of them */
};

/* E_OK: answered. Otherwise the fault becomes the answer. */
typedef enum err handler_fn(struct ctx *ctx, struct service *service, const struct request *request,
			    struct response *response);

/* What ending a request reaches. */
static inline struct termination_world service_termination(const struct service *service)
{
	return (struct termination_world){service->store, service->specdir, service->sealed};
}
