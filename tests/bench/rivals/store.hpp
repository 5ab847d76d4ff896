// SPDX-License-Identifier: MIT
//
// The interface of a compared store to the measuring core. An implementation uses its
// store as well as one can, and must never leave out what its users would have to do.
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

namespace rivals {

constexpr std::size_t key_size = 16;
constexpr std::size_t batch_size = 64;

using Key = std::array<char, key_size>;

inline std::string_view text(const Key &key)
{
    return {key.data(), key.size()};
}

// A store is not there, or cannot do what is asked. It is reported as not measured, with this text.
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
    std::size_t new_keys; // most that are there beside them for a while
    std::size_t value_size;
};

// One process's connection to a store.
class Client {
  public:
    Client() = default;
    virtual ~Client() = default;
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    // The value, which lives until the next call; without data() where there is no such key.
    virtual std::string_view get(const Key &key) = 0;
    virtual void set(const Key &key, std::string_view value);
    virtual void del(const Key &key);

    // As many keys in one go as the store is best at; never more than batch_size.
    virtual void get_many(std::span<const Key> keys, std::span<std::string_view> values);
    virtual void set_many(std::span<const Key> keys, std::span<const std::string_view> values);
    // All of them or none.
    virtual void transact(std::span<const Key> keys, std::span<const std::string_view> values);

    // Reads every entry once and returns how many there are.
    virtual std::size_t list();
};

// The store itself; everything that it needs for the plan is created and released with it.
class Store {
  public:
    Store() = default;
    virtual ~Store() = default;
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;

    // Works in a forked process, too.
    virtual std::unique_ptr<Client> connect() = 0;
};

struct Rival {
    const char *name;
    const char *what;
    std::unique_ptr<Store> (*make)(const Plan &plan);
    // A reader is only filled and read, one_key reads only that key, a floor keeps nothing.
    enum Kind { store, reader, one_key, floor } kind = store;
    // Why a read concurrent with writers may return a value that was never written; null if it may
    // not.
    const char *tears = nullptr;
};

// All of them, in the order in which they are shown.
std::span<const Rival> rivals();

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

} // namespace rivals
