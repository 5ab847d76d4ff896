// SPDX-License-Identifier: MIT
//
// Times the window's reader on the bare machine, over a window in ordinary memory, beside LMDB with
// its best settings. It must never measure the two in different weather: rounds alternate, and the
// medians are told.
#include "../window/builder.hpp"

#include <lmdb.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr size_t value_size = 64;

__u64 mix(__u64 x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

// 16 bytes that are made from a number faster than they are loaded from memory.
struct Key {
    __u64 words[2];
    explicit Key(__u64 number) : words{mix(number), number} {}
    std::string_view bytes() const
    {
        return {reinterpret_cast<const char *>(words), sizeof(words)};
    }
};

[[noreturn]] void fail(const char *what)
{
    std::fprintf(stderr, "bench-window: %s\n", what);
    std::exit(1);
}

class Lmdb {
  public:
    explicit Lmdb(__u64 keys)
    {
        char name[] = "/dev/shm/bench-window.XXXXXX";
        if (!mkdtemp(name))
            fail("no directory in /dev/shm");
        directory_ = name;
        MDB_txn *txn;
        if (mdb_env_create(&env_) || mdb_env_set_mapsize(env_, keys * 512 + (1 << 20)) ||
            mdb_env_open(env_, name, MDB_NOSYNC | MDB_NORDAHEAD, 0600) ||
            mdb_txn_begin(env_, nullptr, 0, &txn) || mdb_dbi_open(txn, nullptr, 0, &dbi_))
            fail("LMDB does not open");
        std::string value(value_size, 'v');
        for (__u64 i = 0; i < keys; i++) {
            const Key key(i);
            MDB_val k{sizeof(key.words), const_cast<__u64 *>(key.words)};
            MDB_val v{value.size(), value.data()};
            if (mdb_put(txn, dbi_, &k, &v, 0))
                fail("LMDB does not write");
        }
        if (mdb_txn_commit(txn) || mdb_txn_begin(env_, nullptr, MDB_RDONLY, &read_))
            fail("LMDB does not commit");
        mdb_txn_reset(read_);
    }
    ~Lmdb()
    {
        mdb_txn_abort(read_);
        mdb_env_close(env_);
        std::filesystem::remove_all(directory_);
    }

    bool read(const Key &key, char *value)
    {
        MDB_val k{sizeof(key.words), const_cast<__u64 *>(key.words)}, v;
        mdb_txn_renew(read_);
        const bool found = !mdb_get(read_, dbi_, &k, &v);
        if (found)
            std::memcpy(value, v.mv_data, v.mv_size);
        mdb_txn_reset(read_);
        return found;
    }

  private:
    std::string directory_;
    MDB_env *env_;
    MDB_dbi dbi_;
    MDB_txn *read_;
};

class Window {
  public:
    Window(__u64 keys, double density)
        : builder_(static_cast<__u32>(keys / density) + 1, keys * 112 + 4096)
    {
        const std::string value(value_size, 'v');
        for (__u64 i = 0; i < keys; i++)
            missing_ += !builder_.set(Key(i).bytes(), value, i + 1);
        view_ = builder_.view();
    }

    bool read(const Key &key, char *value)
    {
        moddb_window_found found;
        return moddb_window_read(&view_, key.words, sizeof(key.words), value, value_size, &found) ==
               MODDB_WINDOW_HIT;
    }
    __u64 missing() const { return missing_; }

  private:
    test::WindowBuilder builder_;
    moddb_window_view view_;
    __u64 missing_ = 0;
};

// Nanoseconds a read of keys chosen at random; first moves the choice away from those there are.
template <typename Store>
double time_reads(Store &store, __u64 keys, __u64 first, __u64 reads)
{
    static __u64 seed = 1;
    char value[value_size];
    __u64 found = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (__u64 i = 0; i < reads; i++) {
        const __u64 number = first + ((mix(++seed) >> 32) * keys >> 32);
        found += store.read(Key(number), value);
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    if (first ? found != 0 : found < reads * 9 / 10)
        fail("a store does not answer what was written");
    return took.count() / static_cast<double>(reads);
}

double median(std::vector<double> &values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

int main(int argc, char **argv)
{
    const __u64 keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10000;
    const double density = argc > 2 ? std::strtod(argv[2], nullptr) : 2.5;
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 11;
    constexpr __u64 reads = 500000;
    const __u64 elsewhere = __u64{1} << 40;
    if (!keys || density <= 0 || rounds < 1) {
        std::fprintf(stderr, "usage: bench-window [KEYS [ENTRIES-A-SET [ROUNDS]]]\n");
        return 2;
    }

    Window window(keys, density);
    Lmdb lmdb(keys);
    std::vector<double> hit, miss, lmdb_hit, lmdb_miss;
    for (int i = 0; i <= rounds; i++) {
        const double times[] = {time_reads(window, keys, 0, reads),
                                time_reads(lmdb, keys, 0, reads / 4),
                                time_reads(window, keys, elsewhere, reads),
                                time_reads(lmdb, keys, elsewhere, reads / 4)};
        if (!i)
            continue; // warms up
        hit.push_back(times[0]);
        lmdb_hit.push_back(times[1]);
        miss.push_back(times[2]);
        lmdb_miss.push_back(times[3]);
    }
    const double w = median(hit), l = median(lmdb_hit), wm = median(miss), lm = median(lmdb_miss);
    std::printf("%llu keys, %.1f a set, %llu missing\n", keys, density, window.missing());
    std::printf("hit  window %.1f ns  lmdb %.1f ns  ratio %.1f\n", w, l, l / w);
    std::printf("miss window %.1f ns  lmdb %.1f ns  ratio %.1f\n", wm, lm, lm / wm);
    return 0;
}
