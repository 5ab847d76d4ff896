// SPDX-License-Identifier: MIT
//
// Opening /dev/moddb and reading its records.
#include "device_file.h"

#include "cancel.h"

#include <moddb/device.h>
#include <moddb/operations.h>

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace moddb_internal {

namespace {

constexpr char device_path[] = "/dev/moddb";

uint32_t rights_of_mode(int mode) noexcept
{
    switch (mode) {
    case O_RDONLY:
        return MODDB_RIGHT_READ;
    case O_WRONLY:
        return MODDB_RIGHT_WRITE;
    default:
        return MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    }
}

} // namespace

int open_device_file(std::string_view database, uint32_t wanted, Descriptor &fd, uint32_t &rights,
                     ErrorText &error)
{
    const NoCancel no_cancel;
    for (const int mode : {O_RDWR, O_RDONLY, O_WRONLY}) {
        if (wanted && wanted != rights_of_mode(mode))
            continue;
        fd = Descriptor(above_standard(::open(device_path, mode | O_CLOEXEC)));
        if (fd.get() >= 0 || errno != EACCES)
            break;
    }
    if (fd.get() < 0) {
        const int reason = -errno;
        if (reason == -ENOENT || reason == -ENXIO || reason == -ENODEV)
            return error.fail(-ENODEV,
                              "there is no %s: the kernel module is not loaded; run "
                              "'modprobe moddb' as root",
                              device_path);
        return error.fail(reason, "%s: %s", device_path, describe(-reason));
    }
    DeviceText text = "";
    moddb_device_bind bind{};
    database.copy(bind.database, sizeof(bind.database) - 1);
    bind.rights = rights_of_mode(::fcntl(fd.get(), F_GETFL) & O_ACCMODE);
    bind.required = wanted;
    bind.text = address(text);
    bind.text_size = sizeof(text);
    if (::ioctl(fd.get(), MODDB_IOC_BIND, &bind) < 0)
        return error.fail_with(-errno, text);
    rights = bind.rights;
    return 0;
}

bool take_record(std::string_view &records, EntryFields &fields) noexcept
{
    moddb_device_record record;
    if (records.size() < sizeof(record))
        return false;
    std::memcpy(&record, records.data(), sizeof(record));
    const size_t stored = record.flags & MODDB_RECORD_VALUE ? record.value_len : 0;
    if (record.size > records.size() || record.size < sizeof(record) ||
        record.key_len > MODDB_KEY_MAX || stored > MODDB_INLINE_MAX ||
        record.size - sizeof(record) < record.key_len + stored)
        return false;
    fields = {};
    fields.kind = record.kind;
    fields.version = record.version;
    fields.mtime_ns = record.mtime;
    fields.ttl_ms = record.ttl_left;
    fields.uid = record.uid;
    fields.pid = record.pid;
    fields.flags = record.entry_flags;
    fields.tag = record.tag;
    fields.key = records.substr(sizeof(record), record.key_len);
    fields.has_value = record.flags & MODDB_RECORD_VALUE;
    fields.value_length = record.value_len;
    fields.value = records.substr(sizeof(record) + record.key_len, stored);
    records.remove_prefix(record.size);
    return true;
}

} // namespace moddb_internal
