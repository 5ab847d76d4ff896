/* SPDX-License-Identifier: MIT */
/* The type Watch: the events of a database, on which moddb.Watch is built. */

#ifndef MODDB_PYTHON_WATCH_H
#define MODDB_PYTHON_WATCH_H

#include "module.h"

extern PyType_Spec watch_spec;

#endif
