/*
 * ctx_fixture - one pass per test, for files whose tests all want the same: `ctx`, begun by set_up
 * and ended by tear_down.
 */
#pragma once

#include "unit/check.h"

static struct ctx ctx;

static inline int set_up(void **state)
{
	(void)state;
	check_begin(&ctx);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	ctx_fini(&ctx);
	return 0;
}
