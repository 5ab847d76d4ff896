// SPDX-License-Identifier: MIT
//
// LMDB in shared memory, without sync and with a writable map: its fastest configuration that
// processes can share. A read renews one transaction and uses the value in place, without a copy.

#include "directory.hpp"
#include "store.hpp"

#include <lmdb.h>

namespace comparison {

namespace {

void check(int result, const char *what)
{
    if (result != 0)
        throw std::runtime_error(std::string("lmdb, ") + what + ": " + mdb_strerror(result));
}

MDB_val slice(std::string_view bytes)
{
    return {bytes.size(), const_cast<char *>(bytes.data())};
}

class Tree : public Client {
  public:
    Tree(const std::string &path, std::size_t map_size)
    {
        check(mdb_env_create(&environment_), "env_create");
        check(mdb_env_set_mapsize(environment_, map_size), "set_mapsize");
        constexpr unsigned flags =
            MDB_WRITEMAP | MDB_MAPASYNC | MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOTLS;
        check(mdb_env_open(environment_, path.c_str(), flags, 0600), "env_open");
        MDB_txn *transaction = begin();
        check(mdb_dbi_open(transaction, nullptr, 0, &database_), "dbi_open");
        check(mdb_txn_commit(transaction), "commit");
        check(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reader_), "begin");
        mdb_txn_reset(reader_);
    }
    ~Tree() override
    {
        mdb_txn_abort(reader_);
        mdb_env_close(environment_);
    }

    std::string_view get(const Key &key) override
    {
        renew();
        return look_up(key);
    }
    void set(const Key &key, std::string_view value) override
    {
        MDB_txn *transaction = begin();
        put(transaction, key, value);
        check(mdb_txn_commit(transaction), "commit");
    }
    void del(const Key &key) override
    {
        MDB_txn *transaction = begin();
        MDB_val name = slice(text(key));
        check(mdb_del(transaction, database_, &name, nullptr), "del");
        check(mdb_txn_commit(transaction), "commit");
    }
    void get_many(std::span<const Key> keys, std::span<std::string_view> values) override
    {
        renew();
        for (std::size_t i = 0; i < keys.size(); ++i)
            values[i] = look_up(keys[i]);
    }
    void set_many(std::span<const Key> keys, std::span<const std::string_view> values) override
    {
        MDB_txn *transaction = begin();
        for (std::size_t i = 0; i < keys.size(); ++i)
            put(transaction, keys[i], values[i]);
        check(mdb_txn_commit(transaction), "commit");
    }

  private:
    // Begins a write; the reader's transaction is reset so that it pins no old pages.
    MDB_txn *begin()
    {
        MDB_txn *transaction;
        reset();
        check(mdb_txn_begin(environment_, nullptr, 0, &transaction), "begin");
        return transaction;
    }
    void reset()
    {
        if (reading_)
            mdb_txn_reset(reader_);
        reading_ = false;
    }
    void renew()
    {
        reset();
        check(mdb_txn_renew(reader_), "renew");
        reading_ = true;
    }
    std::string_view look_up(const Key &key)
    {
        MDB_val name = slice(text(key));
        MDB_val value;
        const int result = mdb_get(reader_, database_, &name, &value);
        if (result == MDB_NOTFOUND)
            return {};
        check(result, "get");
        return {static_cast<const char *>(value.mv_data), value.mv_size};
    }
    void put(MDB_txn *transaction, const Key &key, std::string_view bytes) const
    {
        MDB_val name = slice(text(key));
        MDB_val value = slice(bytes);
        check(mdb_put(transaction, database_, &name, &value, 0), "put");
    }

    MDB_env *environment_ = nullptr;
    MDB_dbi database_ = 0;
    MDB_txn *reader_ = nullptr;
    bool reading_ = false;
};

class Lmdb : public Store {
  public:
    // The map is address space; only the pages that are written use memory.
    explicit Lmdb(const Plan &plan)
        : map_size_(((plan.keys + plan.new_keys) * (plan.value_size + 64) * 4 + (64u << 20)) &
                    ~std::size_t{0xfff})
    {
    }

    std::unique_ptr<Client> connect() override
    {
        return std::make_unique<Tree>(directory_.path(), map_size_);
    }

  private:
    Directory directory_{"/dev/shm"};
    std::size_t map_size_;
};

} // namespace

std::unique_ptr<Store> make_lmdb(const Plan &plan)
{
    return std::make_unique<Lmdb>(plan);
}

} // namespace comparison
