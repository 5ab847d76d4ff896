// SPDX-License-Identifier: MIT
//
// Performs calls. A call may fail; none may end the process.
#include "hands.hpp"

#include "../../../support/process.hpp"

#include <fcntl.h>
#include <moddb/device.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace fuzz::device {

namespace {

constexpr std::uint64_t arena_end = arena + arena_pages * page;
constexpr std::uint64_t window_end = window + window_pages * page;
// The destination of Memory::move.
constexpr std::uint64_t moved = window + window_pages / 2 * page;

void *pointer(std::uint64_t address)
{
    return reinterpret_cast<void *>(address);
}

} // namespace

void make_database(moddb::Database &admin, const std::string &name)
{
    moddb::DatabaseOptions options;
    options.mode = name == "a" ? 0644 : 0666;
    options.shared = name == "shared";
    if (name == "b") {
        options.max_keys = 4;
        options.evict = true;
    } else if (name == "c") {
        options.max_bytes = 4096;
    }
    // The database may not exist, or another process may be faster.
    try {
        admin.remove(name);
    } catch (const moddb::Error &) {
    }
    try {
        admin.create(name, options);
    } catch (const moddb::Error &) {
    }
}

Hands::Hands()
    : memory_(memfd_create("arena", MFD_CLOEXEC)), scratch_(memfd_create("scratch", MFD_CLOEXEC))
{
    const std::size_t size = (arena_pages + 1) * page;
    test::require(memory_ >= 0 && scratch_ >= 0, "memfd_create");
    test::require(ftruncate(memory_, static_cast<off_t>(size)) == 0, "ftruncate");
    void *alias = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_, 0);
    test::require(alias != MAP_FAILED, "mmap");
    alias_ = static_cast<char *>(alias);
    shared_ = new (alias_ + arena_pages * page) Shared{};
    // Later mappings replace what is there, so the range must be free now.
    void *range = mmap(pointer(arena), window_end - arena, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    test::require(range == pointer(arena), "the addresses of programs are free");
    munmap(range, window_end - arena);
    map_memory();
}

Hands::~Hands()
{
    munmap(pointer(arena), window_end - arena);
    munmap(alias_, (arena_pages + 1) * page);
    close(memory_);
    close(scratch_);
}

void Hands::map_memory()
{
    const void *whole = mmap(pointer(arena), arena_pages * page, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_FIXED, memory_, 0);
    const void *first =
        mmap(pointer(mirror), mirror_pages * page, PROT_READ, MAP_SHARED | MAP_FIXED, memory_, 0);
    test::require(whole != MAP_FAILED && first != MAP_FAILED, "mmap");
}

void Hands::restore()
{
    if (!changed_.exchange(false))
        return;
    munmap(pointer(window), window_end - window);
    map_memory();
}

void Hands::wipe()
{
    std::memset(alias_, 0, (mirror_pages + 1) * page);
}

void Hands::put(std::uint64_t address, std::string_view bytes)
{
    if (address >= arena && address < arena_end)
        std::memcpy(alias_ + (address - arena), bytes.data(),
                    std::min<std::size_t>(bytes.size(), arena_end - address));
}

void Hands::do_ioctl(const Call &call, int file)
{
    const std::uint64_t command = call.numbers[0], address = call.numbers[1];
    moddb_device_window reported;
    put(address, call.bytes);
    const long result = syscall(SYS_ioctl, file, command, address);
    if (command == MODDB_IOC_WINDOW && result == 0 && address >= arena &&
        address + sizeof(reported) <= arena_end) {
        std::memcpy(&reported, alias_ + (address - arena), sizeof(reported));
        shared_->offset = reported.offset;
        shared_->size = reported.size;
    }
}

void Hands::do_map(const Call &call, int file)
{
    const std::uint64_t offset = shared_->offset + call.numbers[0] * page;
    const std::uint64_t length = shared_->size + call.numbers[1] * page;
    const int prot = static_cast<int>(call.numbers[2] & (PROT_READ | PROT_WRITE | PROT_EXEC));
    const int flags = static_cast<int>(call.numbers[3] & (MAP_SHARED | MAP_PRIVATE | MAP_POPULATE));
    const bool fits = length <= (window_end - window) / 2;
    changed_ = true;
    const long result = syscall(SYS_mmap, fits ? window : 0, length, prot,
                                flags | (fits ? MAP_FIXED : 0), file, offset);
    if (result == -1)
        return;
    if (fits)
        touch(window, 2);
    else
        munmap(pointer(static_cast<std::uint64_t>(result)), length);
}

// The kernel reads the memory and returns an error for an unmapped page.
void Hands::touch(std::uint64_t address, std::uint64_t pages) const
{
    for (std::uint64_t i = 0; i < pages; ++i)
        static_cast<void>(pwrite(scratch_, pointer(address + i * page), 8, 0));
}

void Hands::do_memory(const Call &call)
{
    const std::uint64_t address = call.numbers[0] & ~(page - 1);
    const bool in_arena = address >= arena && address < arena_end;
    if (!in_arena && (address < window || address >= moved))
        return;
    const std::uint64_t pages =
        std::min(call.numbers[1] & 0xff, ((in_arena ? arena_end : moved) - address) / page);
    const std::size_t size = pages * page;
    changed_ = true;
    switch (static_cast<Memory>(call.numbers[2])) {
    case Memory::unmap:
        munmap(pointer(address), size);
        break;
    case Memory::none:
        mprotect(pointer(address), size, PROT_NONE);
        break;
    case Memory::read:
        mprotect(pointer(address), size, PROT_READ);
        break;
    case Memory::write:
        mprotect(pointer(address), size, PROT_READ | PROT_WRITE);
        break;
    case Memory::forget:
        madvise(pointer(address), size, MADV_DONTNEED);
        break;
    case Memory::fresh:
        if (in_arena)
            mmap(pointer(address), size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory_,
                 static_cast<off_t>(address - arena));
        break;
    case Memory::move: {
        // A window's mapping may be moved, but must not grow.
        const void *grown = mremap(pointer(address), size, 2 * size, 0);
        if (grown == MAP_FAILED)
            mremap(pointer(address), size, size, MREMAP_MAYMOVE | MREMAP_FIXED, pointer(moved));
        break;
    }
    case Memory::touch:
    case Memory::end:
        touch(address, pages);
        break;
    }
}

// Never waits, since an event may never come.
void Hands::do_read(const Call &call, int file)
{
    pollfd entry{file, POLLIN, 0};
    poll(&entry, 1, 0);
    const int flags = fcntl(file, F_GETFL);
    if (call.numbers[2] != 0 || flags < 0 || fcntl(file, F_SETFL, flags | O_NONBLOCK) < 0)
        return;
    static_cast<void>(!read(file, pointer(call.numbers[0]), call.numbers[1]));
}

void Hands::do_database(const Call &call)
{
    if (geteuid() != 0)
        return;
    const std::string name(databases[call.numbers[0] % std::size(databases)]);
    try {
        moddb::Database admin("default", moddb::Transport::netlink);
        if (call.numbers[1] == 0)
            make_database(admin, name);
        else
            admin.clear(name);
    } catch (const moddb::Error &) {
        // Another process may do the same at the same time.
    }
}

int Hands::run(const Call &call, int file)
{
    static constexpr int modes[] = {O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK};
    switch (call.kind) {
    case Kind::open:
        return open("/dev/moddb", modes[call.numbers[0] % std::size(modes)] | O_CLOEXEC);
    case Kind::close:
        break;
    case Kind::ioctl:
        do_ioctl(call, file);
        break;
    case Kind::map:
        do_map(call, file);
        break;
    case Kind::memory:
        do_memory(call);
        break;
    case Kind::read:
        do_read(call, file);
        break;
    case Kind::fork: {
        const pid_t child = ::fork();
        if (child == 0) {
            touch(window, 4);
            _exit(0);
        }
        waitpid(child, nullptr, 0);
        break;
    }
    case Kind::database:
        do_database(call);
        break;
    }
    return -1;
}

} // namespace fuzz::device
