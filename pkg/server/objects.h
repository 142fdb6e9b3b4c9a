/*
 * objects - the native API: objects by kind and name, the kubectl way.
 *
 * Clients see whole objects without internal members; resourceVersion and continue are opaque strings.
 */
#pragma once

#include "server/service.h"

handler_fn objects_list_hostnames;
handler_fn objects_get_hostname;
