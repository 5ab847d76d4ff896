// SPDX-License-Identifier: MIT
//
// A BPF hash map through bpf(2) with preallocated elements, the fastest kind. Its batched lookup
// reads whole buckets in the map's order, not the keys that a caller names, so batches of reads are
// not measured.

#include "store.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace comparison {

namespace {

int bpf(bpf_cmd command, bpf_attr &attributes)
{
    return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

__u64 address(const void *memory)
{
    return reinterpret_cast<__u64>(memory);
}

class Map : public Client {
  public:
    Map(int map, std::size_t value_size) : map_(map), value_(value_size, '\0') {}

    std::string_view get(const Key &key) override
    {
        bpf_attr attributes{};
        attributes.map_fd = static_cast<__u32>(map_);
        attributes.key = address(key.data());
        attributes.value = address(value_.data());
        if (bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0)
            return value_;
        if (errno != ENOENT)
            fail_on("bpf lookup");
        return {};
    }
    void set(const Key &key, std::string_view value) override
    {
        bpf_attr attributes{};
        attributes.map_fd = static_cast<__u32>(map_);
        attributes.key = address(key.data());
        attributes.value = address(value.data());
        if (bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0)
            fail_on("bpf update");
    }
    void del(const Key &key) override
    {
        bpf_attr attributes{};
        attributes.map_fd = static_cast<__u32>(map_);
        attributes.key = address(key.data());
        if (bpf(BPF_MAP_DELETE_ELEM, attributes) != 0)
            fail_on("bpf delete");
    }
    void get_many(std::span<const Key>, std::span<std::string_view>) override
    {
        throw Cannot("its batched lookup reads the map in its own order, not given keys");
    }
    void set_many(std::span<const Key> keys, std::span<const std::string_view> values) override
    {
        values_.clear();
        for (const std::string_view value : values)
            values_.append(value);
        bpf_attr attributes{};
        attributes.batch.map_fd = static_cast<__u32>(map_);
        attributes.batch.keys = address(keys.data());
        attributes.batch.values = address(values_.data());
        attributes.batch.count = static_cast<__u32>(keys.size());
        if (bpf(BPF_MAP_UPDATE_BATCH, attributes) != 0 || attributes.batch.count != keys.size())
            fail_on("bpf batched update");
    }

  private:
    int map_;
    std::string value_;
    std::string values_;
};

class Bpf : public Store {
  public:
    explicit Bpf(const Plan &plan) : value_size_(plan.value_size)
    {
        bpf_attr attributes{};
        attributes.map_type = BPF_MAP_TYPE_HASH;
        attributes.key_size = key_size;
        attributes.value_size = static_cast<__u32>(plan.value_size);
        attributes.max_entries = static_cast<__u32>(plan.keys + plan.new_keys);
        map_ = bpf(BPF_MAP_CREATE, attributes);
        if (map_ < 0)
            throw Cannot("bpf(2) cannot create a map: " + std::generic_category().message(errno));
    }
    ~Bpf() override { close(map_); }

    std::unique_ptr<Client> connect() override { return std::make_unique<Map>(map_, value_size_); }

  private:
    std::size_t value_size_;
    int map_;
};

} // namespace

std::unique_ptr<Store> make_bpf(const Plan &plan)
{
    return std::make_unique<Bpf>(plan);
}

} // namespace comparison
