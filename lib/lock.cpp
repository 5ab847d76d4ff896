// SPDX-License-Identifier: MIT
//
// A lock is an ephemeral entry that is created if the key is missing, so no process can leave one
// behind. The entry's version is the fence of the lock: while the entry has it, the lock is held.
#include "key_watch.h"
#include "structs.h"

#include <algorithm>

using namespace moddb_internal;

struct moddb_held_lock {
    struct moddb_handle *handle;
    std::string key;
    uint64_t fence = 0;
    unsigned binding = 0; // the transport's, when the lock was acquired
    bool lost = false;
    OwnedWatch watch; // since moddb_lock_fd()
};

namespace {

// The caller's arguments. Views are valid during the call.
struct Request {
    std::string_view key;
    Operation operation;
};

int read_request(struct moddb_handle *handle, const void *key, size_t key_length,
                 const moddb_lock_options *options, Request &request)
{
    moddb_lock_options own{};
    if (read_struct(options, own) < 0)
        return handle->error.fail(
            -EINVAL, "options has an invalid size, or fields that this library does not know");
    moddb_write_options write = MODDB_INIT(write);
    write.condition = MODDB_IF_ABSENT;
    write.flags = MODDB_EPHEMERAL;
    write.ttl_ms = own.ttl_ms;
    request.key = bytes(key, key_length);
    return make_set(MODDB_OP_CODE_SET, key, key_length, own.value, own.value_length, &write,
                    request.operation, handle->error);
}

// Acquires the lock if it is free: 1, 0 if another session holds it, or a negative errno.
int try_lock(struct moddb_handle *handle, const Request &request, struct moddb_held_lock *&acquired)
{
    return with_handle(handle, [&] {
        // Allocated first: a failure afterwards would leave a lock that the caller does not know.
        auto lock = std::make_shared<struct moddb_held_lock>();
        lock->handle = handle;
        lock->key = request.key;
        handle->locks.reserve(handle->locks.size() + 1);
        Outcome outcome;
        const int status = handle->transport->write(request.operation, outcome, handle->error);
        if (status == -ECANCELED) {
            const auto is_it = [&](const std::shared_ptr<struct moddb_held_lock> &held) {
                return held->key == request.key && held->fence == outcome.version;
            };
            if (std::any_of(handle->locks.begin(), handle->locks.end(), is_it))
                return handle->error.fail(-EDEADLK, "this handle holds the lock already");
            return 0;
        }
        if (status < 0)
            return status;
        lock->fence = outcome.version;
        lock->binding = handle->transport->binding();
        acquired = lock.get();
        handle->locks.push_back(std::move(lock));
        return 1;
    });
}

int fail_held(struct moddb_handle *handle)
{
    return handle->error.fail(-ECANCELED, "another session holds the lock");
}

// Waits until the entry of the lock may have been deleted, or the deadline: 0 or a negative errno.
// Returns at once if it opens a watch, because there is none or the last one has ended.
int await_release(struct moddb_handle *handle, const Request &request, const Deadline &deadline)
{
    if (!handle->waiting)
        return watch_key(handle, request.key, handle->waiting);
    moddb_event event;
    do {
        if (const int result = await_event(handle, deadline, event); result <= 0)
            return result;
    } while (event.kind == MODDB_EVENT_SET);
    return is_end(event) ? watch_key(handle, request.key, handle->waiting) : 0;
}

int wait_for_lock(struct moddb_handle *handle, const Request &request, int timeout_ms,
                  struct moddb_held_lock *&acquired)
{
    const Deadline deadline(timeout_ms);
    for (;;) {
        int result = try_lock(handle, request, acquired);
        if (result != 0)
            return result < 0 ? result : 0;
        if (deadline.passed())
            return fail_held(handle);
        // An attempt follows the opening of each watch, so that no release is missed.
        result = await_release(handle, request, deadline);
        if (result < 0)
            return result;
    }
}

int fail_lost(struct moddb_held_lock *lock)
{
    lock->lost = true;
    return lock->handle->error.fail(-ECANCELED, "the lock is lost: its entry was deleted, "
                                                "overwritten or expired");
}

// Checks that the entry of the lock exists: 0 or a negative errno.
int check_entry(struct moddb_held_lock *lock)
{
    uint64_t version;
    const int result = current_version(lock->handle, lock->key, version);
    if (result == -ENXIO)
        return fail_lost(lock);
    if (result < 0)
        return result;
    const bool held = version == lock->fence && lock->binding == lock->handle->transport->binding();
    return held ? 0 : fail_lost(lock);
}

int watch_lock(struct moddb_held_lock *lock)
{
    const int result = watch_key(lock->handle, lock->key, lock->watch);
    if (result == -ENXIO)
        return fail_lost(lock);
    return result < 0 ? result : check_entry(lock);
}

int check_lock(struct moddb_held_lock *lock)
{
    if (lock->lost)
        return fail_lost(lock);
    if (!lock->watch)
        return check_entry(lock);
    for (;;) {
        moddb_event event;
        const int result = next_event(lock->handle, lock->watch, event);
        if (result <= 0)
            return result;
        if (is_change(event))
            return fail_lost(lock);
        if (is_end(event))
            return watch_lock(lock);
    }
}

int release(struct moddb_held_lock *lock)
{
    struct moddb_handle *handle = lock->handle;
    if (lock->lost || lock->binding != handle->transport->binding())
        return fail_lost(lock);
    Operation operation;
    operation.code = MODDB_OP_CODE_DEL;
    operation.key = lock->key;
    operation.condition = MODDB_IF_VERSION;
    operation.if_version = lock->fence;
    operation.bound = true;
    Outcome outcome;
    const int status = handle->transport->write(operation, outcome, handle->error);
    switch (status) {
    case -ECANCELED:
    case -ENOENT:
    case -ENXIO:
    case -ESTALE:
        return fail_lost(lock);
    default:
        return status;
    }
}

} // namespace

int moddb_lock(struct moddb_handle *handle, const void *key, size_t key_length,
               const moddb_lock_options *options, struct moddb_held_lock **lock)
{
    return moddb_lock_wait(handle, key, key_length, options, 0, lock);
}

int moddb_lock_wait(struct moddb_handle *handle, const void *key, size_t key_length,
                    const moddb_lock_options *options, int timeout_ms,
                    struct moddb_held_lock **lock)
{
    if (lock)
        *lock = nullptr;
    Request request;
    const int wrong = with_handle(handle, [&] {
        return lock ? read_request(handle, key, key_length, options, request)
                    : handle->error.fail(-EINVAL, "the pointer to the lock is NULL");
    });
    if (wrong < 0)
        return wrong;
    const int result = wait_for_lock(handle, request, timeout_ms, *lock);
    handle->waiting.reset();
    return result;
}

uint64_t moddb_lock_fence(const struct moddb_held_lock *lock)
{
    return lock ? lock->fence : 0;
}

int moddb_lock_check(struct moddb_held_lock *lock)
{
    return lock ? with_handle(lock->handle, [&] { return check_lock(lock); }) : -EINVAL;
}

int moddb_lock_fd(struct moddb_held_lock *lock)
{
    if (!lock)
        return -EINVAL;
    return with_handle(lock->handle, [&] {
        if (!lock->watch)
            if (const int result = lock->lost ? fail_lost(lock) : watch_lock(lock); result < 0)
                return result;
        return moddb_watch_fd(lock->watch.get());
    });
}

int moddb_unlock(struct moddb_held_lock *lock)
{
    if (!lock)
        return -EINVAL;
    struct moddb_handle *const handle = lock->handle;
    const int result = with_handle(handle, [&] { return release(lock); });
    std::erase_if(handle->locks, [&](const auto &held) { return held.get() == lock; });
    return result;
}
