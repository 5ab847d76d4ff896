// SPDX-License-Identifier: MIT
//
// Injects one fault at a time, into each allocation and each copy from or to user memory that an
// operation makes, for every operation; and into loading the module, if its file is given. Either
// the caller gets an error and the store is unchanged, or the kernel works around the fault and the
// operation succeeds; afterwards the handle must still work. Needs a kernel with fault injection.
// The guest looks for leaks when it shuts down. An operation counts only if a fault hit it.

#include "../support/process.hpp"

#include <fcntl.h>
#include <moddb/device.h>
#include <moddb/window.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>

// The clock of the library, which finds this function first. In a native guest it is a system call,
// and a fault could strike it; elsewhere the vDSO answers, which cannot fail.
extern "C" [[gnu::visibility("default")]] int clock_gettime(clockid_t clock,
                                                            timespec *time) noexcept
{
    long result;
    do
        result = syscall(SYS_clock_gettime, clock, time);
    while (result < 0 && errno == EFAULT);
    return static_cast<int>(result);
}

namespace {

using moddb::Database;

// How long to wait for a reply that the fault may have dropped: other replies come at once.
constexpr moddb::Milliseconds patience(300);

moddb::Transport transport = moddb::Transport::netlink;

// ------------------------------------------------------------------ faults

void write_setting(const std::string &path, const char *text)
{
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    test::require(fd >= 0, path + ": this kernel injects no faults");
    test::require(write(fd, text, std::strlen(text)) > 0, path);
    close(fd);
}

void prepare_kernel()
{
    const std::string debug = "/sys/kernel/debug/";
    // Also fail allocations that may sleep.
    write_setting(debug + "failslab/ignore-gfp-wait", "N");
    write_setting(debug + "fail_page_alloc/ignore-gfp-wait", "N");
    write_setting(debug + "fail_page_alloc/ignore-gfp-highmem", "N");
    write_setting(debug + "fail_page_alloc/min-order", "0");
    for (const char *kind : {"failslab", "fail_page_alloc", "fail_usercopy"})
        write_setting(debug + kind + "/verbose", "0");
}

// Makes one allocation or copy fail that the kernel does for this thread.
class Fault {
  public:
    Fault() : fd_(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC))
    {
        test::require(fd_ >= 0, "/proc/thread-self/fail-nth");
    }
    ~Fault() { close(fd_); }
    Fault(const Fault &) = delete;
    Fault &operator=(const Fault &) = delete;

    void arm(unsigned nth)
    {
        const std::string text = std::to_string(nth);
        test::require(pwrite(fd_, text.data(), text.size(), 0) > 0, "fail-nth");
    }
    // The number of allocations until one fails.
    unsigned left() const
    {
        char text[16] = "";
        test::require(pread(fd_, text, sizeof(text) - 1, 0) > 0, "fail-nth");
        return static_cast<unsigned>(std::atoi(text));
    }
    // Whether the fault was injected. It may hit this read itself, and then hit nothing before.
    bool disarm()
    {
        char text[16] = "";
        const bool struck = pread(fd_, text, sizeof(text) - 1, 0) > 0 && std::atoi(text) == 0;
        static_cast<void>(pwrite(fd_, "0", 1, 0));
        return struck;
    }

  private:
    int fd_;
};

// ------------------------------------------------------------------ window

// A window of the database "other", as the library maps it.
class Window {
  public:
    Window() : fd_(open("/dev/moddb", O_RDONLY | O_CLOEXEC))
    {
        try {
            map();
        } catch (...) {
            close(fd_);
            throw;
        }
    }
    ~Window()
    {
        // The fault may hit this call too, but only once.
        while (munmap(memory_, size_) != 0)
            test::require(errno == ENOMEM, "munmap of the window");
        close(fd_);
    }
    Window(const Window &) = delete;
    Window &operator=(const Window &) = delete;

    // Whether the window has this value for the key, or cannot answer.
    bool agrees(std::string_view key, std::string_view value) const
    {
        std::string found(value.size(), '\0');
        moddb_window_found meta;
        const int answer =
            moddb_window_read(&view_, key.data(), static_cast<std::uint32_t>(key.size()),
                              found.data(), found.size(), &meta);
        return answer == MODDB_WINDOW_ASK ||
               (answer == MODDB_WINDOW_HIT && meta.value_len == value.size() && found == value);
    }

  private:
    static void must(bool done, const char *what)
    {
        if (!done)
            throw moddb::Error(-errno, what);
    }
    void map()
    {
        must(fd_ >= 0, "/dev/moddb");
        moddb_device_bind bind{};
        std::strcpy(bind.database, "other");
        bind.rights = MODDB_RIGHT_READ;
        moddb_device_window window{};
        window.layout = MODDB_WINDOW_LAYOUT;
        must(ioctl(fd_, MODDB_IOC_BIND, &bind) == 0, "MODDB_IOC_BIND");
        must(ioctl(fd_, MODDB_IOC_WINDOW, &window) == 0, "MODDB_IOC_WINDOW");
        void *memory = mmap(nullptr, window.size, PROT_READ, MAP_SHARED, fd_,
                            static_cast<off_t>(window.offset));
        must(memory != MAP_FAILED, "mmap of the window");
        memory_ = memory;
        size_ = window.size;
        test::require(moddb_window_view_init(&view_, memory_, size_), "the window's header");
    }

    int fd_;
    void *memory_ = nullptr;
    std::size_t size_ = 0;
    moddb_window_view view_{};
};

// ------------------------------------------------------------------- state

struct Entry {
    std::string value;
    std::uint64_t version;
    std::uint32_t flags;
    std::uint32_t tag;
    bool expires;
};

bool alike(const Entry &a, const Entry &b)
{
    return a.value == b.value && a.flags == b.flags && a.tag == b.tag && a.expires == b.expires;
}

struct Contents {
    moddb_database_info info;
    std::map<std::string, Entry> entries;
};

// Everything that a client can see of the store.
struct State {
    std::map<std::string, Contents> databases;
    std::uint64_t keys, bytes, user_keys, watches;
};

// A handle for each name.
std::map<std::string, std::unique_ptr<Database>> observers;

void look_into(const std::string &name, Contents &contents)
{
    std::unique_ptr<Database> &database = observers[name];
    if (!database)
        database = std::make_unique<Database>(name);
    moddb::ListOptions options;
    options.values = options.info = true;
    for (const moddb::EntryView &entry : database->list(options)) {
        const std::string key(entry.key);
        contents.entries[key] = {
            entry.value ? std::string(*entry.value) : database->get(key).value_or("(gone)"),
            entry.info.version, entry.info.ephemeral, entry.info.tag, entry.info.ttl.has_value()};
    }
}

// Workers empty removed and cleared databases; until then the keys count for their owner.
struct moddb_stat settled_stat(Database &observer, std::uint64_t own_keys)
{
    const std::uint64_t deadline = test::nanoseconds() + 10'000'000'000;
    struct moddb_stat stat = observer.stat();
    while (stat.user_keys > own_keys && test::nanoseconds() < deadline) {
        test::pause(std::chrono::milliseconds(1));
        stat = observer.stat();
    }
    return stat;
}

State look(Database &observer)
{
    State state{};
    std::uint64_t own_keys = 0;
    for (const moddb_database_info &info : observer.databases()) {
        Contents &contents = state.databases[info.name];
        contents.info = info;
        look_into(info.name, contents);
        if (info.owner == getuid())
            own_keys += contents.entries.size();
    }
    const struct moddb_stat stat = settled_stat(observer, own_keys);
    state.keys = stat.keys;
    state.bytes = stat.bytes;
    state.user_keys = stat.user_keys;
    state.watches = stat.watches;
    return state;
}

// Describes the first difference; empty if there is none. Versions and revisions are compared only
// if the operation must have changed nothing.
std::string difference(const State &a, const State &b, bool with_versions)
{
    const auto differ = [](const std::string &what, std::uint64_t x, std::uint64_t y) {
        return what + " " + std::to_string(x) + " became " + std::to_string(y);
    };
    for (const auto &[name, contents] : a.databases)
        if (!b.databases.contains(name))
            return "database " + name + " is gone";
    for (const auto &[name, contents] : b.databases) {
        if (!a.databases.contains(name))
            return "database " + name + " has appeared";
        const Contents &before = a.databases.at(name);
        const moddb_database_info &x = before.info, &y = contents.info;
        if (x.owner != y.owner || x.group != y.group || x.mode != y.mode || x.evict != y.evict ||
            x.shared != y.shared || x.sealed != y.sealed || x.max_bytes != y.max_bytes ||
            x.max_keys != y.max_keys)
            return "the settings of " + name + " differ";
        if (x.keys != y.keys)
            return differ("keys", x.keys, y.keys);
        if (x.bytes != y.bytes)
            return differ("bytes", x.bytes, y.bytes);
        if (with_versions && x.revision != y.revision)
            return differ("revision", x.revision, y.revision);
        if (before.entries.size() != contents.entries.size())
            return differ("entries", before.entries.size(), contents.entries.size());
        for (const auto &[key, entry] : contents.entries) {
            const auto old = before.entries.find(key);
            if (old == before.entries.end() || !alike(old->second, entry))
                return "entry " + key + " differs";
            if (with_versions && old->second.version != entry.version)
                return differ("version of " + key, old->second.version, entry.version);
        }
    }
    if (a.keys != b.keys)
        return differ("keys in all", a.keys, b.keys);
    if (a.bytes != b.bytes)
        return differ("bytes in all", a.bytes, b.bytes);
    if (a.user_keys != b.user_keys)
        return differ("keys of the user", a.user_keys, b.user_keys);
    return a.watches != b.watches ? differ("watches", a.watches, b.watches) : "";
}

const std::string long_value(100'000, 'l');
constexpr std::uint32_t tag = 5;
constexpr std::size_t entries = 5; // that restore() writes into "default"

moddb::WriteOptions for_an_hour()
{
    moddb::WriteOptions options;
    options.ttl = std::chrono::hours(1);
    return options;
}

moddb::WriteOptions with_tag(std::uint32_t number)
{
    moddb::WriteOptions options;
    options.tag = number;
    return options;
}

void restore(Database &observer)
{
    for (const moddb_database_info &info : observer.databases())
        if (std::string_view(info.name) != "default")
            observer.remove(info.name);
    observer.clear("default");
    observer.set("small", "a value");
    observer.set("number", "41");
    observer.set("long", long_value);
    observer.set("timed", "7", for_an_hour());
    observer.set("tagged", "a value with a tag", with_tag(tag));
    observer.create("other");
    Database("other").set("x", "y");
}

// -------------------------------------------------------------- operations

// Runs an operation. Returns 0 or the negative errno of its failure.
int outcome(const std::function<void()> &run)
{
    try {
        run();
    } catch (const moddb::Error &error) {
        test::require(!error.text().empty() && error.text() != "no error",
                      "a failure has a message");
        return -error.code().value();
    } catch (const std::bad_alloc &) {
        return -ENOMEM;
    }
    return 0;
}

struct Operation {
    const char *name;
    std::function<void(Database &)> run;
    bool is_on_handle = true;              // whether to try the same handle again after a failure
    std::function<void()> prepare = [] {}; // before the fault is armed
};

moddb::WriteOptions ephemeral(bool with_ttl = false)
{
    moddb::WriteOptions options;
    options.ephemeral = true;
    if (with_ttl)
        options.ttl = std::chrono::hours(2);
    return options;
}

moddb::WriteOptions only(const moddb::Condition &condition)
{
    moddb::WriteOptions options;
    options.condition = condition;
    options.want_current = true;
    return options;
}

// Runs the body as a user that the module has not seen before. Changing the user allocates memory,
// so the fault may hit that too, but only once.
void as_stranger(const std::function<void()> &body)
{
    if (seteuid(12345) != 0) {
        test::require(errno == ENOMEM, "seteuid");
        throw std::bad_alloc();
    }
    const auto back = [] {
        while (seteuid(0) != 0)
            test::require(errno == ENOMEM, "seteuid");
    };
    try {
        body();
    } catch (...) {
        back();
        throw;
    }
    back();
}

moddb::CounterOptions if_new()
{
    moddb::CounterOptions options;
    options.ttl = std::chrono::hours(1);
    options.ttl_if_new = true;
    return options;
}

void transact(Database &db, bool guard_holds)
{
    moddb::Batch batch = db.batch();
    batch.check("number", only(moddb::Condition::value(guard_holds ? "41" : "40")));
    batch.set("small", "changed");
    batch.del("timed");
    batch.incr("number", 5);
    batch.incr("new counter", 2);
    batch.set("new", std::string(5'000, 'n'));
    batch.get("small");
    test::require(batch.commit() == guard_holds, "a transaction does what its guard says");
}

// Operations of every kind. Their keys, and the values that they read, do not fit into the memory
// that is allocated first.
void transact_many(Database &db)
{
    constexpr std::size_t sets = 40;
    moddb::Batch batch = db.batch();
    batch.check("tagged", only(moddb::Condition::tag(tag)));
    batch.swap("small", "swapped", with_tag(9));
    batch.take("number");
    batch.touch("tagged", for_an_hour());
    batch.incr("timed", 1, if_new());
    for (std::size_t i = 0; i < sets; ++i)
        batch.set("many " + std::to_string(i) + std::string(i % 5 * 200, 'k'),
                  std::string(i % 7 * 100, 'm'));
    const std::size_t read = batch.get("long", true);
    test::require(batch.commit(), "a long transaction is done");
    // Over netlink the reply has only the length of such a long value.
    const moddb::OperationResult result = batch.result(read);
    test::require(result.value_length == long_value.size() &&
                      result.value.value_or(long_value) == long_value,
                  "a long transaction reads a long value");
}

// The operations of a batch are independent: one that found no memory is repeated.
void write_many(Database &db)
{
    const auto key = [](std::size_t i) { return "many " + std::to_string(i); };
    const auto value = [](std::size_t i) { return std::string(i * 40, 'm'); };
    moddb::Batch batch = db.batch();
    for (std::size_t i = 0; i < 20; ++i)
        batch.set(key(i), value(i));
    batch.run();
    for (std::size_t i = 0; i < batch.size(); ++i)
        if (const auto result = batch.result(i); result.status) {
            test::require(result.status == -ENOMEM,
                          "a fault in one operation of a batch is ENOMEM");
            db.set(key(i), value(i));
        }
}

// Repeats each exchange that a fault prevented, or whose reply it lost.
void exchange_many(Database &db)
{
    moddb::Batch batch = db.batch();
    batch.swap("small", "swapped", with_tag(9));
    batch.take("number");
    batch.touch("tagged", for_an_hour());
    const int status = outcome([&] { batch.run(); });
    if (status == -ENOMEM && batch.result(0).status == -EINPROGRESS)
        throw moddb::Error(status, "no operation was tried");
    if (!batch.result(0))
        db.swap("small", "swapped", with_tag(9));
    if (!batch.result(1))
        db.take("number");
    if (!batch.result(2))
        db.touch("tagged", for_an_hour());
}

void read_many(Database &db)
{
    const std::vector<std::string> keys = {"small", "nothing", "long", "number"};
    const auto values = db.get_many(keys);
    test::require(values[0] == "a value" && !values[1] && values[2] == long_value &&
                      values[3] == "41",
                  "many values, or an error");
}

void read_part(Database &db, std::size_t offset, std::size_t length)
{
    const auto first = db.get_part("long", offset, length);
    test::require(first && first->bytes == long_value.substr(offset, length) &&
                      first->value_length == long_value.size(),
                  "a part, or an error");
    const auto next = db.get_part("long", offset + length, length, first->version);
    test::require(next && next->version == first->version, "a part of the same version");
}

// Each listing continues where the previous one ended.
void list_in_steps(Database &db)
{
    std::size_t listed = 0;
    moddb::ListOptions options;
    options.limit = 2;
    do {
        moddb::List list = db.list(options);
        for (const moddb::EntryView &entry : list)
            listed += entry.value.has_value();
        test::require(list.size() <= options.limit, "a limited listing has no more entries");
        options.after = list.cursor();
    } while (options.after);
    test::require(listed == entries, "listings that continue each other have each entry once");
}

void list_streaming(Database &db)
{
    std::size_t listed = 0;
    moddb::ListOptions options;
    options.stream = options.info = true;
    options.prefix = "t";
    for (const moddb::EntryView &entry : db.list(options))
        listed += entry.info.tag == tag || entry.info.ttl;
    test::require(listed == 2, "a listing that streams has what its prefix matches");
}

std::unique_ptr<moddb::Watch> watch;

// A watch that continues from the revision at which another client's began.
void resume()
{
    moddb::WatchOptions options;
    options.resume = true;
    options.since = watch->revision();
    Database("default", transport, patience).watch(options).sync();
}

// Takes a lock that ends with its handle.
void lock()
{
    Database database("default", transport, patience);
    test::require(database.lock("lock").has_value(), "a free lock is taken");
}

void listen(Database &db)
{
    moddb::WatchOptions options;
    options.initial = true;
    moddb::Watch watch = db.watch(options);
    // The first sync ends the initial entries.
    for (int syncs = 0; syncs < 2;) {
        const auto event = watch.read(patience);
        if (!event)
            return;
        if (event->kind == moddb::Kind::sync && ++syncs == 1)
            watch.sync();
    }
}

// Ensures that another client watches, with room in its receive buffer.
void watch_anew()
{
    try {
        while (watch && watch->read(moddb::Milliseconds(0)))
            ;
    } catch (const moddb::Error &) {
        // The watch ended because it missed events.
        watch.reset();
    }
    if (!watch)
        watch = std::make_unique<moddb::Watch>(Database().watch());
}

// Creates the database "other" again, so that it has no window.
void other_anew()
{
    Database observer;
    observer.remove("other");
    observer.create("other");
    Database("other").set("x", "y");
    // Workers empty removed and cleared databases; until then the keys count for the user.
    const std::uint64_t deadline = test::nanoseconds() + 10'000'000'000;
    for (moddb_stat stat; (stat = observer.stat()).user_keys != stat.keys;) {
        test::require(test::nanoseconds() < deadline, "removed entries are no longer counted");
        test::pause(std::chrono::milliseconds(1));
    }
}

std::unique_ptr<Window> window;
std::unique_ptr<Database> writer;

const std::string piece(30'000, 'p');

const std::string prefix = "prefix/";
constexpr std::size_t prefixed = 300;

// Writes more entries than one step of a deletion by prefix deletes.
void fill_prefix()
{
    other_anew();
    Database database("other");
    moddb::Batch batch = database.batch();
    for (std::size_t i = 0; i < prefixed; ++i)
        batch.set(prefix + std::to_string(i), "value");
    batch.run();
}

// Makes a window that must allocate a chunk for the next piece: it began with two of 256 KiB, and
// one is full.
void fill_window()
{
    window.reset();
    other_anew();
    window = std::make_unique<Window>();
    writer = std::make_unique<Database>("other", transport, patience);
    for (char key = '1'; key <= '9'; ++key)
        writer->set(std::string(1, key), piece);
}

void write_while_window_grows()
{
    writer->set("next", piece);
    test::require(window->agrees("next", piece) && window->agrees("x", "y"),
                  "the window agrees with the database while it grows");
}

// Deletes the entries that fill_prefix() has written. A later step that fails leaves those of the
// earlier ones deleted: the call is repeated then.
void delete_prefix()
{
    Database database("other", transport, patience);
    std::uint64_t deleted = 0;
    const int result = moddb_del_prefix(database.handle(), prefix.data(), prefix.size(), &deleted);
    if (result == -ENOMEM && deleted == 0)
        throw moddb::Error(result, moddb_error_text(database.handle()));
    if (result < 0)
        deleted += database.del_prefix(prefix);
    test::require(deleted <= prefixed, "no entry is deleted twice");
}

// Reads the same part until the library has mapped a window, and then from the window.
void read_part_by_window()
{
    Database database("other", transport, patience);
    for (int i = 0; i < 40; ++i) {
        const auto part = database.get_part("x", 0, 10);
        test::require(part && part->bytes == "y", "a part, whichever way it is read");
    }
}

const Operation operations[] = {
    {"open", [](Database &) { Database("other", transport, patience).get("x"); }, false},
    {"get", [](Database &db) { db.get("small"); }},
    {"get with info", [](Database &db) { db.get_with_info("timed"); }},
    {"get a long value", [](Database &db) { db.get("long"); }},
    {"get nothing", [](Database &db) { db.get("nothing"); }},
    {"get a part", [](Database &db) { db.get_part("small", 2, 3); }},
    {"get parts of a long value", [](Database &db) { read_part(db, 10, 1000); }},
    {"get long parts", [](Database &db) { read_part(db, 10, 45'000); }},
    {"get a part of another version",
     [](Database &db) {
         const int status = outcome([&] { db.get_part("long", 0, 10, 1); });
         test::require(status != 0, "a part has the requested version");
         if (status != -ECANCELED)
             throw moddb::Error(status, "the part was not read");
     }},
    {"get a part by a window", [](Database &) { read_part_by_window(); }, false, other_anew},
    {"get many", read_many},
    {"set", [](Database &db) { db.set("new", "value"); }},
    {"set an old key", [](Database &db) { db.set("small", "another"); }},
    {"set more", [](Database &db) { db.set("small", std::string(20'000, 'x')); }},
    {"set a long value", [](Database &db) { db.set("new", std::string(200'000, 'x')); }},
    {"set with a time", [](Database &db) { db.set("new", "value", for_an_hour()); }},
    {"set with a tag", [](Database &db) { db.set("small", "value", with_tag(tag)); }},
    {"set if tag", [](Database &db) { db.set("tagged", "v", only(moddb::Condition::tag(tag))); }},
    {"set if another tag",
     [](Database &db) { db.set("small", "v", only(moddb::Condition::tag(tag))); }},
    {"set ephemeral", [](Database &db) { db.set("new", "value", ephemeral()); }},
    {"set ephemeral with a time", [](Database &db) { db.set("small", "v", ephemeral(true)); }},
    {"set if absent",
     [](Database &db) { db.set("number", "v", only(moddb::Condition::absent())); }},
    {"set if value",
     [](Database &db) { db.set("number", "v", only(moddb::Condition::value("41"))); }},
    {"del", [](Database &db) { db.del("small"); }},
    {"del a long value", [](Database &db) { db.del("long"); }},
    {"del if tag", [](Database &db) { db.del("tagged", only(moddb::Condition::tag(tag))); }},
    {"del by prefix", [](Database &db) { db.del_prefix("t"); }},
    {"del by prefix in steps", [](Database &) { delete_prefix(); }, false, fill_prefix},
    {"del if not", [](Database &db) { db.del("small", only(moddb::Condition::value("v"))); }},
    {"incr", [](Database &db) { db.incr("number"); }},
    {"touch", [](Database &db) { db.touch("number", std::chrono::hours(1)); }},
    {"touch of a time", [](Database &db) { db.touch("timed"); }},
    {"touch if another tag",
     [](Database &db) { db.touch("timed", only(moddb::Condition::tag(tag))); }},
    {"touch of a long value", [](Database &db) { db.touch("long", for_an_hour()); }},
    {"touch of nothing", [](Database &db) { db.touch("nothing"); }},
    {"incr a new key", [](Database &db) { db.incr("new"); }},
    {"incr a new key with a tag",
     [](Database &db) {
         moddb::CounterOptions options;
         options.tag = tag;
         options.condition = moddb::Condition::absent();
         db.try_incr("new", 1, options);
     }},
    {"incr with a time", [](Database &db) { db.incr("timed"); }},
    {"incr that keeps its time", [](Database &db) { db.incr("timed", 1, if_new()); }},
    {"incr that gets a time", [](Database &db) { db.incr("new", 1, if_new()); }},
    {"swap", [](Database &db) { db.swap("number", "43"); }},
    {"swap of a long value", [](Database &db) { db.swap("long", std::string(100'000, 's')); }},
    {"swap of nothing", [](Database &db) { db.swap("new", "value", ephemeral()); }},
    {"take", [](Database &db) { db.take("small"); }},
    {"take of a long value", [](Database &db) { db.take("long"); }},
    {"take of nothing", [](Database &db) { db.take("nothing"); }},
    {"take if another value",
     [](Database &db) { db.take("long", only(moddb::Condition::value("v"))); }},
    {"batch", write_many},
    {"batch of exchanges", exchange_many},
    {"transaction", [](Database &db) { transact(db, true); }},
    {"transaction that fails", [](Database &db) { transact(db, false); }},
    {"transaction of many operations", transact_many},
    {"list in steps", list_in_steps},
    {"list that streams", list_streaming},
    {"list",
     [](Database &db) {
         for (const moddb::EntryView &entry : db.list())
             static_cast<void>(entry);
     }},
    {"snapshot", [](Database &db) { db.snapshot(); }},
    {"watch", listen},
    {"watch that resumes", [](Database &) { resume(); }, false, watch_anew},
    {"wait",
     [](Database &db) {
         test::require(!db.wait("small", moddb::Until::absent(), moddb::Milliseconds(1)),
                       "a wait ends when its time is over");
     }},
    {"lock", [](Database &) { lock(); }, false},
    {"lost", [](Database &db) { db.lost(); }},
    {"lost, signaled", [](Database &db) { db.lost_fd(); }},
    {"cached",
     [](Database &db) {
         moddb::CachedKey cached = db.cached("small");
         cached.get();
         cached.get();
     }},
    {"db create", [](Database &db) { db.create("new"); }},
    {"db create ephemeral",
     [](Database &db) {
         moddb::DatabaseOptions options;
         options.ephemeral = true;
         db.create("new", options);
     }},
    {"db set",
     [](Database &db) {
         moddb::DatabaseOptions options;
         options.mode = 0640;
         options.max_keys = 100;
         db.alter("other", options);
     }},
    {"db clear", [](Database &db) { db.clear("default"); }},
    {"db seal", [](Database &db) { db.seal("other"); }},
    {"db delete", [](Database &db) { db.remove("other"); }},
    {"db replace",
     [](Database &db) {
         db.replace({{"next", "other"}});
     }},
    {"db get", [](Database &db) { db.database("other"); }},
    {"db list", [](Database &db) { db.databases(); }},
    {"stat", [](Database &db) { db.stat(); }},
    {"module info", [](Database &db) { db.module_info(); }},
    {"set as a new user",
     [](Database &db) { as_stranger([&] { db.set("new", std::string(500, 's')); }); }},
    {"window", [](Database &) { test::require(Window().agrees("x", "y"), "the window's entry"); },
     false, other_anew},
    // A watch that cannot be notified must not fail the write.
    {"set while watched", [](Database &db) { db.set("small", "told"); }, true, watch_anew},
    // Nor may a window that finds no memory.
    {"set while a window grows", [](Database &) { write_while_window_grows(); }, false,
     fill_window},
};

// ENOMEM means that nothing was done. After other errors, such as a lost reply, it may have been.
bool is_certain(int status)
{
    return status == -ENOMEM;
}

// Whether the operation was done. Fails if it was done in part.
bool was_done(const Operation &operation, unsigned nth, int status, const State &before,
              const State &after, Database &observer)
{
    std::string from_before, from_after;
    for (unsigned tries = 0; tries < 200; ++tries) {
        const State now = look(observer);
        from_after = is_certain(status) ? "not expected" : difference(after, now, false);
        from_before = status ? difference(before, now, true) : "not expected";
        if (from_before.empty())
            return false;
        if (from_after.empty())
            return true;
        test::pause(std::chrono::milliseconds(10));
    }
    test::fail(std::string(operation.name) + ", fault " + std::to_string(nth) + ", status " +
               std::to_string(status) + ": since before: " + from_before +
               "; since it was done: " + from_after);
}

// Open files and unfinished dumps; each prevents unloading.
int module_users()
{
    int users = -1;
    std::ifstream("/sys/module/moddb/refcnt") >> users;
    return users;
}

// Returns how many of the faults made the operation fail.
unsigned test_operation(const Operation &operation, Database &observer, Fault &fault)
{
    const int users = module_users();
    std::unique_ptr<Database> db;
    const auto attempt = [&](unsigned nth, bool &struck) {
        if (!db)
            db = std::make_unique<Database>("default", transport, patience);
        operation.prepare();
        return outcome([&] {
            struct Disarm {
                ~Disarm() { struck = fault.disarm(); }
                Fault &fault;
                bool &struck;
            } const disarm{fault, struck};
            if (nth)
                fault.arm(nth);
            operation.run(*db);
        });
    };
    const auto again = [&] {
        db.reset();
        restore(observer);
        operation.prepare();
        return look(observer);
    };
    bool struck = false;
    // The first run allocates what is allocated only once; the second shows what the operation
    // does.
    for (int i = 0; i < 2; ++i) {
        again();
        test::require(attempt(0, struck) == 0, std::string(operation.name) + " without a fault");
    }
    const State after = look(observer);
    State before = again();

    unsigned errors = 0, nth = 0;
    do {
        const int status = attempt(++nth, struck);
        test::require(struck || status == 0,
                      std::string(operation.name) +
                          " fails without a fault: " + std::to_string(status));
        errors += struck && status;
        bool is_spoilt = was_done(operation, nth, status, before, after, observer);
        if (is_certain(status) && errors == 1 && operation.is_on_handle) {
            test::require(outcome([&] { operation.run(*db); }) == 0,
                          std::string(operation.name) + " on the handle that has seen fault " +
                              std::to_string(nth));
            is_spoilt = was_done(operation, nth, 0, before, after, observer);
        }
        if (is_spoilt)
            before = again();
        else if (status && !is_certain(status))
            db.reset();
    } while (struck);
    db.reset();
    watch.reset();
    window.reset();
    writer.reset();
    observers.clear();
    // The kernel releases a closed socket, and its dump, a moment later.
    test::wait_until([&] { return module_users() == users; },
                     std::string(operation.name) + " releases the module");
    // Every netlink request allocates memory; over the device some operations allocate nothing.
    test::require(errors > 0 || transport == moddb::Transport::device,
                  std::string(operation.name) + ": no fault had an effect");
    std::printf("%s: %u faults, %u errors\n", operation.name, nth - 1, errors);
    return errors;
}

// ------------------------------------------------------------------ module

void unload()
{
    test::wait_until(
        [] { return syscall(SYS_delete_module, "moddb", O_NONBLOCK) == 0 || errno == ENOENT; },
        "the module can be unloaded");
}

// Returns the number of allocations of loading with these parameters, which must fail with the
// error, or succeed if it is 0.
unsigned allocations(int fd, const char *parameters, int error, Fault &fault)
{
    constexpr unsigned many = 1'000'000;
    unload();
    fault.arm(many);
    const int status = syscall(SYS_finit_module, fd, parameters, 0) == 0 ? 0 : errno;
    const unsigned left = fault.left();
    fault.disarm();
    test::require(status == error, std::string("loading with '") + parameters + '\'');
    return many - left;
}

void test_loading(const char *file, Fault &fault)
{
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    test::require(fd >= 0, file);
    // Skip what the kernel allocates before it parses the parameters: without memory its tracing
    // code warns.
    const unsigned first = allocations(fd, "max_bytes=none", EINVAL, fault) + 1;
    const unsigned last = allocations(fd, "", 0, fault);
    // The middle creates the caches of entries, all in the same way: there only every few
    // allocations fail.
    constexpr unsigned each = 150, step = 17;
    unsigned errors = 0, loads = 0;
    bool struck = true;
    for (unsigned nth = first; struck;
         nth += nth < first + each || nth + each + step > last ? 1 : step) {
        unload();
        fault.arm(nth);
        const long status = syscall(SYS_finit_module, fd, "", 0);
        struck = fault.disarm();
        errors += status != 0;
        test::require(struck || status == 0, "the module loads without a fault");
        if (status == 0) {
            Database database;
            database.set("key", "value");
            test::require(database.get("key") == "value", "the module works once it is loaded");
            database.del("key");
        }
        if (++loads % 50 == 0)
            std::printf("loading: allocation %u of %u\n", nth, last);
    }
    close(fd);
    test::require(errors > 0, "loading: no fault had an effect");
    std::printf("loading: %u times, allocations %u to %u, %u errors\n", loads, first, last, errors);
}

// Creating a network namespace without memory either fails, or makes its database "default".
void test_namespace(Fault &fault)
{
    unsigned nth = 0, errors = 0;
    bool struck = false;
    const int host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    test::require(host >= 0, "the network namespace");
    do {
        test::require(unshare(CLONE_NEWNET) == 0, "unshare");
        fault.arm(++nth);
        const int status = outcome([] {
            Database database("default", transport, patience);
            database.set("key", "value");
        });
        struck = fault.disarm();
        errors += status != 0;
        test::require(struck || status == 0, "a namespace's default is made without a fault");
        test::require(Database().get("key").value_or("value") == "value",
                      "a namespace's default works");
        test::require(setns(host, CLONE_NEWNET) == 0, "setns");
        test::wait_until([] { return module_users() == 0; },
                         "a namespace that could not be made releases the module");
    } while (struck);
    close(host);
    std::printf("a namespace's default: %u faults, %u errors\n", nth - 1, errors);
}

void test_faults(const char *module_file)
{
    prepare_kernel();
    Fault fault;
    {
        Database observer;
        unsigned errors = 0;
        for (const Operation &operation : operations)
            errors += test_operation(operation, observer, fault);
        test::require(errors > 0, "no fault had an effect");
        for (const moddb_database_info &info : observer.databases())
            if (std::string_view(info.name) != "default")
                observer.remove(info.name);
        observer.clear("default");
    }
    test_namespace(fault);
    if (module_file)
        test_loading(module_file, fault);
}

} // namespace

int main(int argc, char **argv)
{
    const std::string_view how = argc > 1 ? argv[1] : "";
    if (argc > 3 || (how != "netlink" && how != "device")) {
        std::fprintf(stderr, "usage: stress-faults netlink|device [MODULE-FILE]\n");
        return 2;
    }
    // With both transports allowed, the library would fall back on the other and hide the fault.
    transport = how == "device" ? moddb::Transport::device : moddb::Transport::netlink;
    // argv ends with a null pointer.
    return test::run_test("faults", [&] { test_faults(argv[2]); });
}
