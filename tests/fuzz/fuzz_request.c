/* Of a target that is accepted nothing is decoded to NUL, and no parameter is without a name. */
#include "fuzz/fuzz.h"
#include "httpd/host.h"
#include "objects/deleteoptions.h"
#include "objects/fieldselector.h"
#include "objects/selector.h"
#include "service/params.h"

static void check_target(const struct request *request)
{
	assert(request->target[0] == '/');
	assert(request->segment_count <= REQUEST_SEGMENTS_MAX);
	for (size_t i = 0; i < request->segment_count; i++)
		assert(strlen(request->segments[i]) <= strlen(request->target));
	for (size_t i = 0; i < request->param_count; i++) {
		assert(request->params[i].name[0] && request->params[i].value);
		assert(request_param(request, request->params[i].name));
	}
}

/* A Warning is one line of printable bytes. */
static void check_warnings(const struct response *response)
{
	for (size_t i = 0; i < response->header_count; i++)
		for (const char *c = response->headers[i].value; *c; c++)
			assert(*c >= ' ' && *c <= '~');
}

static void check_objects_api(struct ctx *ctx, struct request *request, const char *text,
			      size_t size)
{
	const struct meta meta = {.name = "shop.example.com"};
	struct fieldselector *selector;
	struct deleteoptions options;
	struct response response = {.status = 0};
	bool is_dry_run;

	request->body = text;
	request->body_size = size;
	if (fieldselector_parse(ctx, request, &selector) == E_OK)
		fieldselector_matches(selector, &meta);
	params_dry_run(ctx, request, &is_dry_run);
	params_check(ctx, PARAMS_DELETE, request, &response);
	deleteoptions_read(ctx, request, &response, &options);
	check_warnings(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text_pair pair = {"team", "web"};
	const struct text_map labels = {&pair, 1};
	char *text = fuzz_text(data, size);
	struct request request = {0};
	struct selector *selector;
	struct ctx ctx cleanup_ctx;

	fuzz_begin(&ctx);
	if (request_set_target(&ctx, &request, text) == E_OK) {
		check_target(&request);
		if (selector_parse(&ctx, request_param(&request, "labelSelector"), &selector) ==
		    E_OK)
			selector_matches(selector, &labels);
	}
	check_objects_api(&ctx, &request, text, strlen(text));
	if (selector_parse(&ctx, text, &selector) == E_OK)
		selector_matches(selector, &labels);
	assert(request_add_header(&ctx, &request, "Content-Type", text));
	request_media_type(&ctx, &request);
	if (host_is_valid(text))
		host_is_loopback(text);
	free(text);
	return 0;
}
