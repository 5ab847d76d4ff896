// SPDX-License-Identifier: MIT
//
// A window in ordinary memory, with a writer of its own instead of the kernel's: for tests and
// benchmarks of the reader. It follows the protocol of window.h exactly, and allocates entries one
// after another.
#pragma once

#include <moddb/window.h>

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>

namespace test {

class WindowBuilder {
  public:
    WindowBuilder(__u32 buckets, size_t heap_size, __u64 seed = 42)
    {
        constexpr size_t page = 4096;
        buckets = (buckets + MODDB_WINDOW_BUCKETS_STEP - 1) / MODDB_WINDOW_BUCKETS_STEP *
                  MODDB_WINDOW_BUCKETS_STEP;
        heap_size = (heap_size + page - 1) / page * page;
        size_ = page + buckets * sizeof(moddb_window_bucket) + heap_size;
        void *base = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED)
            throw std::bad_alloc();
        // The kernel maps base pages.
        madvise(base, size_, MADV_NOHUGEPAGE);
        base_ = static_cast<unsigned char *>(base);
        buckets_ = reinterpret_cast<moddb_window_bucket *>(base_ + page);
        heap_ = base_ + page + buckets * sizeof(moddb_window_bucket);
        *header() = {.magic = MODDB_WINDOW_MAGIC,
                     .layout = MODDB_WINDOW_LAYOUT,
                     .flags = 0,
                     .seed = seed,
                     .size = size_,
                     .buckets_offset = page,
                     .heap_offset = page + buckets * sizeof(moddb_window_bucket),
                     .heap_size = heap_size,
                     .buckets = buckets,
                     .incompatible = 0,
                     .compatible = 0,
                     .reserved = 0};
        for (__u32 i = 0; i < buckets; i++)
            buckets_[i].sequence = 2;
    }
    ~WindowBuilder() { munmap(base_, size_); }
    WindowBuilder(const WindowBuilder &) = delete;
    WindowBuilder &operator=(const WindowBuilder &) = delete;

    unsigned char *memory() const { return base_; }
    size_t size() const { return size_; }
    moddb_window_header *header() const { return reinterpret_cast<moddb_window_header *>(base_); }
    struct moddb_window_view view() const
    {
        struct moddb_window_view view;
        if (!moddb_window_view_init(&view, base_, size_))
            throw std::bad_alloc();
        return view;
    }

    __u64 hash_of(std::string_view key) const
    {
        return moddb_hash(key.data(), static_cast<__u32>(key.size()), header()->seed);
    }
    moddb_window_bucket &bucket_of(std::string_view key) const
    {
        return buckets_[moddb_window_bucket_of(hash_of(key), header()->buckets)];
    }

    // Step W1 with its barrier, and step W4, for tests that stop in between.
    void begin(std::string_view key)
    {
        moddb_window_odd(&bucket_of(key));
        MODDB_WINDOW_WRITE_FENCE();
    }
    void end(std::string_view key) { moddb_window_even(&bucket_of(key)); }

    // Step W3. Without room for the entry, marks the bucket as incomplete and returns false.
    bool write(std::string_view key, std::string_view value, __u64 version = 1, __u64 expires = 0,
               __u32 tag = 0)
    {
        moddb_window_bucket &bucket = bucket_of(key);
        const size_t need =
            granules(sizeof(moddb_window_entry) + key.size() + value.size() +
                     (expires ? MODDB_WINDOW_TIME : 0) + (tag ? MODDB_WINDOW_TAG : 0));
        int slot = find(bucket, key);
        const bool known = slot >= 0;
        for (unsigned i = 0; slot < 0 && i < MODDB_WINDOW_SLOTS; i++)
            if (!bucket.offsets[i])
                slot = static_cast<int>(i);
        __u32 offset = known ? bucket.offsets[slot] : 0;
        if (slot >= 0 && !(known && granules(moddb_window_entry_size(entry_at(offset))) == need)) {
            offset = 0;
            if ((next_ + need) * MODDB_WINDOW_GRANULE <= header()->heap_size) {
                offset = static_cast<__u32>(next_);
                next_ += need;
            }
        }
        if (offset)
            fill(offset, key, value, version, expires, tag);
        else
            MODDB_WINDOW_STORE(bucket.missing, bucket.missing + 1);
        if (slot >= 0)
            moddb_window_fill_slot(&bucket, static_cast<unsigned>(slot), hash_of(key), offset);
        return offset;
    }
    void remove(std::string_view key)
    {
        moddb_window_bucket &bucket = bucket_of(key);
        if (const int slot = find(bucket, key); slot >= 0)
            moddb_window_fill_slot(&bucket, static_cast<unsigned>(slot), 0, 0);
    }

    // The next new entry is written at this granule, over any entry there.
    void rewind(size_t granule) { next_ = granule; }

    // Complete writes.
    bool set(std::string_view key, std::string_view value, __u64 version = 1, __u64 expires = 0,
             __u32 tag = 0)
    {
        begin(key);
        const bool written = write(key, value, version, expires, tag);
        end(key);
        return written;
    }
    void erase(std::string_view key)
    {
        begin(key);
        remove(key);
        end(key);
    }
    void retire()
    {
        MODDB_WINDOW_STORE(header()->flags, header()->flags | MODDB_WINDOW_RETIRED);
        for (__u32 i = 0; i < header()->buckets; i++)
            moddb_window_odd(&buckets_[i]);
    }

  private:
    static size_t granules(size_t bytes)
    {
        return (bytes + MODDB_WINDOW_GRANULE - 1) / MODDB_WINDOW_GRANULE;
    }
    moddb_window_entry *entry_at(__u32 offset) const
    {
        return reinterpret_cast<moddb_window_entry *>(heap_ +
                                                      size_t{offset} * MODDB_WINDOW_GRANULE);
    }
    int find(const moddb_window_bucket &bucket, std::string_view key) const
    {
        for (unsigned i = 0; i < MODDB_WINDOW_SLOTS; i++) {
            if (!bucket.offsets[i])
                continue;
            const moddb_window_entry *entry = entry_at(bucket.offsets[i]);
            if ((entry->shape & 0xffff) == key.size() &&
                !std::memcmp(reinterpret_cast<const unsigned char *>(entry + 1) +
                                 (entry->shape >> 16),
                             key.data(), key.size()))
                return static_cast<int>(i);
        }
        return -1;
    }
    void fill(__u32 offset, std::string_view key, std::string_view value, __u64 version,
              __u64 expires, __u32 tag)
    {
        moddb_window_entry *entry = entry_at(offset);
        auto *at = reinterpret_cast<unsigned char *>(entry + 1);
        MODDB_WINDOW_STORE(entry->version, version);
        MODDB_WINDOW_STORE(entry->value_len, static_cast<__u32>(value.size()));
        MODDB_WINDOW_STORE(entry->shape, moddb_window_shape(static_cast<__u32>(key.size()),
                                                            expires != 0, tag != 0));
        if (expires) {
            std::memcpy(at, &expires, sizeof(expires));
            at += sizeof(expires);
        }
        if (tag) {
            std::memcpy(at, &tag, sizeof(tag));
            at += sizeof(tag);
        }
        std::memcpy(at, key.data(), key.size());
        std::memcpy(at + key.size(), value.data(), value.size());
    }

    unsigned char *base_;
    moddb_window_bucket *buckets_;
    unsigned char *heap_;
    size_t size_;
    size_t next_ = 1; // granule 0 is unused
};

} // namespace test
