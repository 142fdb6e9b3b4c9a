#include "httpd/response.h"

#include <assert.h>
#include <string.h>

void response_header(struct response *response, const char *name, const char *value)
{
	assert(response->header_count < RESPONSE_HEADERS_MAX);
	response->headers[response->header_count].name = name;
	response->headers[response->header_count++].value = value;
}

enum err response_json(struct ctx *ctx, struct response *response, int status, struct json *body)
{
	response->status = status;
	response->body = json_print(ctx, body);
	response->body_size = strlen(response->body);
	return E_OK;
}
