// SPDX-License-Identifier: MIT
//
// The command's connection to the kernel. Closes what it opens, and throws a Failure with the
// kernel's message and the matching exit status.

#ifndef MODDB_CLI_SESSION_HPP
#define MODDB_CLI_SESSION_HPP

#include "command.hpp"

#include <memory>
#include <moddb/moddb.h>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

// An object of the library, with the function that releases it.
template <auto release>
struct Release {
    template <typename Type>
    void operator()(Type *thing) const
    {
        release(thing);
    }
};
using List = std::unique_ptr<moddb_list, Release<moddb_list_close>>;
using Snapshot = std::unique_ptr<moddb_snapshot, Release<moddb_snapshot_close>>;
using Batch = std::unique_ptr<moddb_batch, Release<moddb_batch_free>>;
using Watch = std::unique_ptr<moddb_watch, Release<moddb_watch_close>>;
using Databases = std::unique_ptr<moddb_databases, Release<moddb_databases_close>>;

// auto, netlink or device. Throws UsageError.
enum moddb_transport parse_transport(const std::string &name);

class Session {
  public:
    // Opens the database of the options, or the one named. Throws Failure.
    explicit Session(const Globals &globals);
    Session(const Globals &globals, const std::string &database);
    Session(const std::string &transport, const std::string &database);

    moddb_handle *handle() const { return handle_.get(); }

    // Returns the result of a call with this handle, or throws its failure. The message starts with
    // the subject, if one is given.
    int check(int result, std::string_view subject = {}) const;

    // The message of the last failure; it starts with the subject, if one is given.
    std::string failure_text(std::string_view subject = {}) const;

    struct Value {
        std::string bytes;
        moddb_info info;
    };

    // Returns nothing if there is no such key.
    std::optional<Value> get(std::string_view key) const;

    // The same of a part of the value, and nothing more.
    std::optional<std::string> get_part(std::string_view key, std::size_t offset,
                                        std::size_t length) const;

    List list(const moddb_list_options &options) const;
    Snapshot snapshot(std::string_view prefix) const;
    Watch watch(const moddb_watch_options &options) const;
    Batch batch() const;
    Databases databases() const;
    moddb_database_info database_info() const;
    moddb_stat module_stat() const;

  private:
    std::unique_ptr<moddb_handle, Release<moddb_close>> handle_;
};

std::string_view key_of(const moddb_entry &entry);
std::string_view value_of(const moddb_entry &entry);
std::string_view key_of(const moddb_event &event);
std::string_view value_of(const moddb_event &event);
std::string_view value_of(const moddb_op_result &result);

// The result of the operation with that index.
moddb_op_result result_of(const Session &session, const moddb_batch *batch, std::size_t index);

} // namespace cli

#endif
