/* SPDX-License-Identifier: MIT */
/* The type Cached: one key that is read repeatedly. */

#ifndef MODDB_PYTHON_CACHED_H
#define MODDB_PYTHON_CACHED_H

#include "module.h"

extern PyType_Spec cached_spec;

#endif
