#include "acme/acme.h"

#include <stdlib.h>
#include <string.h>

#include "acme/acme_internal.h"
#include "base/heap.h"
#include "base/text.h"
#include "codec/date.h"
#include "codec/json.h"
#include "http/url.h"

static const struct {
	const char *word;
	enum acme_status status;
} statuses[] = {
	{"pending", ACME_PENDING}, {"ready", ACME_READY},     {"processing", ACME_PROCESSING},
	{"valid", ACME_VALID},	   {"invalid", ACME_INVALID}, {"deactivated", ACME_DEACTIVATED},
	{"expired", ACME_EXPIRED}, {"revoked", ACME_REVOKED},
};

enum acme_status acme_status_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (text_equals(word, statuses[i].word))
			return statuses[i].status;
	return ACME_UNKNOWN;
}

const char *acme_status_name(enum acme_status status)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].word;
	return "unknown";
}

msec_t acme_time(const struct json *object, const char *member)
{
	const char *text = json_get_text(object, member);
	msec_t wall;

	return text && date_parse_rfc3339(text, &wall) ? wall : 0;
}

const char *acme_who(struct ctx *ctx, const struct acme *acme)
{
	const char *name = acme->directory_url;
	struct url url;

	if (url_parse(ctx, acme->directory_url, &url) == E_OK)
		name = strstr(url_origin(ctx, &url), "://") + 3;
	return arena_printf(ctx->arena, "The CA (%s)", name);
}

enum err acme_check_url(struct ctx *ctx, const struct acme *acme, const char *url)
{
	enum err err = url_check_origin(ctx, acme->directory_url, url);

	return err ? fault_wrap(ctx, err, "%s", acme_who(ctx, acme)) : E_OK;
}

struct acme *acme_new(const char *directory_url)
{
	struct acme *acme = heap_calloc(1, sizeof(*acme));

	acme->directory_url = heap_strdup(directory_url);
	pthread_mutex_init(&acme->lock, NULL);
	return acme;
}

void acme_free(struct acme *acme)
{
	if (!acme)
		return;
	arena_free(acme->directory_memory);
	pthread_mutex_destroy(&acme->lock);
	free(acme->account_url);
	free(acme->directory_url);
	free(acme);
}

void acme_account_forget(struct acme *acme)
{
	pthread_mutex_lock(&acme->lock);
	free(acme->account_url);
	acme->account_url = NULL;
	acme->account_thumbprint[0] = '\0';
	pthread_mutex_unlock(&acme->lock);
}
