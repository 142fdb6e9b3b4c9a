/*
 * health - is the process alive, and does it take work. Needs no key.
 *
 * Whatever Azure or the CA do, both stay as they are: a restart would mend nothing.
 */
#pragma once

#include "service/service.h"

handler_fn health_live;
handler_fn health_ready;
