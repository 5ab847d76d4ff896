/* SPDX-License-Identifier: MIT */
/*
 * Opens, finds and closes sessions, and handles the end of threads and forks.  The cache of a
 * thread must never name a session that was closed: an id is used once, and a closed Database
 * object has none.
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The sessions of one thread.  Not in thread-local memory: a forked child reuses that of the
 * threads that it does not have. */
struct thread {
    LIST_HEAD(, session) sessions;
};

__thread struct session_cache session_cache;

/* Protects what follows, all lists of sessions, and sessions->shared. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, sessions) all_sessions = LIST_HEAD_INITIALIZER(all_sessions);
static uint64_t last_id;
static unsigned fork_generation;
static pthread_key_t thread_key;

static void close_session(struct session *session)
{
    moddb_close(session->handle);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

/* Takes the session out of all lists; the lock is held. */
static void detach(struct session *session)
{
    LIST_REMOVE(session, of_sessions);
    if (session->is_shared)
        session->sessions->shared = NULL;
    else
        LIST_REMOVE(session, of_thread);
    session->is_detached = true;
}

static void end_thread(void *memory)
{
    struct thread *thread = memory;
    struct session *session;

    for (;;) {
        pthread_mutex_lock(&lock);
        session = LIST_FIRST(&thread->sessions);
        if (session) {
            LIST_REMOVE(session, of_thread);
            LIST_REMOVE(session, of_sessions);
        }
        pthread_mutex_unlock(&lock);
        if (!session)
            break;
        close_session(session);
    }
    free(thread);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
    ++fork_generation;
    session_cache = (struct session_cache){0, NULL};
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void prepare(void)
{
    pthread_key_create(&thread_key, end_thread);
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Closes the sessions that the child inherited; the lock is held.  A handle that another thread of
 * the parent was using may be half changed, so only its descriptor is closed. */
static void forget_parent(struct sessions *sessions)
{
    struct session *session;

    if (sessions->generation == fork_generation)
        return;
    while ((session = LIST_FIRST(&sessions->all))) {
        sessions->lost_ephemeral |= session->holds_ephemeral;
        detach(session);
        if (session->users) {
            close(moddb_fd(session->handle));
            ++session->users; /* never closed */
        } else {
            close_session(session);
        }
    }
    sessions->generation = fork_generation;
}

void sessions_forget_parent(void)
{
    struct sessions *sessions;

    pthread_mutex_lock(&lock);
    LIST_FOREACH(sessions, &all_sessions, of_process)
    {
        forget_parent(sessions);
    }
    pthread_mutex_unlock(&lock);
}

int sessions_init(struct sessions *sessions, const char *database,
                  const struct moddb_options *options)
{
    sessions->database = strdup(database);
    if (!sessions->database)
        return -ENOMEM;
    sessions->options = *options;
    LIST_INIT(&sessions->all);
    pthread_mutex_lock(&lock);
    sessions->id = ++last_id;
    sessions->generation = fork_generation;
    LIST_INSERT_HEAD(&all_sessions, sessions, of_process);
    pthread_mutex_unlock(&lock);
    return 0;
}

/* Closes all sessions; the structure gets another id, or none. */
static void close_all(struct sessions *sessions, bool reopen)
{
    LIST_HEAD(, session) unused = LIST_HEAD_INITIALIZER(unused);
    struct session *session;

    pthread_mutex_lock(&lock);
    sessions->id = reopen ? ++last_id : 0;
    forget_parent(sessions);
    while ((session = LIST_FIRST(&sessions->all))) {
        detach(session);
        if (!session->users)
            LIST_INSERT_HEAD(&unused, session, of_sessions);
    }
    pthread_mutex_unlock(&lock);
    while ((session = LIST_FIRST(&unused))) {
        LIST_REMOVE(session, of_sessions);
        close_session(session);
    }
}

void sessions_close(struct sessions *sessions)
{
    close_all(sessions, false);
}

void sessions_reopen(struct sessions *sessions)
{
    close_all(sessions, true);
    sessions->lost_ephemeral = false;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions->database)
        return;
    pthread_mutex_lock(&lock);
    LIST_REMOVE(sessions, of_process);
    pthread_mutex_unlock(&lock);
    free(sessions->database);
}

/* Fills the cache of this thread; the lock is held. */
static void remember(struct session *session)
{
    session_cache.id = session->sessions->id;
    session_cache.session = session;
}

/* The session of this thread among its others, or NULL; the lock is held. */
static struct session *find_of_thread(const struct sessions *sessions)
{
    struct thread *thread = pthread_getspecific(thread_key);
    struct session *session;

    if (!thread)
        return NULL;
    LIST_FOREACH(session, &thread->sessions, of_thread)
    {
        if (session->sessions == sessions)
            return session;
    }
    return NULL;
}

struct session *sessions_find(struct sessions *sessions, bool shared)
{
    struct session *session;

    pthread_mutex_lock(&lock);
    forget_parent(sessions);
    session = shared ? sessions->shared : find_of_thread(sessions);
    if (session && !shared)
        remember(session);
    pthread_mutex_unlock(&lock);
    return session;
}

/* The list of this thread's sessions, which end with it; NULL without memory. */
static struct thread *own_thread(void)
{
    struct thread *thread = pthread_getspecific(thread_key);

    if (thread)
        return thread;
    thread = malloc(sizeof(*thread));
    if (!thread)
        return NULL;
    LIST_INIT(&thread->sessions);
    if (pthread_setspecific(thread_key, thread)) {
        free(thread);
        return NULL;
    }
    return thread;
}

static struct session *new_session(struct sessions *sessions, bool shared)
{
    struct session *session = calloc(1, sizeof(*session));
    pthread_mutexattr_t attributes;

    if (!session)
        return NULL;
    session->sessions = sessions;
    session->is_shared = shared;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&session->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return session;
}

int sessions_open(struct sessions *sessions, bool shared)
{
    struct session *session = new_session(sessions, shared);
    struct thread *thread = own_thread();
    int error = session && thread ? 0 : -ENOMEM;
    bool is_wanted;

    if (!error)
        error = moddb_open(sessions->database, &sessions->options, &session->handle);
    if (error) {
        free(session);
        return error;
    }
    session->reads_window = sessions->options.transport == MODDB_TRANSPORT_AUTO &&
                            moddb_transport(session->handle) == MODDB_TRANSPORT_DEVICE;
    pthread_mutex_lock(&lock);
    /* Unless the sessions were closed meanwhile, or another thread has opened it. */
    is_wanted = sessions->id && !(shared && sessions->shared);
    if (is_wanted) {
        LIST_INSERT_HEAD(&sessions->all, session, of_sessions);
        if (shared)
            sessions->shared = session;
        else
            LIST_INSERT_HEAD(&thread->sessions, session, of_thread);
    }
    pthread_mutex_unlock(&lock);
    if (!is_wanted)
        close_session(session);
    return 0;
}

void session_put(struct session *session)
{
    if (--session->users == 0 && session->is_detached)
        close_session(session);
}
