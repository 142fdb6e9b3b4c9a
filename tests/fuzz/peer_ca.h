/*
 * peer_ca - a CA that knows the account and gives the fuzzer's answer to everything else.
 *
 * Its directory, nonces and account are well-formed, so that a target begins where the answer
 * matters; it is set up once and kept. The key signs with zeroes.
 */
#pragma once

#include "acme/acme.h"
#include "base/text.h"
#include "fuzz/fuzz.h"

#define PEER_CA	   "https://ca.example"
#define PEER_ORDER PEER_CA "/order/1"

struct peer_ca {
	struct http http;
	struct signer signer;
	struct acme_session session;
	struct http_reply answer;
};

static inline enum err peer_ca_public_key(struct ctx *ctx, struct signer *signer, struct jwk *out)
{
	(void)ctx;
	(void)signer;
	*out = (struct jwk){"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
			    "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"};
	return E_OK;
}

static inline enum err peer_ca_sign(struct ctx *ctx, struct signer *signer,
				    const unsigned char digest[static 32],
				    unsigned char signature[static 64])
{
	(void)ctx;
	(void)signer;
	(void)digest;
	memset(signature, 0, 64);
	return E_OK;
}

static inline enum err peer_ca_send(struct ctx *ctx, struct http *http,
				    const struct http_request *request, struct http_reply *reply)
{
	static const char directory[] = "{\"newNonce\":\"" PEER_CA
					"/nonce\",\"newAccount\":\"" PEER_CA
					"/account\",\"newOrder\":\"" PEER_CA "/order\"}";
	static struct http_header headers[] = {{"Replay-Nonce", "nonce"},
					       {"Location", PEER_CA "/account/1"}};
	const struct peer_ca *ca = (const struct peer_ca *)http;

	(void)ctx;
	*reply = (struct http_reply){200, headers, 2, "", 0};
	if (text_ends_with(request->url, "/directory"))
		reply->body = directory;
	else if (text_ends_with(request->url, "/account"))
		reply->body = "{\"status\":\"valid\"}";
	else if (!text_ends_with(request->url, "/nonce"))
		*reply = ca->answer;
	if (reply->body != ca->answer.body)
		reply->body_size = strlen(reply->body);
	return E_OK;
}

static inline void peer_ca_init(struct peer_ca *ca)
{
	*ca = (struct peer_ca){.http = {peer_ca_send},
			       .signer = {peer_ca_public_key, peer_ca_sign}};
	ca->session = (struct acme_session){acme_new(PEER_CA "/directory"), &ca->http, &ca->signer};
}
