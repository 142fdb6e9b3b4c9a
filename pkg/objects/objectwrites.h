/*
 * objectwrites - the native API, write side: PUT, PATCH and DELETE of hostnames.
 *
 * A write replaces the hostname's document in api.d, labels and annotations included. What a user's
 * file names is read-only here. Status cannot be written: it is ignored.
 */
#pragma once

#include "service/service.h"

handler_fn objectwrites_put;
handler_fn objectwrites_patch;
handler_fn objectwrites_delete;
