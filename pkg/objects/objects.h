/*
 * objects - the native API, read side: objects by kind and name, the kubectl way.
 *
 * Clients see whole objects without internal members; resourceVersion and continue are opaque
 * strings.
 */
#pragma once

#include "service/service.h"

handler_fn objects_list_hostnames;
handler_fn objects_list_gateways;
handler_fn objects_list_instances;
handler_fn objects_get_hostname;
handler_fn objects_get_gateway;
handler_fn objects_get_instance;
