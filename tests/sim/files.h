/*
 * files - whole directories, for tests that need them twice. Trouble aborts.
 */
#pragma once

void files_copy(const char *from, const char *to);
void files_remove(const char *directory);
