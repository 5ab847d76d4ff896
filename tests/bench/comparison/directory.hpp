// SPDX-License-Identifier: MIT
//
// A temporary directory, removed by the destructor.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace comparison {

class Directory {
  public:
    explicit Directory(const std::string &parent) : path_(parent + "/moddb-bench.XXXXXX")
    {
        if (mkdtemp(path_.data()) == nullptr)
            throw std::system_error(errno, std::generic_category(), path_);
    }
    ~Directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Directory(const Directory &) = delete;
    Directory &operator=(const Directory &) = delete;

    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

} // namespace comparison
