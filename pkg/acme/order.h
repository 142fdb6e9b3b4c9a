/*
 * order - orders (RFC 8555 7.4), and the certificate that one leads to.
 */
#pragma once

#include "acme/acme.h"

/* ONE_SHOT. The order may come back in any status. */
enum err acme_order_new(struct ctx *ctx, struct acme_session *session, const char *const *hostnames,
			size_t count, struct acme_order *out);
/* E_NOTFOUND: the CA does not know it (any more). */
enum err acme_order_get(struct ctx *ctx, struct acme_session *session, const char *url,
			struct acme_order *out);
/* ONE_SHOT: the irreversible one. The caller has recorded the CSR before. E_CONFLICT also for
 * orderNotReady. */
enum err acme_order_finalize(struct ctx *ctx, struct acme_session *session, const char *order_url,
			     const char *finalize_url, const void *csr_der, size_t csr_size,
			     struct acme_order *out);

/* PEM chain, leaf first, as the CA sent it (at most 64 KiB). E_NOTFOUND as for an order. */
enum err acme_certificate_get(struct ctx *ctx, struct acme_session *session, const char *url,
			      const char **pem, size_t *size);
