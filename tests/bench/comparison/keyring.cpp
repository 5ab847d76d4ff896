// SPDX-License-Identifier: MIT
//
// A keyring of the kernel with a key of type "user" for every entry, in a session keyring of this
// process. A size that exceeds the machine's quota of keys is not measured.

#include "store.hpp"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace comparison {

namespace {

using Serial = int;

template <typename... Arguments>
long keyctl(int operation, Arguments... arguments)
{
    return syscall(SYS_keyctl, operation, arguments...);
}

long add_key(const char *type, const char *name, std::string_view payload, Serial ring)
{
    return syscall(SYS_add_key, type, name, payload.data(), payload.size(), ring);
}

// The description of a key, which must be a string.
struct Name {
    explicit Name(const Key &key) : text(comparison::text(key)) {}
    std::string text;
};

class Ring : public Client {
  public:
    Ring(Serial ring, std::size_t value_size) : ring_(ring), value_(value_size, '\0') {}

    std::string_view get(const Key &key) override
    {
        const long found = find(key);
        if (found < 0) {
            if (errno != ENOKEY)
                fail_on("keyctl search");
            return {};
        }
        const long length = keyctl(KEYCTL_READ, found, value_.data(), value_.size());
        if (length < 0)
            fail_on("keyctl read");
        return std::string_view(value_).substr(0, static_cast<std::size_t>(length));
    }
    void set(const Key &key, std::string_view value) override
    {
        if (add_key("user", Name(key).text.c_str(), value, ring_) >= 0)
            return;
        if (errno == EDQUOT)
            throw Cannot("the quota of keys (/proc/sys/kernel/keys) is too small");
        fail_on("add_key");
    }
    void del(const Key &key) override
    {
        if (keyctl(KEYCTL_UNLINK, find(key), ring_) < 0)
            fail_on("keyctl unlink");
    }

  private:
    long find(const Key &key) const
    {
        return keyctl(KEYCTL_SEARCH, ring_, "user", Name(key).text.c_str(), 0);
    }

    Serial ring_;
    std::string value_;
};

class Keyring : public Store {
  public:
    explicit Keyring(const Plan &plan) : value_size_(plan.value_size)
    {
        if (keyctl(KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0)
            throw Cannot("there is no session keyring: " + std::generic_category().message(errno));
        ring_ = static_cast<Serial>(add_key("keyring", "bench", {}, KEY_SPEC_SESSION_KEYRING));
        if (ring_ < 0)
            fail_on("add_key");
    }
    ~Keyring() override { keyctl(KEYCTL_CLEAR, ring_); }

    std::unique_ptr<Client> connect() override
    {
        return std::make_unique<Ring>(ring_, value_size_);
    }

  private:
    std::size_t value_size_;
    Serial ring_;
};

} // namespace

std::unique_ptr<Store> make_keyring(const Plan &plan)
{
    return std::make_unique<Keyring>(plan);
}

} // namespace comparison
