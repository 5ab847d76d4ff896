// SPDX-License-Identifier: MIT
//
// The interface between a store and the measurement. An implementation uses its store in the
// fastest way, and includes everything that a user of the store would have to do.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace comparison {

constexpr std::size_t key_size = 16;
constexpr std::size_t batch_size = 64;

using Key = std::array<char, key_size>;

inline std::string_view text(const Key &key)
{
    return {key.data(), key.size()};
}

// A store is not available or lacks an operation. It is reported as not measured, with this reason.
class Cannot : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail_on(const std::string &what, int error = errno)
{
    throw std::system_error(error, std::generic_category(), what);
}

// The load that a store must be prepared for.
struct Plan {
    std::size_t keys;
    std::size_t new_keys; // the most that exist at a time in addition
    std::size_t value_size;
};

// One process's connection to a store.
class Client {
  public:
    Client() = default;
    virtual ~Client() = default;
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    // The value, valid until the next call. Its data() is null if the key is missing.
    virtual std::string_view get(const Key &key) = 0;
    virtual void set(const Key &key, std::string_view value);
    virtual void del(const Key &key);

    // At most batch_size keys, in the store's fastest way.
    virtual void get_many(std::span<const Key> keys, std::span<std::string_view> values);
    virtual void set_many(std::span<const Key> keys, std::span<const std::string_view> values);
    // All of them or none.
    virtual void transact(std::span<const Key> keys, std::span<const std::string_view> values);

    // Reads every entry once and returns how many there are.
    virtual std::size_t list();
};

// A store. The constructor creates everything that the plan needs, the destructor releases it.
class Store {
  public:
    Store() = default;
    virtual ~Store() = default;
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;

    // Works in a forked process, too.
    virtual std::unique_ptr<Client> connect() = 0;
};

struct Candidate {
    const char *name;
    const char *what;
    std::unique_ptr<Store> (*make)(const Plan &plan);
    // A reader is only filled and read, one_key reads only one key, a floor stores nothing.
    enum Kind { store, reader, one_key, floor } kind = store;
    // Why a read concurrent with writers may return a value that was never written; null if it may
    // not.
    const char *tears = nullptr;
};

// All stores, in the order in which they are shown.
std::span<const Candidate> candidates();

std::unique_ptr<Store> make_loop(const Plan &plan);
std::unique_ptr<Store> make_getppid(const Plan &plan);
std::unique_ptr<Store> make_cached(const Plan &plan);
std::unique_ptr<Store> make_reader(const Plan &plan);
std::unique_ptr<Store> make_window(const Plan &plan);
std::unique_ptr<Store> make_device(const Plan &plan);
std::unique_ptr<Store> make_netlink(const Plan &plan);
std::unique_ptr<Store> make_bpf(const Plan &plan);
std::unique_ptr<Store> make_lmdb(const Plan &plan);
std::unique_ptr<Store> make_redis(const Plan &plan);
std::unique_ptr<Store> make_memcached(const Plan &plan);
std::unique_ptr<Store> make_keyring(const Plan &plan);

} // namespace comparison
