// SPDX-License-Identifier: MIT
//
// Parses lines of "NAME = VALUE". A table has the settings.

#include "configuration.hpp"

#include "exit_status.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/number.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <grp.h>
#include <iterator>
#include <moddb/netlink.h>
#include <set>
#include <vector>

namespace replica {

namespace {

using cli::UsageError;
using namespace std::chrono_literals;

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view directory = "/etc/moddb/replica/";

// A first fill creates a database with a longer name.
constexpr std::size_t longest_database = MODDB_NAME_MAX - 16;

std::string_view trimmed(std::string_view text)
{
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string> parse_endpoints(std::string_view text)
{
    std::vector<std::string> endpoints;
    for (std::size_t end = 0; end != std::string_view::npos;) {
        end = text.find(',');
        const std::string_view one = trimmed(text.substr(0, end));
        const std::size_t colon = one.rfind(':');
        if (colon == std::string_view::npos || colon == 0 ||
            one.find_first_of(" \t/") != std::string_view::npos)
            throw UsageError(cli::excerpt(one) + " is not HOST:PORT");
        const std::uint64_t port = cli::parse_unsigned(one.substr(colon + 1), "the port");
        if (port == 0 || port > 65535)
            throw UsageError("there is no port " + std::to_string(port));
        endpoints.emplace_back(one);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return endpoints;
}

bool parse_choice(std::string_view text, std::string_view no, std::string_view yes)
{
    if (text != no && text != yes)
        throw UsageError(cli::excerpt(text) + " is neither '" + std::string(no) + "' nor '" +
                         std::string(yes) + "'");
    return text == yes;
}

Milliseconds parse_time(std::string_view text, Milliseconds least, Milliseconds most)
{
    const Milliseconds time = cli::parse_duration(text);
    if (time < least || time > most)
        throw UsageError("must be from " + cli::format_duration(least) + " to " +
                         cli::format_duration(most));
    return time;
}

std::uint32_t parse_group(const std::string &name)
{
    if (!name.empty() &&
        std::all_of(name.begin(), name.end(), [](char byte) { return byte >= '0' && byte <= '9'; }))
        return static_cast<std::uint32_t>(cli::parse_unsigned(name, "the group"));
    const group *found = ::getgrnam(name.c_str());
    if (found == nullptr)
        throw UsageError("there is no group " + cli::excerpt(name));
    return found->gr_gid;
}

struct Setting {
    std::string_view name;
    void (*set)(Configuration &, std::string_view);
};

constexpr std::array settings{
    Setting{"endpoints",
            [](Configuration &to, std::string_view text) {
                to.access.endpoints = parse_endpoints(text);
            }},
    Setting{"ca", [](Configuration &to, std::string_view text) { to.access.ca = text; }},
    Setting{"certificate",
            [](Configuration &to, std::string_view text) { to.access.certificate = text; }},
    Setting{"key", [](Configuration &to, std::string_view text) { to.access.key = text; }},
    Setting{"user", [](Configuration &to, std::string_view text) { to.access.user = text; }},
    Setting{"password-file",
            [](Configuration &to, std::string_view text) { to.access.password_file = text; }},
    Setting{"timeout",
            [](Configuration &to, std::string_view text) {
                to.access.timeout = parse_time(text, 100ms, 60s);
            }},
    Setting{"prefix", [](Configuration &to, std::string_view text) { to.prefix = text; }},
    Setting{"keys",
            [](Configuration &to, std::string_view text) {
                to.keep_prefix = parse_choice(text, "without-prefix", "with-prefix");
            }},
    Setting{"database", [](Configuration &to, std::string_view text) { to.database = text; }},
    Setting{"mode",
            [](Configuration &to, std::string_view text) { to.mode = cli::parse_mode(text); }},
    Setting{"group", [](Configuration &to,
                        std::string_view text) { to.group = parse_group(std::string(text)); }},
    Setting{"max-bytes",
            [](Configuration &to, std::string_view text) {
                to.max_bytes = cli::parse_size(text, "the limit");
            }},
    Setting{"max-keys",
            [](Configuration &to, std::string_view text) {
                to.max_keys = cli::parse_unsigned(text, "the limit");
            }},
    Setting{"shared", [](Configuration &to,
                         std::string_view text) { to.shared = parse_choice(text, "no", "yes"); }},
    Setting{"max-stale", [](Configuration &to,
                            std::string_view text) { to.max_stale = parse_time(text, 1s, 24h); }},
    Setting{"audit",
            [](Configuration &to, std::string_view text) {
                to.audit = parse_time(text, 1s, std::chrono::days(7));
            }},
    Setting{"max-delete",
            [](Configuration &to, std::string_view text) {
                const std::uint64_t percent = cli::parse_unsigned(text, "the percentage");
                if (percent > 100)
                    throw UsageError("must be at most 100");
                to.max_delete = static_cast<unsigned int>(percent);
            }},
};

void parse_line(Configuration &to, std::string_view line, std::set<std::string_view> &seen)
{
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
        throw UsageError("a setting is 'NAME = VALUE'");
    const std::string_view name = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    const auto setting =
        std::find_if(settings.begin(), settings.end(),
                     [name](const Setting &candidate) { return candidate.name == name; });
    if (setting == settings.end())
        throw UsageError("there is no setting " + cli::excerpt(name));
    if (!seen.insert(setting->name).second)
        throw UsageError(std::string(name) + " is given twice");
    if (value.empty())
        throw UsageError(std::string(name) + " has no value");
    try {
        setting->set(to, value);
    } catch (const UsageError &error) {
        throw UsageError(std::string(name) + ": " + error.what());
    }
}

void check(const Configuration &made)
{
    const Access &access = made.access;
    if (access.endpoints.empty())
        throw UsageError("endpoints is missing");
    if (made.prefix.empty())
        throw UsageError("prefix is missing");
    if (access.certificate.empty() != access.key.empty())
        throw UsageError("certificate and key need each other");
    if (!access.certificate.empty() && access.ca.empty())
        throw UsageError("a certificate needs ca, the authority that the server's is checked with");
    if (access.user.empty() != access.password_file.empty())
        throw UsageError("user and password-file need each other");
    if (!access.user.empty() && access.ca.empty())
        throw UsageError("a password needs ca: without TLS it could be read on the network");
    if (made.database.size() > longest_database)
        throw UsageError("the database's name is longer than " + std::to_string(longest_database) +
                         " bytes");
    if (made.database == "default")
        throw UsageError("'default' is writable for every user and cannot be a replica");
}

} // namespace

Configuration parse_configuration(std::string_view text, const std::string &file,
                                  const std::string &name)
{
    Configuration made;
    made.database = name;
    std::set<std::string_view> seen;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.front() == '#')
            continue;
        try {
            parse_line(made, line, seen);
        } catch (const UsageError &error) {
            throw UsageError(file + ":" + std::to_string(number) + ": " + error.what());
        }
    }
    try {
        check(made);
    } catch (const UsageError &error) {
        throw UsageError(file + ": " + error.what());
    }
    return made;
}

Configuration read_configuration(const std::string &name)
{
    const bool is_file = name.find('/') != std::string::npos;
    const std::string file = is_file ? name : std::string(directory) + name + ".conf";
    std::string database = file.substr(file.rfind('/') + 1);
    if (database.ends_with(".conf"))
        database.resize(database.size() - 5);
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (!stream)
        throw cli::Failure(cli::ExitStatus::usage,
                           file + ": " + std::strerror(errno != 0 ? errno : EIO));
    return parse_configuration(text, file, database);
}

} // namespace replica
