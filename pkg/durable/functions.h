/*
 * functions - the documented start endpoints.
 *
 * The 202 leaves only when everything it promises is durable: each hostname desired, then the
 * instance.
 */
#pragma once

#include "service/service.h"

handler_fn functions_add_one;
handler_fn functions_add_several;
handler_fn functions_import;
