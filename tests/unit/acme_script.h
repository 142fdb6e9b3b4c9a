/*
 * acme_script - a CA that follows a script, for the unit tests of pkg/acme.
 *
 * Each request must be the next one of the script. Whatever the script, every POST is held to RFC
 * 8555: the JWS names the URL it goes to, `jwk` on newAccount and `kid` elsewhere, a nonce that was
 * given out and never used, and as many signatures as POSTs.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "acme/account.h"
#include "acme/acme_internal.h"
#include "base/text.h"
#include "codec/json.h"

#define CA	  "https://ca.example"
#define NONCES	  512
#define STEPS_MAX 12

/* Coordinates 00..1f and 20..3f; the thumbprint was computed elsewhere. */
#define KEY_X	       "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define KEY_Y	       "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define OTHER_KEY_X    "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"
#define KEY_THUMBPRINT "0r62zgBj277RicA3LnaBKQ5_9RCDIomrlbpWjO0QTG0"

#define PROBLEM(type, detail) \
	"{\"type\":\"urn:ietf:params:acme:error:" type "\",\"detail\":\"" detail "\"}"
#define DIRECTORY                                                                             \
	"{\"newNonce\":\"" CA "/nonce\",\"newAccount\":\"" CA "/account\",\"newOrder\":\"" CA \
	"/order\",\"meta\":{\"caaIdentities\":[\"ca.example\",7,\"ca2.example\"]}}"

#define GET_DIRECTORY                                                                \
	{                                                                            \
		.request = "GET /dir", .status = 200, .body = DIRECTORY, .nonce = "" \
	}
#define HEAD_NONCE                                      \
	{                                               \
		.request = "HEAD /nonce", .status = 200 \
	}
#define FIND_ACCOUNT                                                                         \
	{                                                                                    \
		.request = "POST /account", .status = 200, .location = CA "/account/1",      \
		.body = "{\"status\":\"valid\"}", .payload = "{\"onlyReturnExisting\":true}" \
	}
#define BAD_NONCE(at)                                                                    \
	{                                                                                \
		.request = "POST " at, .status = 400, .body = PROBLEM("badNonce", "old") \
	}

struct step {
	const char *request; /* "POST /order"; NULL ends the script */
	int status;
	const char *body, *location, *retry_after;
	const char *payload; /* what the JWS must carry; NULL: anything */
	const char *nonce;   /* "": the answer brings none; NULL: a fresh one */
	enum err err;	     /* no answer at all */
};

struct script {
	struct http http;
	struct signer signer;
	struct clock clock;
	struct doors doors;
	struct ctx ctx;
	struct acme_session session;
	const struct step *next;
	const char *name; /* of the row, for messages */
	const char *key_x;
	const char *used[NONCES];
	unsigned nonces, posts, signatures;
	msec_t now;
	enum err signer_err, sign_err;
	const char *last_payload, *last_nonce;
	struct http_request last;
	void (*meanwhile)(struct script *script); /* once, while a request is out */
};

#define script_of(pointer, member) \
	((struct script *)(void *)((char *)(pointer)-offsetof(struct script, member)))

#define script_assert(script, condition)                                            \
	do {                                                                        \
		if (!(condition))                                                   \
			fail_msg("%s: not so: %s (%s)", (script)->name, #condition, \
				 (script)->ctx.fault.text);                         \
	} while (0)
#define script_equal(script, actual, expected)                                                    \
	do {                                                                                      \
		if (!text_equals(actual, expected))                                               \
			fail_msg("%s: %s is \"%s\", not \"%s\"", (script)->name, #actual, actual, \
				 expected);                                                       \
	} while (0)

static msec_t script_wall(struct clock *clock)
{
	return 1750000000000 + script_of(clock, clock)->now;
}

static msec_t script_mono(struct clock *clock)
{
	return script_of(clock, clock)->now;
}

static enum err script_public_key(struct ctx *ctx, struct signer *signer, struct jwk *out)
{
	struct script *script = script_of(signer, signer);

	if (script->signer_err)
		return fault_set(ctx, script->signer_err, "KeyNotFound", "the vault has no key");
	*out = (struct jwk){.x = script->key_x, .y = KEY_Y};
	return E_OK;
}

static enum err script_sign(struct ctx *ctx, struct signer *signer,
			    const unsigned char digest[static 32],
			    unsigned char signature[static 64])
{
	struct script *script = script_of(signer, signer);

	if (script->sign_err)
		return fault_set(ctx, script->sign_err, "KeyNotFound", "the vault has no key");
	script->signatures++;
	memcpy(signature, digest, 32);
	memcpy(signature + 32, digest, 32);
	return E_OK;
}

static const char *script_header_of(const struct http_request *request, const char *name)
{
	for (int i = 0; i < HTTP_HEADERS_MAX && request->headers[i].name; i++)
		if (text_equals_nocase(request->headers[i].name, name))
			return request->headers[i].value;
	return "";
}

static const char *script_decode(struct script *script, const char *text)
{
	struct bytes bytes;

	script_assert(script, text && base64url_decode(&script->ctx, text, &bytes) == E_OK);
	return arena_strndup(script->ctx.arena, (const char *)bytes.data, bytes.size);
}

static void script_check_nonce(struct script *script, const char *nonce)
{
	unsigned number = 0;

	script_assert(script, nonce && sscanf(nonce, "nonce-%u", &number) == 1);
	script_assert(script, number < script->nonces && !script->used[number]);
	script->used[number] = nonce;
	script->last_nonce = nonce;
}

/* POST-as-GET reads; what changes something is a one-shot where a second one would count. */
static enum http_kind script_kind(const char *path, const char *payload)
{
	if (text_starts_with(path, "/finalize") || text_equals(path, "/order"))
		return HTTP_ONE_SHOT;
	if (!*payload || text_equals(payload, "{\"onlyReturnExisting\":true}"))
		return HTTP_READ;
	return HTTP_IDEMPOTENT;
}

static void script_check_post(struct script *script, const struct http_request *request)
{
	const char *path = request->url + strlen(CA);
	struct json *jws, *header;
	const char *text;
	bool is_account = text_equals(path, "/account");

	script_assert(script,
		      json_parse(&script->ctx, request->body, request->body_size, &jws) == E_OK);
	text = script_decode(script, json_get_text(jws, "protected"));
	script_assert(script, json_parse(&script->ctx, text, strlen(text), &header) == E_OK);
	script_equal(script, json_get_text(header, "alg"), "ES256");
	script_equal(script, json_get_text(header, "url"), request->url);
	script_assert(script, !json_get(header, "kid") == is_account);
	script_assert(script, json_is_object(json_get(header, "jwk")) == is_account);
	if (!is_account)
		script_equal(script, json_get_text(header, "kid"), CA "/account/1");
	script_check_nonce(script, json_get_text(header, "nonce"));
	script_equal(script, script_header_of(request, "Content-Type"), "application/jose+json");
	script_assert(script, request->timeout == 90 * MSEC_PER_SEC);
	script->last_payload = script_decode(script, json_get_text(jws, "payload"));
	script_assert(script, request->kind == script_kind(path, script->last_payload));
	script_assert(script, ++script->posts == script->signatures);
}

static void script_add(struct script *script, struct http_reply *reply, const char *name,
		       const char *value)
{
	struct http_header *old = reply->headers;

	if (!value || !*value)
		return;
	reply->headers = arena_new_array(script->ctx.arena, struct http_header,
					 reply->header_count + 1);
	if (old)
		memcpy(reply->headers, old, sizeof(*old) * reply->header_count);
	reply->headers[reply->header_count++] = (struct http_header){name, value};
}

static void script_meanwhile(struct script *script)
{
	void (*meanwhile)(struct script * script) = script->meanwhile;

	script->meanwhile = NULL;
	meanwhile(script);
}

static enum err script_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			    struct http_reply *reply)
{
	struct script *script = script_of(http, http);
	const struct step *step = script->next;
	const char *line;

	script_assert(script, text_starts_with(request->url, CA));
	line = arena_printf(ctx->arena, "%s %s", request->method, request->url + strlen(CA));
	if (!step->request)
		fail_msg("%s: unexpected %s", script->name, line);
	script_equal(script, line, step->request);
	script_equal(script, script_header_of(request, "Accept-Language"), "en");
	if (text_equals(request->method, "POST"))
		script_check_post(script, request);
	if (step->payload)
		script_equal(script, script->last_payload, step->payload);
	script->last = *request;
	script->next++;
	if (script->meanwhile)
		script_meanwhile(script);
	if (step->err)
		return fault_set(ctx, step->err, "Unreachable", "ca.example does not answer");
	*reply = (struct http_reply){.status = step->status, .body = step->body ? step->body : ""};
	reply->body_size = strlen(reply->body);
	script_add(script, reply, "Location", step->location);
	script_add(script, reply, "Retry-After", step->retry_after);
	script_add(script, reply, "replay-nonce",
		   step->nonce ? step->nonce
			       : arena_printf(ctx->arena, "nonce-%u", script->nonces++));
	return E_OK;
}

static void script_init(struct script *script)
{
	memset(script, 0, sizeof(*script));
	script->http.send = script_send;
	script->signer = (struct signer){script_public_key, script_sign};
	script->clock = (struct clock){script_wall, script_mono, NULL};
	script->doors = (struct doors){.clock = &script->clock, .rng = rng_system()};
	script->now = MSEC_PER_HOUR;
	script->key_x = KEY_X;
	script->name = "setting up";
	ctx_init(&script->ctx, &script->doors);
	script->session = (struct acme_session){
		.acme = acme_new(CA "/dir"), .http = &script->http, .signer = &script->signer};
}

static void script_run(struct script *script, const char *name, const struct step *steps)
{
	script->name = name;
	script->next = steps;
	fault_clear(&script->ctx);
}

/* Everything that the script foresees was asked. */
static void script_end(struct script *script, enum err err, enum err expected)
{
	if (err != expected)
		fail_msg("%s: %s, not %s: %s", script->name, err_name(err), err_name(expected),
			 script->ctx.fault.text);
	if (script->next->request)
		fail_msg("%s: nobody asked %s", script->name, script->next->request);
}

/* Past directory, nonce and account. */
static void script_sign_in(struct script *script)
{
	static const struct step steps[] = {GET_DIRECTORY, HEAD_NONCE, FIND_ACCOUNT, {0}};
	const char *url;

	script_init(script);
	script_run(script, "signing in", steps);
	script_end(script, acme_account_find(&script->ctx, &script->session, &url), E_OK);
}

static void script_fini(struct script *script)
{
	acme_free(script->session.acme);
	ctx_fini(&script->ctx);
}
