// SPDX-License-Identifier: MIT
//
// Properties of /dev/moddb alone: a file that is bound, passed on, and given bad memory. These
// tests make each call without the library. The other suites run over both transports.
#include "device_file.h"
#include "process.h"
#include "store.h"

#include <moddb/window.h>

#include <cstddef>
#include <fstream>
#include <limits>
#include <memory>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

TEST_SUITE_BEGIN("device");

static_assert(sizeof(moddb_device_bind) == 104 && offsetof(moddb_device_bind, text) == 72);
static_assert(sizeof(moddb_device_op) == 192 && offsetof(moddb_device_op, status) == 48);
static_assert(offsetof(moddb_device_op, ttl) == MODDB_DEVICE_OP_PLAIN);
static_assert(sizeof(moddb_device_exec) == 40 && offsetof(moddb_device_exec, text) == 24);
static_assert(sizeof(moddb_device_record) == 64 && offsetof(moddb_device_record, key_len) == 48);
static_assert(sizeof(moddb_device_watch) == 48 && offsetof(moddb_device_watch, text) == 32);
static_assert(sizeof(moddb_device_list) == 88 && offsetof(moddb_device_list, text) == 72);
static_assert(sizeof(moddb_device_window) == 48 && offsetof(moddb_device_window, layout) == 40);

TEST_CASE("all users may open the device, and the database's mode decides what they may do")
{
    struct stat status;
    REQUIRE(stat("/dev/moddb", &status) == 0);
    CHECK((status.st_mode & 0777) == 0666);
    const Opened db;
    CHECK(moddb_transport(db) ==
          (getenv("MODDB_TRANSPORT") ? MODDB_TRANSPORT_NETLINK : MODDB_TRANSPORT_DEVICE));
    const Database secret("secret");
    CHECK(as_user(1000, [] {
              File mine, other;
              const int first = mine.bind();
              const int status = mine.exec(set_of("k", "v"));
              return std::to_string(first) + " " + std::to_string(status) + " " + mine.get("k") +
                     " " + std::to_string(other.bind("secret")) + " " + other.text;
          }) == "0 0 v -13 no right to read this database");
}

TEST_CASE("a failed bind has a message, and leaves the file unchanged")
{
    const Database here("here");
    File file;
    moddb_device_op op = set_of("k", "v");
    CHECK(file.exec(&op, 1) == -ENOTCONN);
    CHECK(file.text == "the file is not bound to a database");
    CHECK(file.bind("nowhere") == -ENXIO);
    CHECK(file.text == "there is no database of that name");
    CHECK(file.bind("here", 0) == -EINVAL);
    CHECK(file.bind("here", 8) == -EINVAL);
    CHECK(file.text == "rights are read, write or both");
    CHECK(file.bind("here", MODDB_RIGHT_READ, MODDB_RIGHT_WRITE) == -EINVAL);
    CHECK(file.text == "a required right is not among the wanted ones");
    moddb_device_bind endless{};
    std::memset(endless.database, 'x', sizeof(endless.database));
    endless.rights = both;
    CHECK(file.bind_with(endless) == -EINVAL);
    CHECK(file.text == "the database's name is not terminated");
    CHECK(file.call(MODDB_IOC_BIND, nullptr) == -EFAULT);
    CHECK(file.call(MODDB_IOC_EXEC, nullptr) == -EFAULT);
    CHECK(file.call(_IO(MODDB_IOC_TYPE, 0x77), nullptr) == -ENOTTY);
    CHECK(file.bind("here") == 0);
    CHECK(file.granted == both);
    CHECK(file.bind("here") == -EISCONN);
    CHECK(file.text == "the file is bound already");
    CHECK(file.exec(op) == 0);

    File reads(O_RDONLY), writes(O_WRONLY), must_write(O_RDONLY);
    CHECK(must_write.bind("here", both, MODDB_RIGHT_WRITE) == -EACCES);
    CHECK(must_write.text == "no right to write this database");
    REQUIRE(reads.bind("here") == 0);
    CHECK(reads.granted == MODDB_RIGHT_READ);
    CHECK(reads.get("k") == "v");
    CHECK(reads.exec(op) == -EACCES);
    REQUIRE(writes.bind("here") == 0);
    CHECK(writes.granted == MODDB_RIGHT_WRITE);
    CHECK(writes.exec(set_of("k", "w")) == 0);
    CHECK(writes.get("k") == "(errno 13)");
    CHECK(writes.text == "no right to read this database");
    // The value that a failed condition returns counts as reading, too.
    op.condition = MODDB_CONDITION_ABSENT;
    op.want = MODDB_DEVICE_WANT_VALUE;
    CHECK(writes.exec(op) == -EACCES);
    CHECK(reads.get("k") == "w");
}

TEST_CASE("a read-only file in a sandbox can read, and do nothing else")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "k", "v") == 0);
    Child sandbox([](const Line &line) {
        become(1000, 1000);
        int descriptor = -1;
        line.hear(60'000, &descriptor);
        File mine(File::Taken{descriptor}), own;
        line.say(mine.get("k"));
        line.say(std::to_string(own.bind("secret")));
        for (const moddb_op_code code :
             {MODDB_OP_CODE_SET, MODDB_OP_CODE_DEL, MODDB_OP_CODE_INCR}) {
            moddb_device_op op = operation(code, "k");
            const int one = mine.exec(&op, 1);
            line.say(std::to_string(one) + " " +
                     std::to_string(mine.exec(&op, 1, MODDB_DEVICE_TRANSACTION)) + " " + mine.text);
        }
        line.say(std::to_string(mine.bind("secret")) + " " + std::to_string(mine.bind("default")));
        // A bound file keeps its rights, as an open file does.
        line.hear();
        line.say(mine.get("k"));
    });
    {
        File file(O_RDONLY);
        REQUIRE(file.bind("secret") == 0);
        sandbox.say("take it", file.fd);
    }
    CHECK(sandbox.hear() == "v");
    CHECK(sandbox.hear() == "-13");
    for (int i = 0; i < 3; ++i)
        CHECK(sandbox.hear() == "-13 -13 no right to write this database");
    CHECK(sandbox.hear() == "-106 -106");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0) == 0);
    sandbox.say("again");
    CHECK(sandbox.hear() == "v");
    CHECK(database(db).keys == 1);
}

TEST_CASE("confused deputy: both the opener of the file and the process that binds it must have "
          "the right")
{
    const Database secret("secret");
    Child other([](const Line &line) {
        become(1000, 1000);
        const File mine;
        line.say("here", mine.fd);
        line.hear();
    });
    int descriptor = -1;
    REQUIRE(other.line.hear(60'000, &descriptor) == "here");
    File file(File::Taken{descriptor});
    CHECK(file.bind("secret") == -EACCES);
    CHECK(file.bind() == 0);
}

TEST_CASE("a file belongs to the network namespace in which it was opened")
{
    const Opened db;
    REQUIRE(set(db, "k", "the host's") == 0);
    Child other(
        [](const Line &line) {
            const File mine;
            const Session session;
            set(session, "k", "the container's");
            line.say("here", mine.fd);
            line.hear();
        },
        CLONE_NEWNET);
    int descriptor = -1;
    REQUIRE(other.line.hear(60'000, &descriptor) == "here");
    File file(File::Taken{descriptor});
    REQUIRE(file.bind() == 0);
    CHECK(file.get("k") == "the container's");
}

TEST_CASE("hostile operations change nothing and get a message")
{
    const Opened db;
    const Edge edge;
    File file;
    REQUIRE(file.bind() == 0);
    const auto refused = [&](const moddb_device_op &op, int error, const char *text) {
        for (const uint32_t flags : {0u, unsigned{MODDB_DEVICE_TRANSACTION}}) {
            CAPTURE(text);
            moddb_device_op mine = op;
            CHECK(file.exec(&mine, 1, flags) == error);
            CHECK(file.text == text);
            CHECK(file.done == 0);
        }
        CHECK(database(db).keys == 0);
    };
    const moddb_device_op good = set_of("k", "v");
    moddb_device_op op = good;
    op.code = 77;
    refused(op, -EINVAL, "unknown code of an operation");
    op = good, op.condition = MODDB_CONDITION_TAG + 1;
    refused(op, -EINVAL, "unknown condition");
    op = good, op.flags = 6;
    refused(op, -EINVAL, "unknown flags of an entry");
    op = good, op.want = 8;
    refused(op, -EINVAL, "unknown bits in want");
    // Fields that have no meaning for an operation.
    const moddb_device_op del = operation(MODDB_OP_CODE_DEL, "k");
    for (const moddb_op_code code :
         {MODDB_OP_CODE_GET, MODDB_OP_CODE_DEL, MODDB_OP_CODE_INCR, MODDB_OP_CODE_CHECK}) {
        op = operation(code, "k"), op.value = address("v");
        refused(op, -EINVAL, "the operation takes no value");
        op = operation(code, "k"), op.value_len = 1;
        refused(op, -EINVAL, "the operation takes no value");
    }
    op = good, op.want = MODDB_DEVICE_WANT_META;
    refused(op, -EINVAL, "the operation takes no want-meta");
    op = good, op.out = address("v");
    refused(op, -EINVAL, "the operation answers no value");
    op = del, op.out_size = 1;
    refused(op, -EINVAL, "the operation answers no value");
    op = del, op.flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
    refused(op, -EINVAL, "the operation takes no flags");
    op = del, op.ttl = 1;
    refused(op, -EINVAL, "the operation takes no ttl");
    for (__s64 moddb_device_op::*number : {&moddb_device_op::delta, &moddb_device_op::initial,
                                           &moddb_device_op::minimum, &moddb_device_op::maximum}) {
        op = good, op.*number = 1;
        refused(op, -EINVAL, "the operation takes no numbers");
    }
    op = operation(MODDB_OP_CODE_TOUCH, "k"), op.flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
    refused(op, -EINVAL, "the operation takes no flags");
    op = operation(MODDB_OP_CODE_TOUCH, "k"), op.value_len = 1;
    refused(op, -EINVAL, "the operation takes no value");
    op = good, op.flags = MODDB_ENTRY_FLAGS_TTL_IF_NEW, op.ttl = 1;
    refused(op, -EINVAL, "only an incr takes the flag ttl-if-new");
    op = operation(MODDB_OP_CODE_INCR, "k"), op.flags = MODDB_ENTRY_FLAGS_TTL_IF_NEW;
    refused(op, -EINVAL, "the flag ttl-if-new needs a ttl");
    op = good, op.if_version = 1;
    refused(op, -EINVAL, "if-version needs the condition version");
    op = good, op.if_value_len = 1;
    refused(op, -EINVAL, "if-value needs the condition value");
    op = good, op.if_value = address("v"), op.condition = MODDB_CONDITION_VERSION;
    refused(op, -EINVAL, "if-value needs the condition value");
    op = good, op.offset = 1;
    refused(op, -EINVAL, "offset needs want-part");
    op = good, op.if_tag = 1;
    refused(op, -EINVAL, "if-tag needs the condition tag");
    op = good, op.code = MODDB_OP_CODE_DEL, op.value = op.value_len = op.ttl = 0, op.tag = 1;
    refused(op, -EINVAL, "the operation takes no tag");
    op = good, op.want = MODDB_DEVICE_WANT_PART;
    refused(op, -EINVAL, "the operation reads no part");
    op = good, op.key_len = 0;
    refused(op, -EINVAL, "the key is empty");
    op = good, op.key_len = MODDB_KEY_MAX + 1;
    refused(op, -EMSGSIZE, "the key is longer than 1024 bytes");
    op = good, op.value_len = UINT32_MAX;
    refused(op, -EMSGSIZE, "the value is longer than max_value allows");
    op = good, op.ttl = UINT64_MAX;
    refused(op, -EINVAL, "ttl is more than 100 years");
    op = operation(MODDB_OP_CODE_INCR, "k"), op.minimum = 1, op.maximum = 0;
    refused(op, -EINVAL, "minimum is greater than maximum");
    op = good, op.condition = MODDB_CONDITION_VALUE, op.if_value_len = MODDB_INLINE_MAX + 1;
    refused(op, -EMSGSIZE, "if-value is longer than 30720 bytes");
    for (const uint64_t bad : {uint64_t{0}, uint64_t{1} << 63, UINT64_MAX, uint64_t{1} << 47}) {
        op = good, op.key = bad;
        refused(op, -EFAULT, "the key is not in the caller's memory");
        op = good, op.value = bad;
        refused(op, -EFAULT, "the value is not in the caller's memory");
        op = good, op.condition = MODDB_CONDITION_VALUE, op.if_value = bad, op.if_value_len = 5;
        refused(op, -EFAULT, "if-value is not in the caller's memory");
    }
    for (const uint32_t length : {3u, 100u, 1000u}) {
        op = good, op.key = address(edge.before(length - 1)), op.key_len = length;
        refused(op, -EFAULT, "the key is not in the caller's memory");
        op = good, op.value = address(edge.before(length - 1)), op.value_len = length;
        refused(op, -EFAULT, "the value is not in the caller's memory");
    }
    // An operation that cannot be read or written, completely or in part.
    const auto unanswered = [&](void *at) {
        CHECK(file.exec(static_cast<moddb_device_op *>(at), 1) == -EFAULT);
        CHECK(file.text == "the operation is not in the caller's memory");
        CHECK(database(db).keys == 0);
    };
    unanswered(nullptr);
    for (size_t i = sizeof(op) - 8; i >= 8; i -= 8) {
        std::memcpy(edge.before(i), &good, i);
        unanswered(edge.before(i));
    }
    void *const fixed =
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(fixed, &good, sizeof good);
    mprotect(fixed, 4096, PROT_READ);
    unanswered(fixed);
    munmap(fixed, 4096);
    // Too many, none, unknown flags.
    op = good;
    CHECK(file.exec(&op, 0) == -EINVAL);
    CHECK(file.text == "there are no operations");
    CHECK(file.exec(&op, 1, 2) == -EINVAL);
    CHECK(file.text == "unknown flags of a call");
    std::vector<moddb_device_op> many(MODDB_TXN_MAX + 1, good);
    CHECK(file.exec(many.data(), MODDB_TXN_MAX + 1, MODDB_DEVICE_TRANSACTION) == -E2BIG);
    CHECK(file.text == "a transaction has at most 1024 operations");
    CHECK(file.exec(many.data(), 2, MODDB_DEVICE_TRANSACTION) == -EINVAL);
    CHECK(file.text == "a transaction writes each key at most once");
    CHECK(database(db).keys == 0);
    // A count that exceeds the memory: only the operations before its end are done.
    std::memcpy(edge.before(sizeof op), &good, sizeof op);
    CHECK(file.exec(reinterpret_cast<moddb_device_op *>(edge.before(sizeof op)), UINT32_MAX) ==
          -EFAULT);
    CHECK(file.done == 1);
    CHECK(get(db, "k") == "v");

    // A value that a swap or a take could not return still exists.
    REQUIRE(set(db, "k", "value") == 0);
    const uint64_t revision = database(db).revision;
    for (const moddb_op_code code : {MODDB_OP_CODE_SWAP, MODDB_OP_CODE_TAKE})
        for (const uint64_t bad :
             {uint64_t{0}, UINT64_MAX, uint64_t{1} << 47, address(edge.before(4))})
            for (const uint32_t flags : {0u, unsigned{MODDB_DEVICE_TRANSACTION}}) {
                op = operation(code, "k"), op.out = bad, op.out_size = 5;
                CHECK(file.exec(&op, 1, flags) == -EFAULT);
                CHECK(file.text == "the reply cannot be written to the caller's memory");
                op.out = address(edge.before(4)), op.out_size = 4, op.status = 1;
                CHECK(file.exec(&op, 1, flags) == 0);
                CHECK(op.status == -EMSGSIZE);
                CHECK(op.out_len == 5);
                CHECK(file.done == 0);
            }
    CHECK(get(db, "k") == "value");
    CHECK(database(db).revision == revision);
    // The plain form has no room for the previous version.
    op = operation(MODDB_OP_CODE_TAKE, "k"), op.out = address(edge.before(5)), op.out_size = 5;
    op.previous_version = 77;
    CHECK(file.exec(&op, 1, 0, MODDB_DEVICE_OP_PLAIN) == 0);
    CHECK(op.status == 0);
    CHECK(op.out_len == 5);
    CHECK(std::string(edge.before(5), 5) == "value");
    CHECK(op.previous_version == 77);

    // No memory for the value; none, or little, for the message.
    const std::string value = long_value(10000, 1);
    REQUIRE(set(db, "k", value) == 0);
    for (const uint32_t flags : {0u, unsigned{MODDB_DEVICE_TRANSACTION}}) {
        op = operation(MODDB_OP_CODE_GET, "k");
        op.out = address(edge.before(5000 - 4096));
        op.out_size = 10000;
        CHECK(file.exec(&op, 1, flags) == -EFAULT);
        CHECK(file.text == "the reply cannot be written to the caller's memory");
    }
    moddb_device_exec exec{};
    exec.op_size = sizeof op;
    char word[4] = "...";
    exec.text = address(word);
    exec.text_size = sizeof word;
    CHECK(file.call(MODDB_IOC_EXEC, &exec) == -EINVAL);
    CHECK(std::string(word) == "the");
    exec.text = 1;
    CHECK(file.call(MODDB_IOC_EXEC, &exec) == -EINVAL);
    CHECK(get(db, "k") == value);
}

TEST_CASE("older and newer headers: the size of operations and of calls is the caller's")
{
    const Opened db;
    File file;
    REQUIRE(file.bind() == 0);
    // Plain operations end before the time to live, and the next one follows there.
    struct Plain {
        unsigned char bytes[MODDB_DEVICE_OP_PLAIN];
    };
    std::string room(8, '\0');
    const auto plain_of = [](const moddb_device_op &op) {
        Plain plain;
        std::memcpy(plain.bytes, &op, sizeof plain);
        return plain;
    };
    Plain plain[] = {plain_of(set_of("a", "1")), plain_of(get_of("a", room)),
                     plain_of(operation(MODDB_OP_CODE_DEL, "a"))};
    for (const uint32_t flags : {0u, unsigned{MODDB_DEVICE_TRANSACTION}}) {
        REQUIRE(set(db, "a", "0") == 0);
        CHECK(file.exec(plain, flags ? 2 : 3, flags, sizeof(Plain)) == 0);
        CHECK(file.done == (flags ? 2 : 3));
        CHECK(room[0] == (flags ? '0' : '1'));
        CHECK(get(db, "a") == (flags ? "1" : "(errno 2)"));
    }
    moddb_device_op want = get_of("a", room);
    for (const uint32_t bit : {MODDB_DEVICE_WANT_META, MODDB_DEVICE_WANT_PART}) {
        want.want = bit;
        CHECK(file.exec(&want, 1, 0, MODDB_DEVICE_OP_PLAIN) == -EINVAL);
        CHECK(file.text == "a plain operation has no room for want-meta or want-part");
    }
    CHECK(file.exec(&want, 1, MODDB_DEVICE_TRANSACTION) == -EINVAL);
    CHECK(file.text == "a transaction reads no parts");
    // An absent field is 0: an increment of nothing, a condition with version 0.
    moddb_device_op absent = set_of("b", "1");
    absent.condition = MODDB_CONDITION_VERSION, absent.if_version = 77;
    CHECK(file.exec(&absent, 1, 0, MODDB_DEVICE_OP_PLAIN) == 0);
    CHECK(absent.status == 0);
    CHECK(get(db, "b") == "1");
    // Larger ones, of a later header, must have zeros in the rest.
    struct Longer {
        moddb_device_op op;
        uint64_t more;
    } longer[] = {{set_of("c", "3"), 0}, {set_of("d", "4"), 0}};
    CHECK(file.exec(longer, 2, 0, sizeof(Longer)) == 0);
    CHECK(get(db, "d") == "4");
    longer[1].more = uint64_t{1} << 63;
    CHECK(file.exec(longer, 2, MODDB_DEVICE_TRANSACTION, sizeof(Longer)) == -E2BIG);
    CHECK(file.text == "the operation has fields that the module does not know");
    CHECK(file.done == 1);
    for (const uint32_t size : {0u, 8u, MODDB_DEVICE_OP_PLAIN - 8u, MODDB_DEVICE_OP_PLAIN + 8u,
                                uint32_t{sizeof(moddb_device_op)} - 8,
                                uint32_t{sizeof(moddb_device_op)} + 4, 1u << 20, UINT32_MAX}) {
        CHECK(file.exec(longer, 1, 0, size) == -EINVAL);
        CHECK(file.text == "op-size is that of no operation");
    }
    // The same for the structs of calls.
    struct {
        moddb_device_exec exec;
        uint64_t more;
    } call{};
    moddb_device_op op = set_of("e", "5");
    call.exec.ops = address(&op);
    call.exec.count = 1;
    call.exec.op_size = sizeof op;
    const auto with_size = [](unsigned long command, size_t size) {
        return (command & ~IOCSIZE_MASK) | size << IOCSIZE_SHIFT;
    };
    CHECK(file.call(with_size(MODDB_IOC_EXEC, sizeof call), &call) == 0);
    CHECK(get(db, "e") == "5");
    call.more = 1;
    CHECK(file.call(with_size(MODDB_IOC_EXEC, sizeof call), &call) == -E2BIG);
    CHECK(file.call(with_size(MODDB_IOC_EXEC, sizeof(call.exec) - 8), &call) == -ENOTTY);
    call.exec.reserved = 1;
    CHECK(file.call(MODDB_IOC_EXEC, &call) == -EINVAL);
    struct {
        moddb_device_bind bind;
        uint64_t more;
    } bind{};
    bind.bind.rights = both;
    File other;
    bind.more = 1;
    CHECK(other.call(with_size(MODDB_IOC_BIND, sizeof bind), &bind) == -E2BIG);
    CHECK(other.call(with_size(MODDB_IOC_BIND, 8), &bind) == -ENOTTY);
    bind.more = 0, bind.bind.reserved = 1;
    CHECK(other.call(with_size(MODDB_IOC_BIND, sizeof bind), &bind) == -EINVAL);
    bind.bind.reserved = 0, bind.bind.flags = 1;
    CHECK(other.call(with_size(MODDB_IOC_BIND, sizeof bind), &bind) == -EINVAL);
    bind.bind.flags = 0;
    CHECK(other.call(with_size(MODDB_IOC_BIND, sizeof bind), &bind) == 0);
    // The features of the module, as over netlink, up to the size of the caller's struct.
    struct {
        moddb_device_info info;
        uint64_t more;
    } reported;
    std::memset(&reported, 0xee, sizeof reported);
    const File unbound;
    REQUIRE(ioctl(unbound.fd, with_size(MODDB_IOC_INFO, sizeof reported), &reported) == 0);
    CHECK(reported.more == 0);
    struct moddb_module_info info = MODDB_INIT(info);
    REQUIRE(moddb_module(db, &info) == 0);
    CHECK(std::string(reported.info.version) == info.version);
    CHECK(reported.info.operations == info.operations);
    CHECK(info.operations == (1u << (MODDB_OP_CODE_TAKE + 1)) - 1);
    CHECK(reported.info.features == info.features);
    CHECK(reported.info.key_max == MODDB_KEY_MAX);
    CHECK(info.key_max == MODDB_KEY_MAX);
    CHECK(info.value_max == module_stat(db).max_value);
    CHECK(reported.info.value_max == info.value_max);
    CHECK(info.inline_max == MODDB_INLINE_MAX);
    CHECK(info.txn_max == MODDB_TXN_MAX);
    CHECK(info.name_max == MODDB_NAME_MAX);
    CHECK(info.op_size == sizeof(moddb_device_op));
    CHECK(reported.info.op_size == info.op_size);
    CHECK(info.window_layout == MODDB_WINDOW_LAYOUT);
    CHECK(info.window_incompatible == MODDB_WINDOW_INCOMPATIBLE);
    std::memset(&reported, 0xee, sizeof reported);
    REQUIRE(ioctl(unbound.fd, with_size(MODDB_IOC_INFO, 40), &reported) == 0);
    CHECK(reported.info.operations == info.operations);
    CHECK(reported.info.features == 0xeeeeeeeeeeeeeeee);
    // A reader that does not know the window's layout uses calls.
    moddb_device_window window{};
    CHECK(other.call(MODDB_IOC_WINDOW, &window) == -EOPNOTSUPP);
    window.layout = MODDB_WINDOW_LAYOUT + 1, window.incompatible = 0xff;
    CHECK(other.call(MODDB_IOC_WINDOW, &window) == 0);
    CHECK(window.layout == MODDB_WINDOW_LAYOUT);
    CHECK(window.incompatible == MODDB_WINDOW_INCOMPATIBLE);
    window.flags = 1;
    CHECK(other.call(MODDB_IOC_WINDOW, &window) == -EINVAL);
}

TEST_CASE("values of full length in one call, and values without room")
{
    const Opened db;
    File file;
    REQUIRE(file.bind() == 0);
    const std::string value = long_value(MODDB_VALUE_MAX, 3);
    // The kernel faults in memory that is not there yet.
    char *const room = static_cast<char *>(
        mmap(nullptr, value.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    moddb_device_op ops[] = {set_of("k", value), operation(MODDB_OP_CODE_GET, "k"),
                             set_of("after", "x")};
    ops[1].out = address(room);
    ops[1].out_size = MODDB_VALUE_MAX;
    CHECK(file.exec(ops, 2) == 0);
    CHECK(file.done == 2);
    CHECK(ops[1].status == 0);
    CHECK(std::string_view(room, ops[1].out_len) == value);
    munmap(room, value.size());

    std::string little(100, '\0');
    for (const uint32_t flags : {0u, unsigned{MODDB_DEVICE_TRANSACTION}}) {
        ops[1] = get_of("k", little);
        CHECK(file.exec(ops + 1, 2, flags) == 0);
        CHECK(file.done == 0);
        CHECK(ops[1].status == -EMSGSIZE);
        CHECK(ops[1].out_len == MODDB_VALUE_MAX);
        CHECK(ops[2].status == (flags ? -EINPROGRESS : 1));
    }
    CHECK(get(db, "after") == "(errno 2)");
    // A transaction reads values of any length consistently.
    std::string first(value.size(), '\0'), second(20, '\0');
    REQUIRE(set(db, "k", value.substr(0, 1000000)) == 0);
    REQUIRE(set(db, "l", "short") == 0);
    moddb_device_op pair[] = {get_of("k", first), get_of("l", second), set_of("after", "x")};
    CHECK(file.exec(pair, 3, MODDB_DEVICE_TRANSACTION) == 0);
    CHECK(file.done == 3);
    CHECK(first.substr(0, pair[0].out_len) == value.substr(0, 1000000));
    CHECK(second.substr(0, pair[1].out_len) == "short");
    // A failed condition returns the value, and the transaction has done nothing.
    moddb_device_op guarded[] = {set_of("after", "y"), set_of("l", "z")};
    guarded[1].condition = MODDB_CONDITION_ABSENT;
    guarded[1].want = MODDB_DEVICE_WANT_VALUE;
    guarded[1].out = address(second.data());
    guarded[1].out_size = 20;
    CHECK(file.exec(guarded, 2, MODDB_DEVICE_TRANSACTION) == 0);
    CHECK(file.done == 1);
    CHECK(guarded[1].status == -ECANCELED);
    CHECK(second.substr(0, guarded[1].out_len) == "short");
    CHECK(file.text == "the condition does not hold");
    CHECK(get(db, "after") == "x");
}

TEST_CASE("32-bit programs get the same service")
{
    const Opened db;
    File file;
    REQUIRE(file.bind() == 0);
#ifdef __x86_64__
    struct Low {
        moddb_device_exec exec;
        moddb_device_op op[2];
        char key[4], value[8], room[8];
    };
    void *const memory = mmap(nullptr, sizeof(Low), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto *const low = new (memory) Low{};
    std::memcpy(low->key, "key", 3);
    std::memcpy(low->value, "a value", 7);
    low->op[0] = set_of({low->key, 3}, {low->value, 7});
    low->op[1] = operation(MODDB_OP_CODE_GET, {low->key, 3});
    low->op[1].out = address(low->room);
    low->op[1].out_size = sizeof(low->room);
    low->exec.ops = address(low->op);
    low->exec.count = 2;
    low->exec.op_size = sizeof(low->op[0]);
    // The system call of 32-bit programs, in which ioctl has number 54.
    long result;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(54L), "b"(static_cast<long>(file.fd)),
                   "c"(static_cast<long>(MODDB_IOC_EXEC)), "d"(&low->exec)
                 : "memory", "r8", "r9", "r10", "r11");
    // Other kernels take it for the 64-bit system call of that number, or refuse it.
    long own_pid;
    asm volatile("int $0x80" : "=a"(own_pid) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    if (own_pid != getpid()) {
        MESSAGE("this kernel runs no programs of 32 bits");
    } else {
        CHECK(result == 0);
        CHECK(low->exec.done == 2);
        CHECK(std::string(low->room, low->op[1].out_len) == "a value");
    }
    munmap(memory, sizeof(Low));
#else
    MESSAGE("only x86-64 lets a program make such a call");
#endif
}

TEST_CASE("ephemeral entries are deleted with the last copy of the file, however it closes")
{
    const Opened db;
    auto file = std::make_unique<File>();
    REQUIRE(file->bind() == 0);
    moddb_device_op op = set_of("k", "v");
    op.flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
    REQUIRE(file->exec(op) == 0);
    Child holder([](const Line &line) {
        int descriptor = -1;
        line.hear(60'000, &descriptor);
        line.say("have it");
        line.hear();
    });
    holder.say("take it", file->fd);
    CHECK(holder.hear() == "have it");
    file.reset();
    CHECK(get(db, "k") == "v");
    holder.kill();
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("fdinfo describes an open file")
{
    const Database shown("shown");
    const auto line = [](int fd, const std::string &name) {
        std::ifstream file("/proc/self/fdinfo/" + std::to_string(fd));
        for (std::string text; std::getline(file, text);)
            if (text.rfind("moddb-" + name + ":\t", 0) == 0)
                return text.substr(name.size() + 8);
        return std::string("(none)");
    };
    std::string net(64, '\0');
    net.resize(static_cast<size_t>(readlink("/proc/self/ns/net", net.data(), net.size())));
    File file;
    CHECK("net:[" + line(file.fd, "netns") + "]" == net);
    CHECK(line(file.fd, "database") == "(none)");
    REQUIRE(file.bind("shown") == 0);
    CHECK(line(file.fd, "database") == "shown");
    CHECK(line(file.fd, "rights") == "rw");
    CHECK(line(file.fd, "entries") == "0");
    for (const char *name : {"a", "b"}) {
        moddb_device_op op = set_of(name, "v");
        op.flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
        REQUIRE(file.exec(op) == 0);
    }
    CHECK(line(file.fd, "entries") == "2");
    CHECK(std::stoull(line(file.fd, "bytes")) == database(shown.keeper, "shown").bytes);
    CHECK(line(file.fd, "window") == "0");
    moddb_device_op del = operation(MODDB_OP_CODE_DEL, "a");
    REQUIRE(file.exec(del) == 0);
    CHECK(line(file.fd, "entries") == "1");
    REQUIRE(moddb_database_delete(shown.keeper, "shown") == 0);
    CHECK(line(file.fd, "database") == "shown (deleted)");
}

TEST_CASE("an open file prevents unloading")
{
    const File file;
    CHECK(syscall(SYS_delete_module, "moddb", O_NONBLOCK) == -1);
    CHECK((errno == EAGAIN || errno == EBUSY));
}

TEST_CASE("a file bound to a deleted database reports that; the library uses the next database of "
          "the name")
{
    File file;
    const Session db("passing");
    CHECK(db.status == -ENXIO);
    {
        const Database first("passing");
        const Session mine("passing");
        REQUIRE(file.bind("passing") == 0);
        REQUIRE(file.exec(set_of("k", "v")) == 0);
        REQUIRE(moddb_database_delete(mine, "passing") == 0);
        CHECK(file.get("k") == "(errno 116)");
        CHECK(file.text == "the database was deleted or replaced");
        CHECK(file.exec(set_of("k", "v")) == -ESTALE);
        CHECK(get(mine, "k") == "(errno 6)");
        CHECK(set(mine, "k", "w") == -ENXIO);
        REQUIRE(moddb_database_create(first.keeper, "passing", nullptr) == 0);
        CHECK(set(mine, "k", "w") == 0);
        CHECK(get(mine, "k") == "w");
        CHECK(file.get("k") == "(errno 116)");
    }
}

TEST_SUITE_END();
