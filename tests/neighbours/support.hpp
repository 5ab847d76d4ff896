// SPDX-License-Identifier: MIT
//
// Helpers that the attacks share: users, module parameters, cgroups, and the device used without
// the library. A helper that fails ends the test.
#pragma once

#include "../support/process.hpp"

#include <moddb/device.h>
#include <moddb/window.h>

#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>

namespace neighbours {

constexpr uid_t attacker = 1000;

inline std::string read_text(const std::string &path)
{
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inline void write_text(const std::string &path, const std::string &text)
{
    std::ofstream file(path);
    file << text;
    file.close();
    test::require(bool(file), "writing " + path);
}

inline void become(uid_t uid)
{
    test::require(setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 &&
                      setresuid(uid, uid, uid) == 0,
                  "becoming another user");
}

// Changes a parameter of the module until the destructor runs.
class Parameter {
  public:
    Parameter(const std::string &name, std::uint64_t value)
        : path_("/sys/module/moddb/parameters/" + name), before_(read_text(path_))
    {
        write_text(path_, std::to_string(value));
    }
    ~Parameter() { write_text(path_, before_); }
    Parameter(const Parameter &) = delete;
    Parameter &operator=(const Parameter &) = delete;

  private:
    std::string path_, before_;
};

// A cgroup with a memory limit and no swap.
class Cgroup {
  public:
    Cgroup(const std::string &name, std::uint64_t most) : path_(root() + "/" + name)
    {
        test::require(mkdir(path_.c_str(), 0755) == 0, "a cgroup");
        write_text(path_ + "/memory.max", std::to_string(most));
        if (access((path_ + "/memory.swap.max").c_str(), F_OK) == 0)
            write_text(path_ + "/memory.swap.max", "0");
    }
    ~Cgroup() { rmdir(path_.c_str()); }
    Cgroup(const Cgroup &) = delete;
    Cgroup &operator=(const Cgroup &) = delete;

    void enter() const { write_text(path_ + "/cgroup.procs", "0"); }
    std::uint64_t used() const { return std::stoull(read_text(path_ + "/memory.current")); }
    // How many processes the kernel has killed because of its limit.
    std::uint64_t killed() const
    {
        const std::string events = read_text(path_ + "/memory.events");
        const std::size_t at = events.find("oom_kill ");
        test::require(at != std::string::npos, "memory.events");
        return std::stoull(events.substr(at + 9));
    }

  private:
    static std::string root()
    {
        const std::string path = "/tmp/neighbours-cgroup";
        if (mkdir(path.c_str(), 0755) == 0) {
            test::require(mount("none", path.c_str(), "cgroup2", 0, nullptr) == 0, "cgroup2");
            write_text(path + "/cgroup.subtree_control", "+memory");
        }
        return path;
    }

    std::string path_;
};

// An open device that is bound to a database.
inline int bound(const char *name, int how = O_RDWR)
{
    const int fd = open("/dev/moddb", how | O_CLOEXEC);
    moddb_device_bind bind{};
    std::strncpy(bind.database, name, sizeof bind.database - 1);
    bind.rights = how == O_RDONLY ? MODDB_RIGHT_READ : MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    test::require(fd >= 0 && ioctl(fd, MODDB_IOC_BIND, &bind) == 0, "a device that is bound");
    return fd;
}

// The first bytes of a window, or all of it.
inline void *map_window(int fd, std::size_t length = 0)
{
    moddb_device_window window{};
    window.layout = MODDB_WINDOW_LAYOUT;
    test::require(ioctl(fd, MODDB_IOC_WINDOW, &window) == 0, "asking for a window");
    void *memory = mmap(nullptr, length ? length : window.size, PROT_READ, MAP_SHARED, fd,
                        static_cast<off_t>(window.offset));
    test::require(memory != MAP_FAILED, "mapping a window");
    return memory;
}

// Sets a key without the library, and returns 0 or a negative errno.
inline int set_through(int fd, const std::string &key, const std::string &value, bool ephemeral)
{
    moddb_device_op op{};
    op.code = MODDB_OP_CODE_SET;
    op.key = reinterpret_cast<std::uintptr_t>(key.data());
    op.key_len = static_cast<std::uint32_t>(key.size());
    op.value = reinterpret_cast<std::uintptr_t>(value.data());
    op.value_len = static_cast<std::uint32_t>(value.size());
    op.flags = ephemeral ? MODDB_ENTRY_FLAGS_EPHEMERAL : 0;
    moddb_device_exec call{};
    call.ops = reinterpret_cast<std::uintptr_t>(&op);
    call.count = 1;
    call.op_size = sizeof(moddb_device_op);
    return ioctl(fd, MODDB_IOC_EXEC, &call) ? -errno : op.status;
}

} // namespace neighbours
