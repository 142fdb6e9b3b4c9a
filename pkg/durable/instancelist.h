/*
 * instancelist - the calls of the documented API about many instances: list, purge.
 */
#pragma once

#include "service/service.h"

handler_fn instancelist_list;
handler_fn instancelist_purge;
