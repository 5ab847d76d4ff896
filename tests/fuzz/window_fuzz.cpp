// SPDX-License-Identifier: MIT
//
// Runs the window's reader on mutated windows with the address sanitizer: for all bytes, it must
// stay within them and return. It is a libFuzzer target, window-fuzz, and with a driver of its own
// a test with the same inputs each time.
#include "../window/builder.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

constexpr size_t heap_size = 4096;

// The window from which mutations start: short and long entries, with and without expiry.
const test::WindowBuilder &good_window()
{
    static const auto window = [] {
        auto made = std::make_unique<test::WindowBuilder>(256, heap_size);
        for (int i = 0; i < 40; i++)
            made->set("key" + std::to_string(i), std::string(i, 'v'), 1 + i, i % 3 ? 0 : 7);
        made->set(std::string(600, 'k'), std::string(700, 'v'));
        return made;
    }();
    return *window;
}

struct Free {
    void operator()(void *memory) const { std::free(memory); }
};

// Reads with moddb_window_read_many(), as the second of two.
int read_among_many(const struct moddb_window_view *view, const void *key, __u32 key_len,
                    void *value, __u64 room, struct moddb_window_found *found)
{
    moddb_window_want wants[2]{};
    for (moddb_window_want &want : wants) {
        want.key = key;
        want.key_len = key_len;
        want.value = value;
        want.room = room;
    }
    moddb_window_read_many(view, wants, 2);
    *found = wants[1].found;
    return wants[1].answer;
}

void read_all(const struct moddb_window_view &view, const uint8_t *data, size_t size)
{
    static char value[8192];
    moddb_window_found found{};
    const auto read = [&](const void *key, size_t length) {
        // On the heap with exactly this length, so that the sanitizer finds a write beyond it.
        for (const auto reader : {moddb_window_read, moddb_window_try_read, read_among_many})
            for (const size_t room : {size_t{0}, size_t{17}, sizeof value}) {
                std::unique_ptr<char, Free> buffer(
                    static_cast<char *>(std::malloc(room ? room : 1)));
                const int answer =
                    reader(&view, key, static_cast<uint32_t>(length), buffer.get(), room, &found);
                if (answer == MODDB_WINDOW_HIT && found.value_len > view.heap_size)
                    std::abort();
                if (answer == MODDB_WINDOW_HIT || answer == MODDB_WINDOW_MISS)
                    moddb_window_unchanged(found.bucket, found.sequence);
            }
    };
    for (int i = 0; i < 48; i++) {
        const std::string key = "key" + std::to_string(i);
        read(key.data(), key.size());
    }
    const std::string long_key(600, 'k');
    read(long_key.data(), long_key.size());
    if (size)
        read(data, size < MODDB_WINDOW_MAX_DATA ? (size < 1024 ? size : 1024) : 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const test::WindowBuilder &good = good_window();
    // On the heap with exactly this length, so that the sanitizer finds a read beyond it.
    std::unique_ptr<unsigned char, Free> memory(
        static_cast<unsigned char *>(std::aligned_alloc(4096, good.size())));
    std::memcpy(memory.get(), good.memory(), good.size());
    struct moddb_window_view kept;
    if (!moddb_window_view_init(&kept, memory.get(), good.size()))
        std::abort();

    // A mutation: three bytes of offset, two bytes of contents.
    size_t at = 0;
    for (; at + 5 <= size; at += 5) {
        const size_t offset =
            (data[at] | size_t{data[at + 1]} << 8 | size_t{data[at + 2]} << 16) % (good.size() - 1);
        memory.get()[offset] = data[at + 3];
        if (data[at] & 1)
            memory.get()[offset + 1] = data[at + 4];
    }
    // A reader that mapped the window before the mutations keeps its geometry.
    read_all(kept, data, size);
    // A reader that maps it now takes the geometry from the header, if that is valid.
    struct moddb_window_view view;
    if (moddb_window_view_init(&view, memory.get(), good.size()))
        read_all(view, data, size);
    // The input itself as a window.
    if (size) {
        std::unique_ptr<unsigned char, Free> bytes(
            static_cast<unsigned char *>(std::aligned_alloc(64, (size + 63) / 64 * 64)));
        std::memcpy(bytes.get(), data, size);
        if (size >= sizeof(moddb_window_header)) {
            reinterpret_cast<moddb_window_header *>(bytes.get())->magic = MODDB_WINDOW_MAGIC;
            reinterpret_cast<moddb_window_header *>(bytes.get())->layout = MODDB_WINDOW_LAYOUT;
        }
        if (moddb_window_view_init(&view, bytes.get(), size))
            read_all(view, data, size);
    }
    return 0;
}

#ifdef MODDB_FUZZ_DRIVER
#include <random>
#include <vector>

int main()
{
    std::mt19937_64 random(1);
    const auto &good = good_window();
    const size_t heap = good.size() - heap_size, buckets = 4096;
    for (int round = 0; round < 4000; round++) {
        std::vector<uint8_t> input;
        const auto mutate = [&](size_t offset) {
            for (int shift = 0; shift < 24; shift += 8)
                input.push_back(static_cast<uint8_t>(offset >> shift));
            const bool extreme = random() % 2;
            input.push_back(static_cast<uint8_t>(extreme ? 0xff : random()));
            input.push_back(static_cast<uint8_t>(extreme ? 0xff : random()));
        };
        for (size_t n = 1 + random() % 400; n; n--)
            switch (random() % 4) {
            case 0:
                if (round % 8 == 0)
                    mutate(random() % sizeof(moddb_window_header));
                break;
            case 1: // an offset
                mutate(buckets + random() % 256 * 64 + 24 + random() % 32);
                break;
            case 2: // an entry's head
                mutate(heap + random() % (heap_size / 16) * 16 + 8 + random() % 8);
                break;
            default:
                mutate(random() % good.size());
            }
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    return 0;
}
#endif
