// SPDX-License-Identifier: MIT
//
// The file has the name of the database and then the keys, each escaped on a line of its own.

#include "listed.hpp"

#include "text/escape.hpp"

#include <array>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>

namespace cli {

namespace {

// More is of no use for completion at a prompt.
constexpr std::size_t longest = std::size_t{1} << 20U;

int file = -1;
std::optional<std::string> listed;

std::string read_file()
{
    std::string text;
    std::array<char, 65536> part;
    ssize_t length;
    while ((length = ::pread(file, part.data(), part.size(), static_cast<off_t>(text.size()))) > 0)
        text.append(part.data(), static_cast<std::size_t>(length));
    return text;
}

} // namespace

// Without memory for it, the keys are dropped.
ListedKeys::ListedKeys()
{
    file = ::memfd_create("moddb-listed", MFD_CLOEXEC);
}

ListedKeys::~ListedKeys()
{
    ::close(file);
    file = -1;
}

std::vector<std::string> ListedKeys::matching(const Globals &globals, std::string_view prefix) const
{
    std::vector<std::string> keys;
    const std::string text = read_file();
    std::string_view left = text;
    // A line without an end was cut.
    for (bool first = true; left.find('\n') != std::string_view::npos; first = false) {
        const auto line = unescape(left.substr(0, left.find('\n')));
        left.remove_prefix(left.find('\n') + 1);
        if (first && line != globals.database)
            break;
        if (!first && line && line->starts_with(prefix))
            keys.push_back(*line);
    }
    return keys;
}

void begin_listed(const Globals &globals)
{
    if (file >= 0)
        listed = escape(globals.database) + "\n";
}

void add_listed(std::string_view key)
{
    if (listed && listed->size() < longest)
        *listed += escape(key) + "\n";
}

void save_listed()
{
    if (!listed || ::ftruncate(file, 0) != 0)
        return;
    std::size_t done = 0;
    while (done < listed->size()) {
        const ssize_t length =
            ::pwrite(file, listed->data() + done, listed->size() - done, static_cast<off_t>(done));
        if (length <= 0)
            return;
        done += static_cast<std::size_t>(length);
    }
}

} // namespace cli
