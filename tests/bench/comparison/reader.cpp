// SPDX-License-Identifier: MIT
//
// The window's reader without the kernel, over a window in ordinary memory that is as full as the
// kernel makes one. It is written only by fill().

#include "../../window/builder.hpp"
#include "store.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <vector>

namespace comparison {

namespace {

// The kernel makes a window with this many entries in two buckets.
constexpr std::size_t entries_in_two_buckets = 4;

struct Memory {
    test::WindowBuilder window;
    std::map<std::string, std::string, std::less<>> overflow; // entries not in the window
};

class Reader : public Client {
  public:
    Reader(Memory &memory, std::size_t value_size)
        : memory_(memory), view_(memory.window.view()), value_(value_size, '\0'),
          several_(batch_size, value_), wants_(batch_size)
    {
        // Every value must stay valid until the next call.
        for (std::size_t i = 0; i < batch_size; ++i) {
            wants_[i].key_len = std::tuple_size_v<Key>;
            wants_[i].value = several_[i].data();
            wants_[i].room = value_size;
        }
    }

    std::string_view get(const Key &key) override
    {
        moddb_window_found found;
        const int found_or_not =
            moddb_window_read(&view_, key.data(), key.size(), value_.data(), value_.size(), &found);
        return answer(found_or_not, key, value_, found);
    }
    void set(const Key &key, std::string_view value) override
    {
        if (!memory_.window.set(text(key), value))
            memory_.overflow.emplace(text(key), value);
    }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        for (std::size_t i = 0; i < keys.size(); ++i)
            wants_[i].key = keys[i].data();
        moddb_window_read_many(&view_, wants_.data(), static_cast<unsigned>(keys.size()));
        for (std::size_t i = 0; i < keys.size(); ++i)
            values[i] = answer(wants_[i].answer, keys[i], several_[i], wants_[i].found);
    }

  private:
    std::string_view answer(int answer, const Key &key, const std::string &value,
                            const moddb_window_found &found) const
    {
        switch (answer) {
        case MODDB_WINDOW_HIT:
            return {value.data(), found.value_len};
        case MODDB_WINDOW_MISS:
            return {};
        default:
            return read_overflow(key);
        }
    }
    // The library would call the kernel here.
    std::string_view read_overflow(const Key &key) const
    {
        syscall(SYS_getppid);
        const auto found = memory_.overflow.find(text(key));
        return found == memory_.overflow.end() ? std::string_view() : found->second;
    }

    Memory &memory_;
    const moddb_window_view view_;
    std::string value_;
    std::vector<std::string> several_;
    std::vector<moddb_window_want> wants_;
};

class Readable : public Store {
  public:
    explicit Readable(const Plan &plan)
        : memory_{{static_cast<__u32>(plan.keys * 2 / entries_in_two_buckets) + 1,
                   plan.keys * (sizeof(moddb_window_entry) + key_size + plan.value_size +
                                MODDB_WINDOW_GRANULE) +
                       MODDB_WINDOW_GRANULE},
                  {}},
          value_size_(plan.value_size)
    {
    }
    std::unique_ptr<Client> connect() override
    {
        return std::make_unique<Reader>(memory_, value_size_);
    }

  private:
    Memory memory_;
    std::size_t value_size_;
};

} // namespace

std::unique_ptr<Store> make_reader(const Plan &plan)
{
    return std::make_unique<Readable>(plan);
}

} // namespace comparison
