// SPDX-License-Identifier: MIT
//
// Translates a user's writes into those of etcd.

#include "write_request.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"
#include "text/number.hpp"
#include "text/words.hpp"

namespace replica {

using cli::UsageError;

void add_line(WriteRequest &request, std::string_view line)
{
    const std::vector<cli::Word> words = cli::split_words(line);
    if (words.empty())
        return;
    const std::string &name = words[0].text;
    if (name == "put" && words.size() == 3) {
        request.writes.push_back({words[1].text, words[2].text});
    } else if (name == "del" && words.size() == 2) {
        request.writes.push_back({words[1].text, std::nullopt});
    } else if (name == "check" && words.size() == 3) {
        const std::int64_t revision = cli::parse_signed(words[2].text, "the revision");
        request.checks.push_back({words[1].text, revision});
    } else {
        throw UsageError("a line is 'put KEY VALUE', 'del KEY' or 'check KEY REVISION'");
    }
}

WriteRequest with_keys_of_source(WriteRequest request, const Configuration &configuration)
{
    const auto convert = [&configuration](std::string &key) {
        if (key.empty())
            throw UsageError("an empty key");
        if (!configuration.keep_prefix)
            key.insert(0, configuration.prefix);
        else if (!key.starts_with(configuration.prefix))
            throw UsageError(cli::excerpt(key) + " does not begin with the replica's prefix");
    };
    for (RevisionCheck &check : request.checks)
        convert(check.key);
    for (KeyWrite &write : request.writes)
        convert(write.key);
    return request;
}

std::int64_t revision_of(std::uint32_t tag, std::int64_t position)
{
    return position - static_cast<std::int64_t>(static_cast<std::uint32_t>(position) - tag);
}

} // namespace replica
