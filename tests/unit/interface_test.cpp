// SPDX-License-Identifier: MIT
//
// The C interface up to the kernel: struct sizes, arguments, messages.
#include "handle.h"
#include "structs.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace moddb_internal;

namespace {

// A caller's struct, with sizes that differ from the library's.
template <typename T>
struct Resized {
    T known{};
    unsigned char beyond[16];
};

} // namespace

TEST_CASE("a smaller struct of an older caller is read up to its size")
{
    moddb_write_options user = MODDB_INIT(user);
    user.condition = MODDB_IF_VERSION;
    user.if_version = 5;
    user.size = offsetof(moddb_write_options, if_version);
    moddb_write_options own;
    REQUIRE(read_struct(&user, own) == 0);
    CHECK(own.size == sizeof(own));
    CHECK(own.condition == MODDB_IF_VERSION);
    CHECK(own.if_version == 0);
}

TEST_CASE("a larger struct of a newer caller is read unless it uses new fields")
{
    Resized<moddb_write_options> user{};
    user.known.size = sizeof(user);
    user.known.ttl_ms = 9;
    moddb_write_options own;
    CHECK(read_struct(&user.known, own) == 0);
    CHECK(own.ttl_ms == 9);
    user.beyond[15] = 1;
    CHECK(read_struct(&user.known, own) == -E2BIG);
}

TEST_CASE("a null struct means defaults, and one without a size is refused")
{
    moddb_write_options own;
    CHECK(read_struct<moddb_write_options>(nullptr, own) == 0);
    CHECK(own.ttl_ms == 0);
    moddb_write_options user{};
    CHECK(read_struct(&user, own) == -EINVAL);
    moddb_info info{};
    CHECK(write_struct(&info, moddb_info{}) == -EINVAL);
}

TEST_CASE("a result is written only up to the size of the caller's struct")
{
    Resized<moddb_info> user{};
    std::memset(static_cast<void *>(&user), 0x55, sizeof(user));
    moddb_info own{};
    own.version = 7;
    own.mtime_ns = 8;
    own.ttl_ms = 9;
    user.known.size = offsetof(moddb_info, ttl_ms);
    CHECK(write_struct(&user.known, own) == 0);
    CHECK(user.known.size == offsetof(moddb_info, ttl_ms));
    CHECK(user.known.mtime_ns == 8);
    CHECK(user.known.ttl_ms == 0x5555555555555555);
    user.known.size = sizeof(user) - 1;
    CHECK(write_struct(&user.known, own) == 0);
    CHECK(user.known.ttl_ms == 9);
    CHECK(user.beyond[0] == 0);
    CHECK(user.beyond[14] == 0);
    CHECK(user.beyond[15] == 0x55);
}

TEST_CASE("arguments become an operation, or are refused with a message")
{
    ErrorText error;
    Operation operation;
    CHECK(make_set(MODDB_OP_CODE_SET, "k", 1, "v", 1, nullptr, operation, error) == 0);
    CHECK(operation.code == MODDB_OP_CODE_SET);
    CHECK(operation.key == "k");
    CHECK(operation.value == "v");
    CHECK(operation.condition == MODDB_IF_ALWAYS);

    moddb_write_options options = MODDB_INIT(options);
    options.condition = MODDB_IF_VERSION;
    operation = {};
    CHECK(make_operation(MODDB_OP_CODE_DEL, "k", 1, &options, operation, error) == 0);
    CHECK(operation.condition == MODDB_IF_ABSENT);
    options.if_version = 3;
    CHECK(make_operation(MODDB_OP_CODE_CHECK, "k", 1, &options, operation, error) == 0);
    CHECK(operation.condition == MODDB_IF_VERSION);
    CHECK(operation.if_version == 3);

    const auto text = [&error] { return std::string(error.c_str()); };
    CHECK(make_set(MODDB_OP_CODE_SET, "", 0, "v", 1, nullptr, operation, error) == -EINVAL);
    CHECK(text() == "an empty key");
    CHECK(make_set(MODDB_OP_CODE_SET, nullptr, 4, "v", 1, nullptr, operation, error) == -EINVAL);
    CHECK(make_set(MODDB_OP_CODE_SET, "k", 1025, "v", 1, nullptr, operation, error) == -EMSGSIZE);
    CHECK(make_set(MODDB_OP_CODE_SET, "k", 1, "v", 1048577, nullptr, operation, error) ==
          -EMSGSIZE);
    CHECK(text() == "a value of 1048577 bytes; at most 1048576 are allowed");
    CHECK(make_set(MODDB_OP_CODE_SET, "k", 1, nullptr, 1, nullptr, operation, error) == -EINVAL);
    options = MODDB_INIT(options);
    options.condition = MODDB_IF_VALUE;
    options.if_value_length = 1;
    CHECK(make_operation(MODDB_OP_CODE_DEL, "k", 1, &options, operation, error) == -EINVAL);
    options.if_value_length = MODDB_INLINE_MAX + 1;
    CHECK(make_operation(MODDB_OP_CODE_DEL, "k", 1, &options, operation, error) == -EMSGSIZE);
    options = MODDB_INIT(options);
    options.flags = 2;
    CHECK(make_set(MODDB_OP_CODE_SET, "k", 1, "v", 1, &options, operation, error) == -EINVAL);
    CHECK(text() == "unknown flags 0x2");
    // Options that have no meaning for the operation.
    for (const uint32_t code : {MODDB_OP_CODE_DEL, MODDB_OP_CODE_CHECK}) {
        options = MODDB_INIT(options);
        options.ttl_ms = 1;
        CHECK(make_operation(code, "k", 1, &options, operation, error) == -EINVAL);
        CHECK(text() == "this operation has no time to live");
    }
    for (const uint32_t code : {MODDB_OP_CODE_DEL, MODDB_OP_CODE_CHECK, MODDB_OP_CODE_TOUCH}) {
        options = MODDB_INIT(options);
        options.flags = MODDB_EPHEMERAL;
        CHECK(make_operation(code, "k", 1, &options, operation, error) == -EINVAL);
        CHECK(text() == "unknown flags 0x1");
    }
    options = MODDB_INIT(options);
    options.if_version = 1;
    CHECK(make_operation(MODDB_OP_CODE_SET, "k", 1, &options, operation, error) == -EINVAL);
    CHECK(text() == "if_version without MODDB_IF_VERSION");
    options = MODDB_INIT(options);
    options.if_value_length = 1;
    CHECK(make_operation(MODDB_OP_CODE_SET, "k", 1, &options, operation, error) == -EINVAL);
    CHECK(text() == "if_value without MODDB_IF_VALUE");
    options = MODDB_INIT(options);
    options.ttl_ms = 7;
    operation = {};
    CHECK(make_operation(MODDB_OP_CODE_TOUCH, "k", 1, &options, operation, error) == 0);
    CHECK(operation.ttl_ms == 7);

    moddb_incr_options counter = MODDB_INIT(counter);
    counter.bounds = MODDB_BOUND_MAXIMUM;
    counter.maximum = 4;
    operation = {};
    CHECK(make_incr("n", 1, -2, &counter, operation, error) == 0);
    CHECK(operation.delta == -2);
    CHECK(operation.has_maximum);
    CHECK(!operation.has_minimum);
    counter.bounds = 8;
    CHECK(make_incr("n", 1, -2, &counter, operation, error) == -EINVAL);
    counter = MODDB_INIT(counter);
    counter.condition = MODDB_IF_VERSION;
    counter.if_version = 3;
    counter.ttl_ms = 5;
    counter.flags = MODDB_TTL_IF_NEW;
    operation = {};
    CHECK(make_incr("n", 1, 1, &counter, operation, error) == 0);
    CHECK(operation.condition == MODDB_IF_VERSION);
    CHECK(operation.if_version == 3);
    CHECK(operation.flags == MODDB_TTL_IF_NEW);
    // Options of a caller that was built when the time to live was their last field.
    counter.size = offsetof(moddb_incr_options, condition);
    operation = {};
    CHECK(make_incr("n", 1, 1, &counter, operation, error) == 0);
    CHECK(operation.condition == MODDB_IF_ALWAYS);
    CHECK(operation.ttl_ms == 5);
}

TEST_CASE("names and prefixes")
{
    ErrorText error;
    CHECK(check_name("x", error) == 0);
    CHECK(check_name(std::string(63, 'x'), error) == 0);
    CHECK(check_name(std::string(64, 'x'), error) == -EINVAL);
    CHECK(check_name("", error) == -EINVAL);
    CHECK(check_prefix(nullptr, 0, error) == 0);
    CHECK(check_prefix("x", 1024, error) == 0);
    CHECK(check_prefix("x", 1025, error) == -EMSGSIZE);
}

TEST_CASE("a null handle is refused")
{
    size_t length = 0;
    void *value = &length;
    CHECK(moddb_get(nullptr, "k", 1, nullptr, &length, nullptr) == -EINVAL);
    CHECK(moddb_get_alloc(nullptr, "k", 1, &value, &length, nullptr) == -EINVAL);
    CHECK(value == nullptr);
    CHECK(moddb_set(nullptr, "k", 1, "v", 1, nullptr, nullptr) == -EINVAL);
    CHECK(moddb_list_open(nullptr, nullptr, nullptr) == -EINVAL);
    CHECK(moddb_list_next(nullptr, nullptr) == -EINVAL);
    CHECK(moddb_batch_run(nullptr) == -EINVAL);
    CHECK(moddb_batch_get(nullptr, "k", 1, 0) == -EINVAL);
    CHECK(moddb_watch_read(nullptr, nullptr, 0) == -EINVAL);
    CHECK(moddb_watch_fd(nullptr) == -EINVAL);
    CHECK(moddb_cached_get(nullptr, nullptr, nullptr, nullptr) == -EINVAL);
    CHECK(moddb_fd(nullptr) == -EINVAL);
    CHECK(moddb_open(nullptr, nullptr, nullptr) == -EINVAL);
    CHECK(std::string(moddb_error_text(nullptr)) == "the handle pointer is NULL");
    moddb_close(nullptr);
    moddb_list_close(nullptr);
    moddb_snapshot_close(nullptr);
    moddb_batch_free(nullptr);
    moddb_batch_clear(nullptr);
    moddb_watch_close(nullptr);
    moddb_cached_close(nullptr);
    moddb_databases_close(nullptr);
    moddb_free(nullptr);
}

TEST_CASE("opening refuses invalid arguments before it reaches the kernel")
{
    moddb_handle *handle;
    const std::string name(64, 'x');
    CHECK(moddb_open(name.c_str(), nullptr, &handle) == -EINVAL);
    CHECK(handle == nullptr);
    CHECK(std::string(moddb_error_text(nullptr)) == "a database's name has at most 63 bytes");
    CHECK(moddb_open("", nullptr, &handle) == -EINVAL);
    moddb_options options{};
    CHECK(moddb_open(nullptr, &options, &handle) == -EINVAL);
    options = MODDB_INIT(options);
    options.transport = 77;
    CHECK(moddb_open(nullptr, &options, &handle) == -EINVAL);
}

TEST_CASE("without the module, opening says how to load it")
{
    moddb_handle *handle;
    const int result = moddb_open(nullptr, nullptr, &handle);
    if (result == 0) {
        MESSAGE("not tested: this machine has the module");
        moddb_close(handle);
        return;
    }
    CHECK(result == -ENODEV);
    CHECK(std::string(moddb_error_text(nullptr)).find("modprobe moddb") != std::string::npos);
}
