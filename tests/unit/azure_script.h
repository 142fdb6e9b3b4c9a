/*
 * azure_script - an Azure service that follows a script, for the unit tests of pkg/azure.
 *
 * Each request must be the next one of the script: its line and URL are equal, its headers and body
 * hold what the row says. At the end nothing of the script may be left.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/text.h"
#include "codec/json.h"
#include "http/http.h"

#define HEADERS_MAX   6
#define EXCHANGES_MAX 8
#define EPOCH	      ((msec_t)1800000000 * MSEC_PER_SEC) /* 2027-01-15T08:00:00Z */

struct exchange {
	const char *request; /* "GET https://..."; NULL ends the script */
	const char *sends;   /* the body holds this; "": there is none; NULL: whatever */
	const char *header;  /* "Name: value" that it carries */
	const char *lacks;   /* a header that it must not carry */
	enum http_kind kind;
	int status;
	struct http_header headers[HEADERS_MAX];
	const char *body;
	enum err err; /* no answer at all */
};

struct script {
	struct http http;
	struct clock clock;
	struct doors doors;
	struct ctx ctx;
	msec_t now;
	const struct exchange *next;
	const char *name; /* the row's sentence */
	unsigned sent;
};

static inline void script_fail(const struct script *script, const char *what, const char *got)
{
	fail_msg("%s: request %u: %s: %s", script->name, script->sent, what, got ? got : "(null)");
}

static inline const char *script_header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < HTTP_HEADERS_MAX && request->headers[i].name; i++)
		if (text_equals_nocase(request->headers[i].name, name))
			return request->headers[i].value;
	return NULL;
}

static inline void script_check_headers(const struct script *script,
					const struct http_request *request)
{
	const struct exchange *wanted = script->next;
	const char *colon = wanted->header ? strchr(wanted->header, ':') : NULL;
	char name[64];

	if (colon) {
		snprintf(name, sizeof(name), "%.*s", (int)(colon - wanted->header), wanted->header);
		if (!text_equals(script_header(request, name), colon + 2))
			script_fail(script, wanted->header, script_header(request, name));
	}
	if (wanted->lacks && script_header(request, wanted->lacks))
		script_fail(script, "carries a header that it must not", wanted->lacks);
}

static inline void script_check(struct script *script, struct ctx *ctx,
				const struct http_request *request)
{
	const struct exchange *wanted = script->next;
	char *line = arena_printf(ctx->arena, "%s %s", request->method, request->url);
	char *body = arena_strndup(ctx->arena, request->body ? request->body : "",
				   request->body_size);

	if (!wanted->request)
		script_fail(script, "is one too many", line);
	if (strcmp(line, wanted->request) != 0)
		fail_msg("%s: request %u: is %s, not %s", script->name, script->sent, line,
			 wanted->request);
	if (wanted->sends && (*wanted->sends ? !strstr(body, wanted->sends) : *body != '\0'))
		fail_msg("%s: request %u: sends %s, not %s", script->name, script->sent, body,
			 wanted->sends);
	if (wanted->kind && request->kind != wanted->kind)
		script_fail(script, "is of another kind", line);
	if (request->timeout <= 0)
		script_fail(script, "has no time limit", line);
	script_check_headers(script, request);
}

static inline enum err script_send(struct ctx *ctx, struct http *http,
				   const struct http_request *request, struct http_reply *reply)
{
	struct script *script = (struct script *)http;
	const struct exchange *now = script->next;

	script->sent++;
	script_check(script, ctx, request);
	script->next++;
	if (now->err != E_OK)
		return fault_set(ctx, now->err, "Transport", "no answer");
	*reply = (struct http_reply){.status = now->status};
	reply->headers = arena_copy(ctx->arena, now->headers, sizeof(now->headers));
	while (reply->header_count < HEADERS_MAX && reply->headers[reply->header_count].name)
		reply->header_count++;
	reply->body = arena_strdup(ctx->arena, now->body ? now->body : "");
	reply->body_size = strlen(reply->body);
	return E_OK;
}

static inline msec_t script_now(struct clock *clock)
{
	return ((struct script *)((char *)clock - offsetof(struct script, clock)))->now;
}

static inline void script_begin(struct script *script, const char *name,
				const struct exchange *exchanges)
{
	*script = (struct script){
		.http = {.send = script_send},
		.clock = {.wall = script_now, .mono = script_now},
		.now = EPOCH,
		.next = exchanges,
		.name = name,
	};
	script->doors =
		(struct doors){.clock = &script->clock, .rng = rng_system(), .fs = fs_system()};
	ctx_init(&script->ctx, &script->doors);
}

static inline void script_end(struct script *script)
{
	if (script->next->request)
		script_fail(script, "was never sent", script->next->request);
	ctx_fini(&script->ctx);
}

/* The outcome of a call: `reason`, `says` and `not_says` count for errors only, and may be NULL. */
struct outcome {
	enum err err;
	const char *reason, *says, *not_says;
};

static inline void script_expect(const struct script *script, enum err kind,
				 const struct outcome *wanted)
{
	const struct fault *fault = &script->ctx.fault;

	if (kind != wanted->err)
		fail_msg("%s: is %s (%s: %s), not %s", script->name, err_name(kind), fault->reason,
			 fault->text, err_name(wanted->err));
	if (kind == E_OK)
		return;
	if (wanted->reason && strcmp(fault->reason, wanted->reason) != 0)
		fail_msg("%s: the reason is %s, not %s", script->name, fault->reason,
			 wanted->reason);
	if (wanted->says && !strstr(fault->text, wanted->says))
		fail_msg("%s: the text \"%s\" lacks \"%s\"", script->name, fault->text,
			 wanted->says);
	if (wanted->not_says && strstr(fault->text, wanted->not_says))
		fail_msg("%s: the text \"%s\" has \"%s\"", script->name, fault->text,
			 wanted->not_says);
}
