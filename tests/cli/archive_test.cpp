// SPDX-License-Identifier: MIT
//
// The file of `moddb save`: it is read back as written, any damage is refused with its position,
// and the old file stays until the new one is complete.

#include "archive/encode.hpp"
#include "archive/reader.hpp"
#include "archive/writer.hpp"
#include "exit_status.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

using namespace cli;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

class Directory {
  public:
    Directory() : path_((std::filesystem::temp_directory_path() / "moddb-test.XXXXXX").string())
    {
        REQUIRE(::mkdtemp(path_.data()) != nullptr);
    }
    ~Directory() { std::filesystem::remove_all(path_); }

    std::string file() const { return path_ + "/saved"; }
    std::size_t files() const
    {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(path_), {}));
    }

  private:
    std::string path_;
};

std::string bytes_of(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

void write_bytes(const std::string &path, const std::string &bytes)
{
    std::ofstream(path, std::ios::binary) << bytes;
}

struct Content {
    std::vector<std::string> databases;
    std::vector<std::string> keys;
    std::vector<std::string> values;
    std::vector<std::uint64_t> versions;
};

Content read(const std::string &path)
{
    Content content;
    archive::Reader reader(path);
    reader.read(
        {[&](const archive::Database &database) { content.databases.push_back(database.name); },
         [&](const archive::Entry &entry) {
             content.keys.emplace_back(entry.key);
             content.values.emplace_back(entry.value);
             content.versions.push_back(entry.version);
         },
         [](std::uint64_t) {}});
    return content;
}

void write_sample(const std::string &path)
{
    archive::Writer writer(path);
    writer.add(archive::Database{"default", 0, 0, 01666, 0, 0, 0, 7});
    writer.add(archive::Entry{"a\0b"sv, "", 5, 1, 0, 0});
    writer.add(archive::Entry{"tagged", "value", 6, 1, 0, 0, 77});
    writer.add(archive::Entry{"key", "value", 7, 1, 1500, 1000});
    writer.add(archive::Database{"empty", 1000, 1000, 0600, archive::flag_sealed, 1 << 20, 10, 3});
    writer.commit();
}

} // namespace

TEST_CASE("an archive is read back")
{
    const Directory directory;
    write_sample(directory.file());
    const Content content = read(directory.file());
    CHECK(content.databases == std::vector{"default"s, "empty"s});
    CHECK(content.keys == std::vector{"a\0b"s, "tagged"s, "key"s});
    CHECK(content.values == std::vector{""s, "value"s, "value"s});
    CHECK(content.versions == std::vector<std::uint64_t>{5, 6, 7});
    CHECK(directory.files() == 1);
}

TEST_CASE("all fields of a database and of an entry survive")
{
    const Directory directory;
    write_sample(directory.file());
    archive::Reader reader(directory.file());
    archive::Database last;
    std::uint64_t ttl_ms = 0;
    std::uint32_t uid = 0, tags = 0;
    reader.read({[&](const archive::Database &database) { last = database; },
                 [&](const archive::Entry &entry) {
                     ttl_ms = entry.ttl_ms;
                     uid = entry.uid;
                     tags += entry.tag;
                 },
                 [](std::uint64_t) {}});
    CHECK(last.owner == 1000);
    CHECK(last.group == 1000);
    CHECK(last.mode == 0600);
    CHECK(last.flags == archive::flag_sealed);
    CHECK(last.max_bytes == 1 << 20);
    CHECK(last.max_keys == 10);
    CHECK(last.revision == 3);
    CHECK(ttl_ms == 1500);
    CHECK(uid == 1000);
    CHECK(tags == 77);
}

TEST_CASE("many and large entries")
{
    const Directory directory;
    const std::string large(1024 * 1024, 'x');
    {
        archive::Writer writer(directory.file());
        writer.add(archive::Database{"default", 0, 0, 0666, 0, 0, 0, 1});
        for (int number = 0; number < 20000; ++number)
            writer.add(archive::Entry{std::to_string(number), "some value", 1, 1, 0, 0});
        writer.add(archive::Entry{std::string(1024, 'k'), large, 1, 1, 0, 0});
        writer.commit();
    }
    const Content content = read(directory.file());
    CHECK(content.keys.size() == 20001);
    CHECK(content.values.back() == large);
}

TEST_CASE("every changed or missing byte is refused, and a longer file with the position")
{
    const Directory directory;
    write_sample(directory.file());
    const std::string whole = bytes_of(directory.file());

    for (std::size_t byte = 0; byte < whole.size(); ++byte) {
        std::string changed = whole;
        changed[byte] = static_cast<char>(changed[byte] ^ 0x40);
        write_bytes(directory.file(), changed);
        CHECK_THROWS_AS(archive::Reader(directory.file()).verify(), Failure);
    }
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_bytes(directory.file(), whole.substr(0, length));
        CHECK_THROWS_AS(archive::Reader(directory.file()).verify(), Failure);
    }
    write_bytes(directory.file(), whole + "x");
    try {
        archive::Reader(directory.file()).verify();
        FAIL("bytes after the end were not noticed");
    } catch (const Failure &failure) {
        CHECK(std::string(failure.what()).find("damaged at byte " + std::to_string(whole.size())) !=
              std::string::npos);
    }
}

TEST_CASE("a file that moddb did not save is refused")
{
    const Directory directory;
    write_bytes(directory.file(), std::string(1000, 'x'));
    CHECK_THROWS_AS(archive::Reader(directory.file()).verify(), Failure);
    CHECK_THROWS_AS(archive::Reader("/nonexistent/file"), Failure);
    CHECK_THROWS_AS(archive::Reader("/dev/null"), Failure);
    CHECK_THROWS_AS(archive::Writer("/dev/null"), Failure);
}

TEST_CASE("no part may be longer than the store allows")
{
    const auto entry = [](std::size_t key, std::size_t value) {
        const std::string bytes(std::max(key, value), 'x');
        const std::string_view view = bytes;
        std::string section;
        archive::append(section,
                        archive::Entry{view.substr(0, key), view.substr(0, value), 1, 2, 3, 4});
        return archive::Decoder(section).entry(false).has_value();
    };
    CHECK(entry(1024, 1024 * 1024));
    CHECK(!entry(1025, 1));
    CHECK(!entry(1, 1024 * 1024 + 1));
    const auto database = [](const std::string &name) {
        std::string section;
        archive::append(section, archive::Database{name, 1, 2, 0600, 0, 0, 0, 3});
        return archive::Decoder(section).database().has_value();
    };
    CHECK(database(std::string(63, 'n')));
    CHECK(!database(std::string(64, 'n')));
    // The kernel would take it for another name.
    CHECK(!database("default\0x"s));
}

TEST_CASE("without a commit the old file stays, and no temporary file is left")
{
    const Directory directory;
    write_sample(directory.file());
    const std::string before = bytes_of(directory.file());
    {
        archive::Writer writer(directory.file());
        writer.add(archive::Database{"other", 0, 0, 0666, 0, 0, 0, 1});
    }
    CHECK(bytes_of(directory.file()) == before);
    CHECK(directory.files() == 1);
}
