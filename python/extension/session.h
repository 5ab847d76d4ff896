/* SPDX-License-Identifier: MIT */
/*
 * The sessions of one Database object: one for each thread that uses it, since a handle may be used
 * by one thread at a time, and a shared one, to which its ephemeral entries belong, so that these
 * outlive the thread that wrote them.  This file does not depend on Python.
 *
 * Threads.  The global interpreter lock protects the fields of a struct session; the lock of
 * session.c protects the lists, which a thread that ends changes without the interpreter's lock.
 *
 * Fork.  A child inherits the parent's descriptors, which would keep the parent's session alive
 * after its death, and may not use its handles: sessions_forget_parent() closes them.
 */

#ifndef MODDB_PYTHON_SESSION_H
#define MODDB_PYTHON_SESSION_H

#include <moddb/moddb.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct sessions;

struct session {
    struct moddb_handle *handle;
    struct sessions *sessions;
    LIST_ENTRY(session) of_thread; /* unless it is shared */
    LIST_ENTRY(session) of_sessions;
    pthread_mutex_t lock; /* of a shared one: the handle; taken again by its holder */
    unsigned users;       /* calls that use the handle now */
    bool is_shared;
    bool reads_window; /* most reads make no system call */
    bool is_detached;  /* in no list: the last user closes it */
    bool holds_ephemeral;
};

struct sessions {
    uint64_t id; /* never used again; 0 when closed */
    LIST_HEAD(, session) all;
    LIST_ENTRY(sessions) of_process;
    struct session *shared;
    unsigned generation; /* number of forks when they were opened */
    bool lost_ephemeral; /* the parent held ephemeral entries, which the child does not own */
    char *database;
    struct moddb_options options;
};

/* The session that the thread used last, so that nearly every look-up is two loads. */
struct session_cache {
    uint64_t id;
    struct session *session;
};
extern __thread struct session_cache session_cache;

/* Prepares the structure and copies the name; 0 or -ENOMEM. */
int sessions_init(struct sessions *sessions, const char *database,
                  const struct moddb_options *options);

/* Closes all sessions; one that another thread uses is closed when that has ended its call. */
void sessions_close(struct sessions *sessions);

/* Closes them, and makes the structure usable again. */
void sessions_reopen(struct sessions *sessions);

/* Releases what sessions_init() made, after sessions_close(). */
void sessions_free(struct sessions *sessions);

/* The session of this thread, or the shared one; NULL if there is none yet. */
struct session *sessions_find(struct sessions *sessions, bool shared);

/* Opens it, unless the sessions were closed meanwhile: 0 or the error of moddb_open().  Works
 * without the interpreter's lock; a caller that has it again finds the session, unless it was
 * closed by then. */
int sessions_open(struct sessions *sessions, bool shared);

/* Closes the sessions of all Database objects that a forked child inherited. */
void sessions_forget_parent(void);

/* Ends a use: users was increased before. */
void session_put(struct session *session);

/* The session of this thread, if the thread used it last; else NULL. */
static inline struct session *sessions_cached(const struct sessions *sessions)
{
    return sessions->id == session_cache.id ? session_cache.session : NULL;
}

#endif
