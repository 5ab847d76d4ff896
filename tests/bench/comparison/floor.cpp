// SPDX-License-Identifier: MIT
//
// The cost that all stores share: the measuring loop with a virtual call and the check of the
// value, and the same with the cheapest system call. Nothing is stored.

#include "store.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace comparison {

namespace {

template <bool with_call>
class Floor : public Client {
  public:
    explicit Floor(const Plan &plan) : values_(batch_size, std::string(plan.value_size, '\0')) {}

    std::string_view get(const Key &key) override { return answer(key, values_[0]); }
    void set(const Key &, std::string_view) override { call(); }
    void del(const Key &) override { call(); }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        for (std::size_t i = 0; i < keys.size(); ++i)
            values[i] = answer(keys[i], values_[i]);
    }
    void set_many(std::span<const Key>, std::span<const std::string_view>) override { call(); }
    void transact(std::span<const Key>, std::span<const std::string_view>) override { call(); }

  private:
    static void call()
    {
        if constexpr (with_call)
            syscall(SYS_getppid);
    }
    // The value that Work::check() accepts; odd keys are missing.
    static std::string_view answer(const Key &key, std::string &value)
    {
        call();
        if (key.back() & 1)
            return {};
        std::memcpy(value.data(), key.data() + 8, 8);
        return value;
    }

    std::vector<std::string> values_;
};

template <bool with_call>
class Ground : public Store {
  public:
    explicit Ground(const Plan &plan) : plan_(plan) {}
    std::unique_ptr<Client> connect() override { return std::make_unique<Floor<with_call>>(plan_); }

  private:
    Plan plan_;
};

} // namespace

std::unique_ptr<Store> make_loop(const Plan &plan)
{
    return std::make_unique<Ground<false>>(plan);
}

std::unique_ptr<Store> make_getppid(const Plan &plan)
{
    return std::make_unique<Ground<true>>(plan);
}

} // namespace comparison
