// SPDX-License-Identifier: MIT
//
// Replaces files. The temporary name beside the file belongs to this program: an existing file of
// that name is removed, unless another save is still writing it.

#include "archive/file.hpp"

#include "archive/failure.hpp"
#include "descriptor.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cli::archive {

namespace {

// A symbolic link is kept, and the file that it points to is replaced.
std::string resolved(const std::string &path)
{
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                           &std::free);
    return real ? real.get() : path;
}

// Including the final slash.
std::string directory_of(const std::string &path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

std::string link_to(int descriptor)
{
    return fmt::format("/proc/self/fd/{}", descriptor);
}

} // namespace

ReplacementFile::ReplacementFile(const std::string &path)
    : path_(resolved(path)), directory_(directory_of(path_))
{
    beside_ = fmt::format("{}.{}.moddb", directory_, path_.substr(path_.rfind('/') + 1));
    struct stat status {};
    if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        throw FileFailure(ExitStatus::other, EINVAL,
                          fmt::format("{} is not a regular file", path_));

    descriptor_ =
        above_standard(::open(directory_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    // Without /proc the file could not be linked to its name.
    if (descriptor_ >= 0 && ::access(link_to(descriptor_).c_str(), F_OK) != 0)
        ::close(std::exchange(descriptor_, -1));
    else if (descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        fail("create", path_);
    if (descriptor_ < 0)
        open_named();
}

// The lock distinguishes a file that is being written from one that was left behind.
void ReplacementFile::open_named()
{
    constexpr int attempts = 10;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        descriptor_ = above_standard(
            ::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (descriptor_ >= 0) {
            has_name_ = true;
            // On a file system without locks the later save wins.
            (void)::flock(descriptor_, LOCK_EX | LOCK_NB);
            return;
        }
        if (errno != EEXIST)
            fail("create", beside_);
        const int old = ::open(beside_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        const bool busy = old >= 0 && ::flock(old, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (old >= 0)
            ::close(old);
        if (busy)
            throw FileFailure(ExitStatus::other, EBUSY,
                              fmt::format("another process saves to {}", path_));
        if (::unlink(beside_.c_str()) != 0 && errno != ENOENT)
            fail("remove", beside_);
    }
    errno = EEXIST;
    fail("create", beside_);
}

ReplacementFile::~ReplacementFile()
{
    if (descriptor_ < 0)
        return;
    if (has_name_)
        ::unlink(beside_.c_str());
    ::close(descriptor_);
}

void ReplacementFile::fail(const char *doing, const std::string &path) const
{
    const int error = errno;
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    throw FileFailure(denied ? ExitStatus::permission : ExitStatus::other, error,
                      fmt::format("cannot {} {}: {}", doing, path, std::strerror(error)));
}

void ReplacementFile::write(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            fail("write", path_);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void ReplacementFile::keep_mode_and_owner()
{
    struct stat old {};
    struct stat own {};
    if (::stat(path_.c_str(), &old) != 0 || ::fstat(descriptor_, &own) != 0)
        return;
    mode_t mode = old.st_mode & 0777;
    // Only an administrator can give a file away; otherwise the caller now owns it.
    if (old.st_uid != own.st_uid && ::fchown(descriptor_, old.st_uid, static_cast<gid_t>(-1)) != 0)
        mode |= S_IRUSR | S_IWUSR;
    // The old group's permissions must not apply to a different group.
    if (old.st_gid != own.st_gid && ::fchown(descriptor_, static_cast<uid_t>(-1), old.st_gid) != 0)
        mode &= ~static_cast<mode_t>(S_IRWXG);
    if (::fchmod(descriptor_, mode) != 0)
        fail("set the mode of", path_);
}

void ReplacementFile::put_in_place()
{
    constexpr int attempts = 10;
    for (int attempt = 0; !has_name_ && attempt < attempts; ++attempt) {
        // If no file exists yet, no temporary name is needed.
        struct stat status {};
        const bool is_new = ::lstat(path_.c_str(), &status) != 0;
        const std::string &name = is_new ? path_ : beside_;
        if (::linkat(AT_FDCWD, link_to(descriptor_).c_str(), AT_FDCWD, name.c_str(),
                     AT_SYMLINK_FOLLOW) == 0) {
            if (is_new)
                return;
            has_name_ = true;
        } else if (errno != EEXIST) {
            fail("create", name);
        } else if (!is_new && ::unlink(beside_.c_str()) != 0 && errno != ENOENT) {
            fail("remove", beside_);
        }
    }
    if (::rename(beside_.c_str(), path_.c_str()) != 0)
        fail("rename", beside_);
    has_name_ = false;
}

void ReplacementFile::commit()
{
    keep_mode_and_owner();
    if (::fsync(descriptor_) != 0)
        fail("flush", path_);
    put_in_place();
    const int descriptor = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int error = errno;
    if (descriptor >= 0)
        ::close(descriptor);
    errno = error;
    if (!flushed)
        fail("flush", directory_);
}

} // namespace cli::archive
