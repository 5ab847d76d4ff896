// SPDX-License-Identifier: MIT
//
// Watches and listings over /dev/moddb without the library: the results of read() and poll(), the
// rights that they need, and bad memory. The suite "watch" tests which events a watch reports.
#include "device_file.h"
#include "process.h"
#include "store.h"

#include <cstdlib>
#include <map>
#include <poll.h>
#include <thread>
#include <vector>

TEST_SUITE_BEGIN("device");

namespace {

struct Record {
    moddb_device_record head;
    std::string key, value;
};

// Decodes the records in a buffer.
std::vector<Record> records_in(const char *bytes, size_t size)
{
    std::vector<Record> records;
    for (size_t at = 0; at < size;) {
        Record record;
        REQUIRE(size - at >= sizeof record.head);
        std::memcpy(&record.head, bytes + at, sizeof record.head);
        const char *data = bytes + at + sizeof record.head;
        record.key.assign(data, record.head.key_len);
        if (record.head.flags & MODDB_RECORD_VALUE)
            record.value.assign(data + record.head.key_len, record.head.value_len);
        REQUIRE(record.head.size % 8 == 0);
        REQUIRE(record.head.size >= sizeof record.head + record.key.size() + record.value.size());
        REQUIRE(record.head.size <= size - at);
        at += record.head.size;
        records.push_back(record);
    }
    return records;
}

struct WatchedFile : File {
    explicit WatchedFile(const char *name = "", int flags = O_RDWR | O_NONBLOCK) : File(flags)
    {
        REQUIRE(bind(name, flags & O_RDWR ? both : MODDB_RIGHT_READ) == 0);
    }
    int watch(std::vector<moddb_device_pattern> patterns = {}, uint32_t flags = 0,
              uint64_t since = 0)
    {
        moddb_device_watch in{};
        in.patterns = address(patterns.data());
        in.count = static_cast<uint32_t>(patterns.size());
        in.flags = flags;
        in.since = since;
        return watch_with(in);
    }
    int watch_with(moddb_device_watch &in)
    {
        in.text = address(message);
        in.text_size = sizeof message;
        const int result = call(MODDB_IOC_WATCH, &in);
        revision = in.revision;
        return result;
    }
    // Returns the records that can be read now; if there are none, sets error.
    std::vector<Record> read_all(size_t room = 65536)
    {
        std::vector<char> bytes(room);
        const ssize_t size = read(fd, bytes.data(), room);
        error = size < 0 ? errno : 0;
        over = size == 0;
        return records_in(bytes.data(), size > 0 ? static_cast<size_t>(size) : 0);
    }
    short ready(int timeout_ms = 0) const
    {
        pollfd entry{fd, POLLIN, 0};
        poll(&entry, 1, timeout_ms);
        return entry.revents;
    }

    uint64_t revision = 0;
    int error = 0;
    bool over = false;
};

moddb_device_pattern pattern_of(std::string_view bytes, uint32_t flags = 0)
{
    return {address(bytes.data()), static_cast<uint32_t>(bytes.size()), flags};
}

} // namespace

TEST_CASE("a watch of a file is read as records, as many as fit, and polled")
{
    const Opened db;
    WatchedFile file;
    CHECK(read(file.fd, nullptr, 0) == -1);
    CHECK(errno == EINVAL);
    CHECK(file.ready() == POLLERR);
    CHECK(ioctl(file.fd, MODDB_IOC_SYNC) == -1);
    CHECK(errno == EINVAL);
    REQUIRE(file.watch() == 0);
    CHECK(file.ready() == 0);
    CHECK(file.read_all().empty());
    CHECK(file.error == EAGAIN);
    const std::string long_value(MODDB_INLINE_MAX + 1, 'l'), longest(MODDB_INLINE_MAX, 'i');
    const std::string longest_key(MODDB_KEY_MAX, 'k');
    REQUIRE(set(db, "a", "1") == 0);
    REQUIRE(set(db, longest_key, longest) == 0);
    REQUIRE(set(db, "long", long_value) == 0);
    REQUIRE(del(db, "a") == 0);
    REQUIRE(file.ready(10'000) == POLLIN);
    // A buffer that is too small loses no event, and each record is complete.
    CHECK(file.read_all(sizeof(moddb_device_record)).empty());
    CHECK(file.error == EINVAL);
    std::vector<Record> first = file.read_all(100);
    REQUIRE(first.size() == 1);
    CHECK(first[0].key == "a");
    CHECK(first[0].value == "1");
    CHECK(first[0].head.kind == MODDB_EVENT_KIND_SET);
    CHECK(first[0].head.version == file.revision + 1);
    CHECK(first[0].head.uid == getuid());
    CHECK(first[0].head.pid == static_cast<uint32_t>(getpid()));
    CHECK(first[0].head.mtime > 0);
    std::vector<Record> rest = file.read_all();
    REQUIRE(rest.size() == 3);
    CHECK(rest[0].key == longest_key);
    CHECK(rest[0].value == longest);
    CHECK(rest[1].key == "long");
    CHECK(rest[1].head.flags == 0);
    CHECK(rest[1].head.value_len == long_value.size());
    CHECK(rest[2].head.kind == MODDB_EVENT_KIND_DEL);
    CHECK(rest[2].head.version == file.revision + 4);
    // The file still executes operations, and its own writes are reported as well.
    CHECK(file.exec(set_of("own", "v")) == 0);
    REQUIRE(ioctl(file.fd, MODDB_IOC_SYNC) == 0);
    REQUIRE(eventually([&] { return file.ready() == POLLIN; }));
    rest = file.read_all();
    REQUIRE(rest.size() == 2);
    CHECK(rest[0].key == "own");
    CHECK(rest[1].head.kind == MODDB_EVENT_KIND_SYNC);
    CHECK(rest[1].head.version == file.revision + 5);
    CHECK(file.watch() == -EBUSY);
    CHECK(file.text == "the file has a watch already");
}

TEST_CASE("a read waits for the first event, and a signal ends it")
{
    const Opened db;
    WatchedFile file("", O_RDWR);
    REQUIRE(file.watch() == 0);
    std::thread writer([] {
        const Session mine;
        usleep(100'000);
        set(mine, "k", "late");
    });
    CHECK(file.read_all().at(0).value == "late");
    writer.join();
    Child reader([](const Line &line) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(SIGUSR1, &action, nullptr);
        WatchedFile mine("", O_RDWR);
        if (mine.watch() != 0)
            return;
        line.say("waiting");
        line.say(mine.read_all().empty() ? "errno " + std::to_string(mine.error) : "read");
    });
    REQUIRE(reader.hear() == "waiting");
    // Repeat until a signal arrives while the reader waits.
    std::string answer;
    REQUIRE(eventually([&] {
        ::kill(reader.pid, SIGUSR1);
        answer = reader.hear(50);
        return answer != "(silence)";
    }));
    CHECK(answer == "errno " + std::to_string(EINTR));
}

TEST_CASE("an invalid watch of a file is rejected with a message")
{
    const Opened db;
    File unbound;
    moddb_device_watch none{};
    none.text = address(unbound.message);
    none.text_size = sizeof unbound.message;
    CHECK(unbound.call(MODDB_IOC_WATCH, &none) == -ENOTCONN);
    WatchedFile file;
    moddb_device_watch in{};
    in.flags = 2;
    CHECK(file.watch_with(in) == -EINVAL);
    in = {}, in.reserved = 1;
    CHECK(file.watch_with(in) == -EINVAL);
    in = {}, in.since = 1;
    CHECK(file.watch_with(in) == -EINVAL);
    CHECK(file.text == "unknown flags, or a field that they do not use is not 0");
    CHECK(file.watch(std::vector<moddb_device_pattern>(MODDB_PATTERNS_MAX + 1, pattern_of("k"))) ==
          -E2BIG);
    CHECK(file.text == "a watch has at most 64 patterns");
    CHECK(file.watch({pattern_of("")}) == -EINVAL);
    CHECK(file.text == "the pattern is empty");
    CHECK(file.watch({pattern_of("k", 2)}) == -EINVAL);
    CHECK(file.watch({pattern_of(std::string(MODDB_KEY_MAX + 1, 'k'))}) == -EMSGSIZE);
    CHECK(file.watch({{1, 5, 0}}) == -EFAULT);
    in = {}, in.patterns = 1, in.count = 1;
    CHECK(file.watch_with(in) == -EFAULT);
    CHECK(file.watch({}, MODDB_DEVICE_WATCH_SINCE, UINT64_MAX) == -ERANGE);
    CHECK(file.text == "since is a revision that the database has not reached");
    // A rejected call leaves the file unchanged.
    CHECK(file.watch({pattern_of("k")}) == 0);
    const Database secret("secret");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0622) == 0);
    CHECK(as_user(1000, [] {
              File mine(O_WRONLY);
              moddb_device_watch in{};
              const int bound = mine.bind("secret", MODDB_RIGHT_WRITE);
              return std::to_string(bound) + " " + std::to_string(mine.call(MODDB_IOC_WATCH, &in)) +
                     " " + std::to_string(mine.call(MODDB_IOC_LIST, [] {
                         static moddb_device_list list{};
                         return &list;
                     }()));
          }) == "0 -13 -13");
}

TEST_CASE("unread events are discarded when the right to read them is revoked")
{
    const Database secret("secret");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0644) == 0);
    const Session root("secret");
    Child reader([](const Line &line) {
        become(1000, 1000);
        WatchedFile mine("secret", O_RDONLY | O_NONBLOCK);
        if (mine.watch() != 0)
            return;
        line.say("watching");
        // poll() has reported events that the reader has not read yet.
        line.say(mine.ready(20'000) == POLLIN ? "ready" : "nothing");
        line.hear();
        std::string seen;
        for (const Record &record : mine.read_all())
            seen += std::to_string(record.head.kind) + record.key + ";";
        mine.read_all();
        line.say(seen + (mine.over ? " over" : "") +
                 (mine.ready() == (POLLIN | POLLHUP) ? " hung up" : ""));
    });
    REQUIRE(reader.hear() == "watching");
    REQUIRE(set(root, "k", "secret") == 0);
    REQUIRE(reader.hear() == "ready");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0600) == 0);
    reader.say("read");
    CHECK(reader.hear() == std::to_string(MODDB_EVENT_KIND_ENDED) + "; over hung up");
}

TEST_CASE("a watch of a file that is never read affects no other watch, and reports what it lost")
{
    const LeastLog small;
    const Database fresh("fresh");
    const Session db("fresh");
    WatchedFile idle("fresh"), reads("fresh");
    REQUIRE(idle.watch() == 0);
    REQUIRE(reads.watch() == 0);
    const std::string value(1000, 'v');
    uint64_t last = reads.revision;
    for (int i = 0; i < 2000; ++i) {
        REQUIRE(set(db, "k", value) == 0);
        for (const Record &record : reads.read_all()) {
            REQUIRE(record.head.version == last + 1);
            last = record.head.version;
        }
    }
    REQUIRE(eventually([&] {
        for (const Record &record : reads.read_all())
            last = record.head.version;
        return last == reads.revision + 2000;
    }));
    const uint64_t drops = database(db).drops;
    const std::vector<Record> reported = idle.read_all();
    REQUIRE(reported.size() == 1);
    CHECK(reported[0].head.kind == MODDB_EVENT_KIND_OVERRUN);
    CHECK(reported[0].head.version == idle.revision + 1);
    CHECK(idle.read_all().empty());
    CHECK(idle.over);
    CHECK(database(db).drops == drops + 1);
}

TEST_CASE("bad memory loses no event")
{
    const Opened db;
    WatchedFile file;
    REQUIRE(file.watch() == 0);
    REQUIRE(set(db, "k", "v") == 0);
    REQUIRE(file.ready(10'000) == POLLIN);
    const Edge edge;
    CHECK(read(file.fd, edge.before(0), 4096) == -1);
    CHECK(errno == EFAULT);
    CHECK(read(file.fd, edge.before(32), 4096) == -1);
    CHECK(errno == EFAULT);
    const std::vector<Record> records = file.read_all();
    REQUIRE(records.size() == 1);
    CHECK(records[0].key == "k");
}

TEST_CASE("a listing over the device continues from its cursor, whatever the buffer's size")
{
    const Database fresh("listed");
    const Session db("listed");
    std::map<std::string, std::string> there;
    for (int i = 0; i < 700; ++i) {
        const std::string key = (i % 2 ? "odd/" : "even/") + std::to_string(i);
        const std::string value(static_cast<size_t>(i), 'v');
        REQUIRE(set(db, key, value) == 0);
        if (i % 2)
            there[key] = value;
    }
    File file;
    REQUIRE(file.bind("listed") == 0);
    for (const size_t room : {size_t{900}, size_t{5000}, size_t{200'000}}) {
        for (const uint32_t count : {0u, 1u, 7u}) {
            std::vector<char> out(room);
            unsigned char cursor[MODDB_KEY_MAX];
            moddb_device_list list{};
            list.prefix = address("odd/");
            list.prefix_len = 4;
            list.flags = MODDB_DEVICE_LIST_VALUES | MODDB_DEVICE_LIST_META;
            list.cursor = address(cursor);
            list.out = address(out.data());
            list.out_size = static_cast<uint32_t>(room);
            list.text = address(file.message);
            list.text_size = sizeof file.message;
            std::map<std::string, std::string> seen;
            do {
                list.count = count;
                REQUIRE(file.call(MODDB_IOC_LIST, &list) == 0);
                REQUIRE((count == 0 || list.count <= count));
                const char *at = out.data();
                for (uint32_t i = 0; i < list.count; ++i) {
                    moddb_device_record head;
                    std::memcpy(&head, at, sizeof head);
                    const Record record = records_in(at, head.size).at(0);
                    CHECK(head.uid == getuid());
                    CHECK(seen.emplace(record.key, record.value).second);
                    at += head.size;
                }
            } while (list.more);
            CHECK(seen == there);
            CHECK(list.revision == database(db).revision);
        }
    }
    moddb_device_list list{};
    std::vector<char> out(100);
    list.out = address(out.data());
    list.out_size = sizeof(moddb_device_record) - 1;
    list.text = address(file.message);
    list.text_size = sizeof file.message;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EINVAL);
    CHECK(file.text == "there is no room for a record");
    list.out_size = 100, list.cursor = address("odd/1"), list.cursor_len = 5, list.generation = 77;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EAGAIN);
    list.cursor_len = MODDB_KEY_MAX + 1;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EMSGSIZE);
    list.cursor_len = 0, list.flags = 4;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EINVAL);
    list.flags = 0, list.reserved = 1;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EINVAL);
    list.reserved = 0, list.prefix = 1, list.prefix_len = 3;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EFAULT);
    list.prefix_len = 0, list.out = 1;
    CHECK(file.call(MODDB_IOC_LIST, &list) == -EFAULT);
    CHECK(file.text == "the reply cannot be written to the caller's memory");
    // A deletion accepts only the fields that it uses.
    list = {}, list.text = address(file.message), list.text_size = sizeof file.message;
    CHECK(file.call(MODDB_IOC_DEL_PREFIX, &list) == -EINVAL);
    CHECK(file.text == "a prefix of at least one byte is needed");
    list.prefix = address("o"), list.prefix_len = 1, list.since = 1;
    CHECK(file.call(MODDB_IOC_DEL_PREFIX, &list) == -EINVAL);
    CHECK(file.text == "a field is set that a deletion does not use");
    unsigned char cursor[MODDB_KEY_MAX];
    list.since = 0, list.cursor = address(cursor), list.count = 5;
    REQUIRE(file.call(MODDB_IOC_DEL_PREFIX, &list) == 0);
    CHECK(list.count == 5);
    CHECK(list.more == 1);
    CHECK(list.revision == database(db).revision);
    uint64_t number = list.count;
    while (list.more) {
        list.count = 0;
        REQUIRE(file.call(MODDB_IOC_DEL_PREFIX, &list) == 0);
        number += list.count;
    }
    CHECK(number == there.size());
    CHECK(database(db).keys == 350);
}

TEST_SUITE_END();
