// SPDX-License-Identifier: MIT
//
// memcached without a client library, which would add to the costs: a batch is one get of many
// keys, or quiet sets with one reply after the last. It has enough memory to evict nothing.

#include "server.hpp"
#include "store.hpp"

#include <charconv>

namespace comparison {

namespace {

class Cache : public Client {
  public:
    Cache(const std::string &socket, std::size_t value_size)
        : connection_(socket, batch_size * (value_size + 64) + 4096)
    {
    }

    std::string_view get(const Key &key) override
    {
        connection_.request().append("mg ").append(text(key)).append(" v\r\n");
        connection_.send();
        const std::string_view line = connection_.line();
        if (line == "EN")
            return {};
        return connection_.bytes(number(line, 3));
    }
    void set(const Key &key, std::string_view value) override
    {
        add(connection_.request(), key, value, "\r\n");
        connection_.send();
        expect("HD");
    }
    void del(const Key &key) override
    {
        connection_.request().append("md ").append(text(key)).append("\r\n");
        connection_.send();
        expect("HD");
    }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        std::string &request = connection_.request().append("get");
        for (const Key &key : keys)
            request.append(" ").append(text(key));
        request.append("\r\n");
        connection_.send();
        std::string_view line = connection_.line();
        for (std::size_t i = 0; i < keys.size(); ++i) {
            // "VALUE KEY FLAGS LENGTH"; a missing key has no line.
            values[i] = {};
            if (line == "END" || line.substr(6, key_size) != text(keys[i]))
                continue;
            values[i] = connection_.bytes(number(line, 6 + key_size + 3));
            line = connection_.line();
        }
        if (line != "END")
            throw std::runtime_error("memcached: " + std::string(line));
    }
    void set_many(std::span<const Key> keys, std::span<const std::string_view> values) override
    {
        std::string &request = connection_.request();
        for (std::size_t i = 0; i < keys.size(); ++i)
            add(request, keys[i], values[i], " q\r\n");
        request.append("mn\r\n");
        connection_.send();
        expect("MN");
    }

  private:
    static void add(std::string &request, const Key &key, std::string_view value,
                    std::string_view end_of_line)
    {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof(digits), value.size()).ptr;
        request.append("ms ").append(text(key)).append(" ").append(digits, end);
        request.append(end_of_line).append(value).append("\r\n");
    }
    static std::size_t number(std::string_view line, std::size_t at)
    {
        std::size_t length = 0;
        if (line.size() <= at ||
            std::from_chars(line.data() + at, line.data() + line.size(), length).ec != std::errc{})
            throw std::runtime_error("memcached: " + std::string(line));
        return length;
    }
    void expect(std::string_view answer)
    {
        const std::string_view line = connection_.line();
        if (line != answer)
            throw std::runtime_error("memcached: " + std::string(line));
    }

    Connection connection_;
};

// Twice the size of the values, in MiB, so that nothing is evicted.
std::string memory_for(const Plan &plan)
{
    return std::to_string(64 + ((plan.keys + plan.new_keys) * (plan.value_size + 128) * 2 >> 20));
}

class Memcached : public Store {
  public:
    explicit Memcached(const Plan &plan)
        : server_({{"/usr/bin/memcached", "memcached"}, {"/usr/local/bin/memcached", "memcached"}},
                  {"-s", "SOCKET", "-u", "root", "-m", memory_for(plan)}),
          value_size_(plan.value_size)
    {
    }

    std::unique_ptr<Client> connect() override
    {
        return std::make_unique<Cache>(server_.socket(), value_size_);
    }

  private:
    Server server_;
    std::size_t value_size_;
};

} // namespace

std::unique_ptr<Store> make_memcached(const Plan &plan)
{
    return std::make_unique<Memcached>(plan);
}

} // namespace comparison
