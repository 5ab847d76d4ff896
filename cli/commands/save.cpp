// SPDX-License-Identifier: MIT
//
// moddb save: writes every database that the caller may read to a file.

#include "archive/save.hpp"
#include "archive/file.hpp"
#include "commands.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "terminal/progress.hpp"
#include "text/escape.hpp"

#include <fmt/core.h>
#include <memory>
#include <optional>

namespace cli {

namespace {

class StandardOutput final : public archive::Output {
  public:
    void write(std::string_view bytes) override { put(bytes); }
    void commit() override { flush_output(); }
};

std::unique_ptr<archive::Output> output_to(const std::string &path)
{
    if (path == "-")
        return std::make_unique<StandardOutput>();
    return std::make_unique<archive::ReplacementFile>(path);
}

class Reporter final : public archive::SaveObserver {
  public:
    void begin(const std::string &database, std::uint64_t, std::uint64_t entries) override
    {
        progress_.emplace(fmt::format("saving {}", escape(database)), entries);
    }
    void progress(std::uint64_t entries) override { progress_->update(entries); }
    void inexact(const std::string &database, const std::string &reason) override
    {
        progress_.reset();
        print_error(
            fmt::format("{} is saved, but not as of one revision: {}", quote(database), reason));
    }
    void omitted(const std::string &database, const Failure &failure) override
    {
        progress_.reset();
        print_error(fmt::format("{} is omitted: {}", quote(database), failure.what()));
        if (failure.status() != ExitStatus::permission)
            status_ = ExitStatus::other;
    }
    // Signals end the process.
    void interrupted() override {}

    ExitStatus status() const { return status_; }

  private:
    std::optional<Progress> progress_;
    ExitStatus status_ = ExitStatus::done;
};

ExitStatus run(const Invocation &invocation)
{
    exit_on_signal();
    // Without the module the file is not touched.
    const Session session(invocation.globals, "");
    archive::Writer writer(output_to(invocation.operands.words[0]));
    Reporter reporter;
    archive::save_all(session, invocation.globals.transport, writer, reporter);
    writer.commit();
    return reporter.status();
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command save_command{
    .name = "save",
    .operands = "FILE",
    .summary = "Write every database that you may read to FILE",
    .details = "FILE is replaced in one step when the new one is complete and on the disk.\n"
               "Entries and databases that belong to a session are omitted.",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
