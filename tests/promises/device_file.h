// SPDX-License-Identifier: MIT
//
// Calls of /dev/moddb without the library.
#pragma once

#include <moddb/device.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

constexpr unsigned both = MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;

inline uint64_t address(const void *memory)
{
    return reinterpret_cast<uintptr_t>(memory);
}

inline moddb_device_op operation(moddb_op_code code, std::string_view key)
{
    moddb_device_op op{};
    op.code = code;
    op.key = address(key.data());
    op.key_len = static_cast<uint32_t>(key.size());
    if (code == MODDB_OP_CODE_INCR) {
        op.minimum = std::numeric_limits<int64_t>::min();
        op.maximum = std::numeric_limits<int64_t>::max();
    }
    op.status = 1;
    return op;
}

inline moddb_device_op set_of(std::string_view key, std::string_view value)
{
    moddb_device_op op = operation(MODDB_OP_CODE_SET, key);
    op.value = address(value.data());
    op.value_len = static_cast<uint32_t>(value.size());
    return op;
}

inline moddb_device_op get_of(std::string_view key, std::string &room)
{
    moddb_device_op op = operation(MODDB_OP_CODE_GET, key);
    op.out = address(room.data());
    op.out_size = static_cast<uint32_t>(room.size());
    return op;
}

// An open file. Each call returns 0 or a negative errno, and leaves the message in text.
struct File {
    explicit File(int flags = O_RDWR) : fd(open("/dev/moddb", flags | O_CLOEXEC)) {}
    struct Taken {
        int fd;
    };
    explicit File(Taken taken) : fd(taken.fd) {}
    ~File() { close(fd); }
    File(const File &) = delete;
    File &operator=(const File &) = delete;

    int bind(const char *name = "", unsigned rights = both, unsigned required = 0)
    {
        moddb_device_bind bind{};
        strncpy(bind.database, name, sizeof(bind.database));
        bind.rights = rights;
        bind.required = required;
        return bind_with(bind);
    }
    int bind_with(moddb_device_bind &bind)
    {
        bind.text = address(message);
        bind.text_size = sizeof(message);
        const int result = call(MODDB_IOC_BIND, &bind);
        granted = result ? 0 : bind.rights;
        return result;
    }
    int exec(void *ops, uint32_t count, uint32_t flags = 0,
             uint32_t op_size = sizeof(moddb_device_op))
    {
        moddb_device_exec exec{};
        exec.ops = address(ops);
        exec.count = count;
        exec.op_size = op_size;
        exec.flags = flags;
        exec.text = address(message);
        exec.text_size = sizeof(message);
        const int result = call(MODDB_IOC_EXEC, &exec);
        done = exec.done;
        return result;
    }
    // Runs one operation, and returns the status of the call or of the operation.
    int exec(moddb_device_op op)
    {
        const int result = exec(&op, 1);
        return result ? result : op.status;
    }
    std::string get(std::string_view key)
    {
        std::string room(4096, '\0');
        moddb_device_op op = get_of(key, room);
        const int result = exec(&op, 1);
        return result || op.status
                   ? "(errno " + std::to_string(-(result ? result : op.status)) + ")"
                   : room.substr(0, op.out_len);
    }
    int call(unsigned long command, void *argument)
    {
        message[0] = '\0';
        const int result = ioctl(fd, command, argument) ? -errno : 0;
        text = message;
        return result;
    }

    int fd;
    unsigned granted = 0;
    uint32_t done = 0;
    char message[200] = "";
    std::string text;
};

// Two pages of memory, the second inaccessible; before() points to the last bytes of the first.
struct Edge {
    Edge()
    {
        memory = static_cast<char *>(
            mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(memory + 4096, 4096, PROT_NONE);
    }
    ~Edge() { munmap(memory, 8192); }
    char *before(size_t bytes) const { return memory + 4096 - bytes; }
    char *memory;
};
