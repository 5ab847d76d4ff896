// SPDX-License-Identifier: MIT
//
// Small values are overwritten in place while processes read them in every way. Each value follows
// from its number, which is also its tag: every read must return one complete value with its own
// length and tag, and no read may see an older version than the previous one.

#include "../support/process.hpp"

#include <atomic>
#include <cinttypes>

namespace {

constexpr unsigned keys = 4;
constexpr std::uint64_t changes_wanted = 2000;

// All lengths of a key's values need entries of one size. Those of the odd keys are long.
constexpr std::size_t shortest[] = {33, 690}, lengths[] = {15, 100};

struct Progress {
    std::atomic<bool> is_over{false};
};

std::string key_of(std::uint64_t number)
{
    return "overwritten/" + std::to_string(number % keys);
}

// The number of a value has the key's number as its remainder.
std::string value_of(std::uint32_t number)
{
    const bool is_long = number % 2;
    std::string value(shortest[is_long] + number % lengths[is_long],
                      static_cast<char>('a' + number % 26));
    const std::string digits = std::to_string(number) + ":";
    return value.replace(0, digits.size(), digits);
}

std::uint32_t number_of(std::string_view value)
{
    const auto number = static_cast<std::uint32_t>(std::stoul(std::string(value)));
    test::require(value == value_of(number), "a value is torn: " + std::string(value));
    return number;
}

// Counts the reads of one kind, and how often they saw another version than before.
class Reads {
  public:
    explicit Reads(const char *name) : name_(name) {}

    void saw(std::string_view value, std::uint64_t version, std::uint32_t tag, std::uint64_t key)
    {
        std::uint64_t &last = versions_[key % keys];
        test::require(number_of(value) == tag, name_ + ": the tag is of another value");
        test::require(version >= last, name_ + ": an older version was read");
        changes_ += version != last;
        last = version;
        ++reads_;
    }
    bool are_enough() const { return changes_ >= changes_wanted; }
    void print() const
    {
        std::printf("%s: %" PRIu64 " reads, %" PRIu64 " new versions\n", name_.c_str(), reads_,
                    changes_);
    }

  private:
    std::string name_;
    std::uint64_t versions_[keys] = {};
    std::uint64_t reads_ = 0, changes_ = 0;
};

void overwrite(const Progress &progress)
{
    moddb::Database database;
    moddb::Batch batch = database.batch();
    moddb::WriteOptions options;
    for (std::uint32_t number = 0; !progress.is_over; ++number) {
        options.tag = number;
        if (number / keys % 2) {
            database.set(key_of(number), value_of(number), options);
            continue;
        }
        batch.set(key_of(number), value_of(number), options);
        if (batch.size() == keys) {
            batch.run();
            batch.clear();
        }
    }
}

// A plain get has neither tag nor version, but the numbers of a key rise as its versions do.
void read_plainly(moddb::Database &database, Reads &reads, std::uint64_t i)
{
    const auto value = database.get(key_of(i));
    const std::uint32_t number = number_of(*value);
    reads.saw(*value, number, number, i);
}

void read_with_info(moddb::Database &database, Reads &reads, std::uint64_t i)
{
    const auto found = database.get_with_info(key_of(i));
    reads.saw(found->value, found->info.version, found->info.tag, i);
}

// The value that makes a condition fail is read after the lock is released.
void read_in_conflict(moddb::Database &database, Reads &reads, std::uint64_t i)
{
    moddb::WriteOptions options;
    options.condition = moddb::Condition::absent();
    options.want_current = true;
    const auto result = database.set(key_of(i), "never written", options);
    const auto &value = result.current;
    reads.saw(value.value(), result.version, number_of(value.value()), i);
}

// Reads all keys in one request, as a batch or as a transaction.
void read_together(moddb::Database &database, Reads &reads, bool as_transaction)
{
    moddb::Batch batch = database.batch();
    for (unsigned key = 0; key < keys; ++key)
        batch.get(key_of(key));
    if (as_transaction)
        batch.commit();
    else
        batch.run();
    for (unsigned key = 0; key < keys; ++key) {
        const moddb::OperationResult result = batch.result(key);
        reads.saw(result.value.value(), result.version, number_of(result.value.value()), key);
    }
}

void read_in_batch(moddb::Database &database, Reads &reads, std::uint64_t)
{
    read_together(database, reads, false);
}

void read_in_transaction(moddb::Database &database, Reads &reads, std::uint64_t)
{
    read_together(database, reads, true);
}

void read_in_parts(moddb::Database &database, Reads &reads, std::uint64_t i)
{
    const auto part = database.get_part(key_of(i), 0, 1000);
    const std::string value(part->bytes.begin(), part->bytes.end());
    test::require(value.size() == part->value_length, "a part has the whole value");
    reads.saw(value, part->version, number_of(value), i);
}

void read_listed(moddb::Database &database, Reads &reads, std::uint64_t)
{
    moddb::ListOptions options;
    options.prefix = "overwritten/";
    options.info = true;
    for (const moddb::EntryView &entry : database.list(options))
        reads.saw(entry.value.value(), entry.info.version, entry.info.tag,
                  static_cast<std::uint64_t>(entry.key.back() - '0'));
}

using ReadOnce = void(moddb::Database &, Reads &, std::uint64_t);

void read(const char *name, ReadOnce *once)
{
    const test::Shared<Progress> progress;
    test::Workers writing;
    writing.start([&] { overwrite(*progress); });
    moddb::Database database;
    Reads reads(name);
    for (std::uint64_t i = 0; !reads.are_enough(); ++i)
        once(database, reads, i);
    progress->is_over = true;
    writing.wait();
    reads.print();
}

void test_overwrite()
{
    moddb::Database database;
    for (std::uint32_t key = 0; key < keys; ++key) {
        moddb::WriteOptions options;
        options.tag = key;
        database.set(key_of(key), value_of(key), options);
    }
    read("get", read_plainly);
    read("get with info", read_with_info);
    read("conflict", read_in_conflict);
    read("batch", read_in_batch);
    read("transaction", read_in_transaction);
    read("part", read_in_parts);
    read("listing", read_listed);
    database.clear("default");
}

} // namespace

int main()
{
    return test::run_test("overwrite", test_overwrite);
}
