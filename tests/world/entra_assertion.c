/* Client assertions: a JWT that the application signed, or one that a foreign issuer gave it. */
#include "world/rights.h"

#include <ctype.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SKEW 300 /* seconds that a clock may be off */

/* Why an assertion is none, as Entra says it. */
struct refusal {
	int number;
	const char *text;
};

/* Some clients send base64url with its padding. */
static bool is_thumbprint(const char *sent, const char *wanted)
{
	size_t length = strlen(wanted);

	return strncmp(sent, wanted, length) == 0 &&
	       strspn(sent + length, "=") == strlen(sent + length);
}

/* One of the two names the certificate, and neither names another. */
static bool names_certificate(struct ctx *ctx, const struct json *header, X509 *cert)
{
	const struct json *sha1 = json_get(header, "x5t"), *sha256 = json_get(header, "x5t#S256");

	if (!sha1 && !sha256)
		return false;
	if (sha1 && (!json_text(sha1) || !is_thumbprint(json_text(sha1), crypto_x5t(ctx, cert))))
		return false;
	return !sha256 ||
	       (json_text(sha256) && is_thumbprint(json_text(sha256), crypto_x5t_s256(ctx, cert)));
}

/* The tenant's own token endpoint, or its issuer; nothing that only begins so. */
static bool is_our_audience(struct ctx *ctx, const struct world *world, const char *audience)
{
	static const char *const ends[] = {"/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/"};
	size_t i;

	for (i = 0; audience && i < ARRAY_SIZE(ends); i++)
		if (text_equals_nocase(audience, arena_printf(ctx->arena, "%s/%s%s",
							      world->options.authority_url,
							      world->options.tenant, ends[i])))
			return true;
	return false;
}

/* Seconds, also with a fraction, as Python's clients send them; `fallback` when it is no number. */
static double date_of(struct ctx *ctx, const struct json *claims, const char *name, double fallback)
{
	const struct json *value = json_get(claims, name);

	return json_is_number(value) ? strtod(json_print(ctx, value), NULL) : fallback;
}

static struct refusal check_claims(struct world *world, struct ctx *ctx,
				   const struct principal *principal, const struct json *claims)
{
	const char *issuer = json_get_text(claims, "iss"), *subject = json_get_text(claims, "sub");
	double now = (double)world_seconds(world);

	if (!is_our_audience(ctx, world, json_get_text(claims, "aud")))
		return (struct refusal){700023, "Client assertion audience claim does not match "
						"Realm issuer."};
	if (!issuer || !subject || !text_equals_nocase(issuer, principal->client_id) ||
	    !text_equals_nocase(subject, principal->client_id))
		return (struct refusal){700021, "Client assertion application identifier doesn't "
						"match 'client_id' parameter."};
	if (!json_get_text(claims, "jti"))
		return (struct refusal){50027, "JWT token is invalid or malformed: no jti."};
	if (now - SKEW >= date_of(ctx, claims, "exp", 0) ||
	    now + SKEW < date_of(ctx, claims, "nbf", 0))
		return (struct refusal){700024, "Client assertion is not within its valid time "
						"range."};
	return (struct refusal){0};
}

static X509 *registered(const struct world *world)
{
	const char *pem = world->options.client_cert_pem;
	BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert;
}

static struct refusal check_signed(struct world *world, struct ctx *ctx,
				   const struct principal *principal, const char *assertion)
{
	X509 *cert = registered(world);
	struct json *claims, *header = NULL;
	struct refusal refusal = {0};
	EVP_PKEY *key;

	if (!cert)
		return (struct refusal){700027, "Client assertion failed signature validation: no "
						"certificate is registered."};
	key = X509_get_pubkey(cert);
	claims = crypto_jwt_claims(ctx, key, assertion, &header);
	EVP_PKEY_free(key);
	if (!claims)
		refusal = (struct refusal){700027, "Client assertion failed signature validation."};
	else if (!names_certificate(ctx, header, cert))
		refusal = (struct refusal){
			700027, "The certificate with identifier used to sign the client "
				"assertion is not registered on application. [Reason - "
				"The key was not found.]"};
	else
		refusal = check_claims(world, ctx, principal, claims);
	X509_free(cert);
	return refusal;
}

/* The federated token is whatever stands in the file now. */
static bool is_federated(const struct world *world, const char *assertion)
{
	char text[16384];
	size_t size, sent = strlen(assertion);
	FILE *file = world->options.federated_token_file
			     ? fopen(world->options.federated_token_file, "re")
			     : NULL;

	if (!file)
		return false;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	return size == sent && memcmp(text, assertion, size) == 0;
}

/* Certificate and federated credential are the first identity's. */
bool entra_check_assertion(struct world *world, struct call *call,
			   const struct principal *principal, const char *assertion)
{
	struct refusal refusal = {700027, "Client assertion failed signature validation: no "
					  "certificate is registered."};

	if (principal == rights_by_name(world, "daemon")) {
		if (is_federated(world, assertion))
			return true;
		refusal = check_signed(world, call->ctx, principal, assertion);
	}
	if (!refusal.number)
		return true;
	call_entra_error(call, 401, "invalid_client", refusal.number, "%s", refusal.text);
	return false;
}
