/* SPDX-License-Identifier: MIT */
/*
 * The one system call in which a thread may be cancelled.
 */
#ifndef MODDB_LIB_CANCELLABLE_POLL_H
#define MODDB_LIB_CANCELLABLE_POLL_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As poll() of one descriptor for reading. Where the thread is cancelled meanwhile, the function
 * is called with the argument first.
 */
__attribute__((visibility("hidden"))) int
moddb_poll(int fd, int timeout_ms, void (*release)(void *argument), void *argument);

#ifdef __cplusplus
}
#endif

#endif
