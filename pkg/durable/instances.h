/*
 * instances - the management calls of the documented API: status, events, terminate, purge.
 *
 * raiseEvent and terminate are spec writes, which the instance's reconciler carries out; purge is a
 * delete. What has ended is never written again.
 */
#pragma once

#include "service/service.h"

handler_fn instances_status;
handler_fn instances_raise_event;
handler_fn instances_terminate;
handler_fn instances_purge;
