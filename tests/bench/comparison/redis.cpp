// SPDX-License-Identifier: MIT
//
// Redis without a client library, which would add to the costs, and without persistence. A batch is
// one MGET or MSET, which is faster than a pipeline of commands.

#include "server.hpp"
#include "store.hpp"

#include <charconv>

namespace comparison {

namespace {

class Dictionary : public Client {
  public:
    Dictionary(const std::string &socket, std::size_t value_size)
        : connection_(socket, batch_size * (value_size + 64) + 4096)
    {
    }

    std::string_view get(const Key &key) override
    {
        add(begin("*2\r\n$3\r\nGET\r\n"), text(key));
        connection_.send();
        return value();
    }
    void set(const Key &key, std::string_view value) override
    {
        std::string &request = begin("*3\r\n$3\r\nSET\r\n");
        add(request, text(key));
        add(request, value);
        connection_.send();
        expect("+OK");
    }
    void del(const Key &key) override
    {
        add(begin("*2\r\n$3\r\nDEL\r\n"), text(key));
        connection_.send();
        expect(":1");
    }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        std::string &request = begin_many(keys.size() + 1, "$4\r\nMGET\r\n");
        for (const Key &key : keys)
            add(request, text(key));
        connection_.send();
        connection_.line();
        for (std::string_view &one : values)
            one = value();
    }
    void set_many(std::span<const Key> keys, std::span<const std::string_view> values) override
    {
        std::string &request = begin_many(2 * keys.size() + 1, "$4\r\nMSET\r\n");
        for (std::size_t i = 0; i < keys.size(); ++i) {
            add(request, text(keys[i]));
            add(request, values[i]);
        }
        connection_.send();
        expect("+OK");
    }

  private:
    std::string &begin(std::string_view head) { return connection_.request().append(head); }
    std::string &begin_many(std::size_t words, std::string_view command)
    {
        return begin("*").append(std::to_string(words)).append("\r\n").append(command);
    }
    static void add(std::string &request, std::string_view word)
    {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof(digits), word.size()).ptr;
        request.append("$").append(digits, end).append("\r\n").append(word).append("\r\n");
    }
    void expect(std::string_view answer)
    {
        const std::string_view line = connection_.line();
        if (line != answer)
            throw std::runtime_error("redis: " + std::string(line));
    }
    std::string_view value()
    {
        const std::string_view line = connection_.line();
        if (line == "$-1")
            return {};
        std::size_t length = 0;
        if (line[0] != '$' ||
            std::from_chars(line.data() + 1, line.data() + line.size(), length).ec != std::errc{})
            throw std::runtime_error("redis: " + std::string(line));
        return connection_.bytes(length);
    }

    Connection connection_;
};

class Redis : public Store {
  public:
    explicit Redis(const Plan &plan) : value_size_(plan.value_size) {}

    std::unique_ptr<Client> connect() override
    {
        return std::make_unique<Dictionary>(server_.socket(), value_size_);
    }

  private:
    // Debian's redis-tools contains the server under the last name.
    Server server_{{{"/usr/bin/redis-server", "redis-server"},
                    {"/usr/local/bin/redis-server", "redis-server"},
                    {"/usr/bin/redis-check-rdb", "redis-server"}},
                   {"--port", "0", "--unixsocket", "SOCKET", "--save", "", "--appendonly", "no"}};
    std::size_t value_size_;
};

} // namespace

std::unique_ptr<Store> make_redis(const Plan &plan)
{
    return std::make_unique<Redis>(plan);
}

} // namespace comparison
