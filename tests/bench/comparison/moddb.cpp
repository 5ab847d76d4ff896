// SPDX-License-Identifier: MIT
//
// moddb through its C interface; the adapters differ in transport only. Each has a database of its
// own, which the destructor deletes.

#include "store.hpp"

#include <moddb/moddb.h>

#include <unistd.h>

#include <fstream>
#include <vector>

namespace comparison {

namespace {

struct Close {
    void operator()(moddb_handle *handle) const { moddb_close(handle); }
    void operator()(moddb_batch *batch) const { moddb_batch_free(batch); }
    void operator()(moddb_list *list) const { moddb_list_close(list); }
};
using Handle = std::unique_ptr<moddb_handle, Close>;

int check(const Handle &handle, int result, const char *what)
{
    if (result < 0)
        throw std::runtime_error(std::string("moddb, ") + what + ": " +
                                 moddb_error_text(handle.get()));
    return result;
}

Handle open(const char *database, enum moddb_transport transport)
{
    moddb_options options = MODDB_INIT(options);
    options.transport = transport;
    moddb_handle *handle;
    const int result = moddb_open(database, &options, &handle);
    if (result == -ENODEV || result == -EOPNOTSUPP || result == -ENOENT)
        throw Cannot(moddb_error_text(nullptr));
    if (result < 0)
        throw std::runtime_error(std::string("moddb, open: ") + moddb_error_text(nullptr));
    return Handle(handle);
}

class Database : public Client {
  public:
    Database(const char *name, enum moddb_transport transport, std::size_t value_size)
        : handle_(open(name, transport)), value_(value_size, '\0')
    {
        moddb_batch *batch;
        check(handle_, moddb_batch_new(handle_.get(), &batch), "batch");
        batch_.reset(batch);
    }

    std::string_view get(const Key &key) override
    {
        std::size_t length = value_.size();
        const int result =
            moddb_get(handle_.get(), key.data(), key.size(), value_.data(), &length, nullptr);
        if (result == -ENOENT)
            return {};
        check(handle_, result, "get");
        return {value_.data(), length};
    }
    void set(const Key &key, std::string_view value) override
    {
        check(handle_,
              moddb_set(handle_.get(), key.data(), key.size(), value.data(), value.size(), nullptr,
                        nullptr),
              "set");
    }
    void del(const Key &key) override
    {
        check(handle_, moddb_del(handle_.get(), key.data(), key.size(), nullptr, nullptr), "del");
    }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        moddb_batch_clear(batch_.get());
        for (const Key &key : keys)
            check(handle_, moddb_batch_get(batch_.get(), key.data(), key.size(), 0), "batch");
        run();
        moddb_op_result result = MODDB_INIT(result);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            moddb_batch_result(batch_.get(), i, &result);
            values[i] = {static_cast<const char *>(result.value), result.value_length};
        }
    }
    void set_many(std::span<const Key> keys, std::span<const std::string_view> values) override
    {
        collect(keys, values);
        run();
        moddb_op_result result = MODDB_INIT(result);
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (moddb_batch_result(batch_.get(), i, &result) < 0 || result.status != 0)
                throw std::runtime_error("moddb: an operation of a batch failed");
    }

    void transact(std::span<const Key> keys, std::span<const std::string_view> values) override
    {
        collect(keys, values);
        check(handle_, moddb_batch_commit(batch_.get(), nullptr), "transaction");
    }
    std::size_t list() override
    {
        moddb_list *opened;
        check(handle_, moddb_list_open(handle_.get(), nullptr, &opened), "list");
        const std::unique_ptr<moddb_list, Close> listing(opened);
        moddb_entry entry = MODDB_INIT(entry);
        std::size_t entries = 0;
        while (check(handle_, moddb_list_next(opened, &entry), "list") == 1)
            ++entries;
        return entries;
    }

  protected:
    moddb_handle *handle() const { return handle_.get(); }
    std::size_t value_size() const { return value_.size(); }
    void get_reads(std::vector<moddb_read> &reads)
    {
        check(handle_, moddb_get_many(handle(), reads.data(), reads.size()), "many reads");
    }

  private:
    void collect(std::span<const Key> keys, std::span<const std::string_view> values)
    {
        moddb_batch_clear(batch_.get());
        for (std::size_t i = 0; i < keys.size(); ++i)
            check(handle_,
                  moddb_batch_set(batch_.get(), keys[i].data(), keys[i].size(), values[i].data(),
                                  values[i].size(), nullptr, 0),
                  "batch");
    }
    void run() { check(handle_, moddb_batch_run(batch_.get()), "batch"); }

    Handle handle_;
    std::unique_ptr<moddb_batch, Close> batch_;
    std::string value_;
};

// Reads without a system call.
class Window : public Database {
  public:
    using Database::Database;

    std::string_view get(const Key &key) override
    {
        if (!is_mapped_) [[unlikely]]
            require_window(key);
        return Database::get(key);
    }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        if (!is_mapped_) [[unlikely]]
            require_window(keys[0]);
        const std::size_t size = value_size();
        if (reads_.size() != keys.size())
            make_room(keys.size(), size);
        for (std::size_t i = 0; i < keys.size(); ++i)
            reads_[i].key = keys[i].data();
        get_reads(reads_);
        for (std::size_t i = 0; i < keys.size(); ++i)
            values[i] = reads_[i].status == 0
                            ? std::string_view(&several_[i * size], reads_[i].value_length)
                            : std::string_view();
    }

  private:
    // Every value must stay valid until the next call.
    void make_room(std::size_t count, std::size_t size)
    {
        several_.resize(count * size);
        reads_.assign(count, {});
        for (std::size_t i = 0; i < count; ++i) {
            reads_[i].size = sizeof(moddb_read);
            reads_[i].key_length = std::tuple_size_v<Key>;
            reads_[i].value = &several_[i * size];
            reads_[i].value_size = size;
        }
    }

    // The library maps the window after some reads. Checks it, so that reads through the device are
    // not measured as the window's.
    void require_window(const Key &key)
    {
        for (int reads = 0; reads < 64; ++reads)
            Database::get(key);
        std::ifstream maps("/proc/self/maps");
        for (std::string line; !is_mapped_ && std::getline(maps, line);)
            is_mapped_ = line.find("[moddb-window]") != std::string::npos;
        if (!is_mapped_)
            throw std::runtime_error("moddb: the library has mapped no window");
    }

    bool is_mapped_ = false;
    std::string several_;
    std::vector<moddb_read> reads_;
};

// Reads one key through a cached handle.
class Cached : public Database {
  public:
    using Database::Database;
    ~Cached() override { moddb_cached_close(cached_); }

    std::string_view get(const Key &key) override
    {
        if (cached_ == nullptr && moddb_cached_open(handle(), key.data(), key.size(), &cached_) < 0)
            throw std::runtime_error("moddb: no cached handle");
        const void *value;
        std::size_t length;
        if (moddb_cached_get(cached_, &value, &length, nullptr) < 0)
            throw std::runtime_error("moddb: the cached key is missing");
        return {static_cast<const char *>(value), length};
    }

  private:
    moddb_cached *cached_ = nullptr;
};

template <typename Adapter>
class Moddb : public Store {
  public:
    Moddb(enum moddb_transport transport, const char *name, const Plan &plan)
        : name_(std::string("bench-") + name + '-' + std::to_string(getpid())),
          transport_(transport), value_size_(plan.value_size), creator_(open(nullptr, transport))
    {
        check(creator_, moddb_database_create(creator_.get(), name_.c_str(), nullptr), "create");
    }
    ~Moddb() override { moddb_database_delete(creator_.get(), name_.c_str()); }

    std::unique_ptr<Client> connect() override
    {
        return std::make_unique<Adapter>(name_.c_str(), transport_, value_size_);
    }

  private:
    std::string name_;
    enum moddb_transport transport_;
    std::size_t value_size_;
    Handle creator_;
};

} // namespace

std::unique_ptr<Store> make_cached(const Plan &plan)
{
    if (plan.keys != 1)
        throw Cannot("a cached handle is for one key");
    return std::make_unique<Moddb<Cached>>(MODDB_TRANSPORT_AUTO, "cached", plan);
}

std::unique_ptr<Store> make_window(const Plan &plan)
{
    return std::make_unique<Moddb<Window>>(MODDB_TRANSPORT_AUTO, "window", plan);
}

std::unique_ptr<Store> make_device(const Plan &plan)
{
    return std::make_unique<Moddb<Database>>(MODDB_TRANSPORT_DEVICE, "device", plan);
}

std::unique_ptr<Store> make_netlink(const Plan &plan)
{
    return std::make_unique<Moddb<Database>>(MODDB_TRANSPORT_NETLINK, "netlink", plan);
}

} // namespace comparison
