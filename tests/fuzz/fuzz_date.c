/* What is read as a date lies in the range of dates and is written as the same moment; a wait lies
 * in its own range. */
#include "codec/date.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), again[25];
	struct ctx ctx cleanup_ctx;
	msec_t wall, same, wait;

	fuzz_begin(&ctx);
	if (date_parse_rfc3339(text, &wall)) {
		date_rfc3339_msec(wall, again);
		assert(date_parse_rfc3339(again, &same) && same == wall);
	}
	if (date_parse_http(text, &wall))
		assert(date_parse_http(date_http(&ctx, wall), &same) && same == wall);
	if (date_parse_retry_after(text, 1585086709000, &wait))
		assert(wait >= MSEC_PER_SEC && wait <= MSEC_PER_DAY);
	free(text);
	return 0;
}
