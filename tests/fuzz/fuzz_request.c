/* Of a target that is accepted nothing is decoded to NUL, and no parameter is without a name. */
#include "fuzz/fuzz.h"
#include "server/auth.h"
#include "server/selector.h"

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
	if (selector_parse(&ctx, text, &selector) == E_OK)
		selector_matches(selector, &labels);
	assert(request_add_header(&ctx, &request, "Content-Type", text));
	request_media_type(&ctx, &request);
	if (auth_is_host(text))
		auth_is_loopback(text);
	free(text);
	return 0;
}
