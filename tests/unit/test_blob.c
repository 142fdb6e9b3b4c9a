#include "azure_script.h"

#include "azure/blob.h"

#define CONTAINER "https://acct.blob.core.windows.net/challenges"
#define NAME	  ".well-known/acme-challenge/TOKEN"
#define URL	  CONTAINER "/" NAME
#define XML(code, message)                                                                    \
	"<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>" message "</Message></" \
	"Error>"

struct row {
	const char *sentence;
	const char *name;
	struct exchange exchanges[2];
	struct outcome outcome;
};

#define ERROR_CODE(value) .headers = {{"x-ms-error-code", value}}

static const struct row puts_[] = {
	{"a blob is written as one block with the version that bearer tokens need",
	 NAME,
	 {{.request = "PUT " URL,
	   .sends = "token.thumbprint",
	   .status = 201,
	   .header = "x-ms-version: 2021-12-02",
	   .kind = HTTP_IDEMPOTENT}},
	 {.err = E_OK}},
	{"the blob's type and the date are said",
	 NAME,
	 {{.request = "PUT " URL, .status = 201, .header = "x-ms-blob-type: BlockBlob"}},
	 {.err = E_OK}},
	{"the date is that of the clock",
	 NAME,
	 {{.request = "PUT " URL,
	   .status = 201,
	   .header = "x-ms-date: Fri, 15 Jan 2027 08:00:00 GMT"}},
	 {.err = E_OK}},
	{"odd characters are escaped, slashes are not",
	 "a b/c?d",
	 {{.request = "PUT " CONTAINER "/a%20b/c%3Fd", .status = 201}},
	 {.err = E_OK}},
	{"a name that climbs is refused unsent",
	 "a/../b",
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidBlobName"}},
	{"a name that is empty is refused unsent",
	 "",
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidBlobName"}},
	{"a name with an empty segment is refused unsent",
	 "a//b",
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidBlobName"}},
	{"a name that ends in a slash is refused unsent",
	 "a/",
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidBlobName"}},
	{"a missing role is named, without the request's id",
	 NAME,
	 {{.request = "PUT " URL,
	   .status = 403,
	   ERROR_CODE("AuthorizationPermissionMismatch"),
	   .body = XML("AuthorizationPermissionMismatch",
		       "This request is not authorized to perform this operation using "
		       "this "
		       "permission.\nRequestId:1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa\n"
		       "Time:2026-11-23T15:39:55.1234567Z")}},
	 {.err = E_REFUSED,
	  .reason = "AuthorizationPermissionMismatch",
	  .says = "Storage Blob Data Contributor",
	  .not_says = "1b0f6b0f"}},
	{"a firewall is told apart from a role",
	 NAME,
	 {{.request = "PUT " URL, .status = 403, ERROR_CODE("AuthorizationFailure")}},
	 {.err = E_REFUSED, .reason = "AuthorizationFailure", .says = "firewall"}},
	{"a container that is missing is a setting, not an answer",
	 NAME,
	 {{.request = "PUT " URL, .status = 404, ERROR_CODE("ContainerNotFound")}},
	 {.err = E_REFUSED, .reason = "ContainerNotFound", .says = "create the container"}},
	{"a busy server is asked again",
	 NAME,
	 {{.request = "PUT " URL, .status = 503, ERROR_CODE("ServerBusy")}},
	 {.err = E_AGAIN, .reason = "ServerBusy"}},
	{"a throttling server says when",
	 NAME,
	 {{.request = "PUT " URL,
	   .status = 503,
	   .headers = {{"x-ms-error-code", "ServerBusy"}, {"Retry-After", "7"}}}},
	 {.err = E_THROTTLED}},
	{"a container that is being deleted is a conflict",
	 NAME,
	 {{.request = "PUT " URL, .status = 409, ERROR_CODE("ContainerBeingDeleted")}},
	 {.err = E_CONFLICT, .reason = "ContainerBeingDeleted"}},
	{"no answer is tried again",
	 NAME,
	 {{.request = "PUT " URL, .err = E_AGAIN}},
	 {.err = E_AGAIN, .says = "put blob: no answer"}},
	{"an error without a code still has a reason",
	 NAME,
	 {{.request = "PUT " URL, .status = 400}},
	 {.err = E_REFUSED, .reason = "Http400"}},
};

static const struct row deletes[] = {
	{"a blob is deleted",
	 NAME,
	 {{.request = "DELETE " URL, .status = 202, .header = "x-ms-version: 2021-12-02"}},
	 {.err = E_OK}},
	{"a blob that is gone already is fine",
	 NAME,
	 {{.request = "DELETE " URL, .status = 404, ERROR_CODE("BlobNotFound")}},
	 {.err = E_OK}},
	{"a leased blob is a conflict",
	 NAME,
	 {{.request = "DELETE " URL, .status = 412, ERROR_CODE("LeaseIdMissing")}},
	 {.err = E_CONFLICT, .reason = "LeaseIdMissing"}},
	{"a refusal names the role",
	 NAME,
	 {{.request = "DELETE " URL, .status = 403, ERROR_CODE("AuthorizationPermissionMismatch")}},
	 {.err = E_REFUSED, .says = "delete blob: Blob Storage answered 403"}},
};

static void run(const struct row *row, bool is_put)
{
	struct script script;
	struct blob_container container = {.http = &script.http, .url = CONTAINER};
	enum err kind;

	script_begin(&script, row->sentence, row->exchanges);
	kind = is_put ? blob_put(&script.ctx, &container, row->name, "text/plain",
				 "token.thumbprint", strlen("token.thumbprint"))
		      : blob_delete(&script.ctx, &container, row->name);
	script_expect(&script, kind, &row->outcome);
	script_end(&script);
}

static void test_put(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(puts_); i++)
		run(&puts_[i], true);
}

static void test_delete(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deletes); i++)
		run(&deletes[i], false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_delete),
	};

	return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
