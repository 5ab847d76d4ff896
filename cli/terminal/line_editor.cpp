// SPDX-License-Identifier: MIT
//
// Loads libedit when it is needed: to link it would cost every other command the time to resolve
// its symbols.

#include "terminal/line_editor.hpp"

#include "terminal/input.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <dlfcn.h>
#include <fmt/core.h>
#include <histedit.h>
#include <langinfo.h>
#include <optional>
#include <unistd.h>

namespace cli {

namespace {

struct Libedit {
    decltype(&::el_init) init = nullptr;
    decltype(&::el_end) end = nullptr;
    decltype(&::el_set) set = nullptr;
    decltype(&::el_gets) gets = nullptr;
    decltype(&::el_line) line = nullptr;
    decltype(&::el_insertstr) insert = nullptr;
    decltype(&::el_deletestr) erase = nullptr;
    decltype(&::history_init) history_init = nullptr;
    decltype(&::history_end) history_end = nullptr;
    decltype(&::history) history = nullptr;

    // Whether all of it was found.
    bool load()
    {
        // Debian's name, and that of most others.
        void *library = nullptr;
        for (const char *name : {"libedit.so.2", "libedit.so.0"})
            if (library == nullptr)
                library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
        return library != nullptr && find(library, "el_init", init) &&
               find(library, "el_end", end) && find(library, "el_set", set) &&
               find(library, "el_gets", gets) && find(library, "el_line", line) &&
               find(library, "el_insertstr", insert) && find(library, "el_deletestr", erase) &&
               find(library, "history_init", history_init) &&
               find(library, "history_end", history_end) && find(library, "history", history);
    }

  private:
    template <typename Function>
    static bool find(void *library, const char *name, Function &function)
    {
        function = reinterpret_cast<Function>(::dlsym(library, name));
        return function != nullptr;
    }
};

} // namespace

struct LineEditor::State {
    std::string prompt;
    Complete complete;
    Libedit libedit;
    EditLine *editor = nullptr;
    History *history = nullptr;
    InputLines lines{1U << 20U}; // without libedit
    Interrupt *interrupt = nullptr;
    std::mbstate_t shift{};
};

namespace {

// For libedit's callbacks, one of which gets nothing but libedit's own object. There is one
// terminal.
LineEditor::State *current = nullptr;

char *prompt_of(EditLine *)
{
    return current->prompt.data();
}

// Waits for a character, or for a signal, which ends the line.
int read_character(EditLine *, wchar_t *character)
{
    for (;;) {
        if (current->interrupt->wait(STDIN_FILENO, std::nullopt))
            return -1;
        char byte = 0;
        const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return static_cast<int>(count);
        const std::size_t length = std::mbrtowc(character, &byte, 1, &current->shift);
        if (length == static_cast<std::size_t>(-1))
            current->shift = {};
        else if (length != static_cast<std::size_t>(-2))
            return 1;
    }
}

void show(const std::vector<std::string> &candidates)
{
    constexpr std::size_t most = 100;
    std::string text = "\n";
    for (std::size_t index = 0; index < std::min(most, candidates.size()); ++index)
        text += candidates[index] + "\n";
    if (candidates.size() > most)
        text += fmt::format("({} more)\n", candidates.size() - most);
    put(text);
    flush_output();
}

unsigned char complete_word(EditLine *editor, int)
{
    const LineInfo *line = current->libedit.line(editor);
    const WordCompletion completion =
        current->complete({line->buffer, static_cast<std::size_t>(line->cursor - line->buffer)});
    if (!completion.insert.empty()) {
        current->libedit.erase(editor, static_cast<int>(completion.erase));
        return current->libedit.insert(editor, completion.insert.c_str()) == 0 ? CC_REFRESH
                                                                               : CC_ERROR;
    }
    if (completion.candidates.size() < 2)
        return CC_REFRESH_BEEP;
    show(completion.candidates);
    return CC_REDISPLAY;
}

} // namespace

LineEditor::LineEditor(std::string prompt, Complete complete) : state_(new State)
{
    State &state = *state_;
    state.prompt = std::move(prompt);
    state.complete = std::move(complete);
    // libedit draws characters, of which an unknown locale has only ASCII.
    if (std::setlocale(LC_CTYPE, "") == nullptr ||
        std::string_view(::nl_langinfo(CODESET)) != "UTF-8")
        std::setlocale(LC_CTYPE, "C.UTF-8");
    Libedit &libedit = state.libedit;
    if (!libedit.load())
        return;
    current = &state;
    state.editor = libedit.init("moddb", stdin, stdout, stderr);
    state.history = libedit.history_init();
    if (state.editor == nullptr || state.history == nullptr)
        return;
    HistEvent event;
    libedit.history(state.history, &event, H_SETSIZE, 1000);
    libedit.history(state.history, &event, H_SETUNIQUE, 1);
    libedit.set(state.editor, EL_PROMPT, prompt_of);
    libedit.set(state.editor, EL_EDITOR, "emacs");
    libedit.set(state.editor, EL_SIGNAL, 0);
    libedit.set(state.editor, EL_HIST, libedit.history, state.history);
    libedit.set(state.editor, EL_GETCFN, read_character);
    libedit.set(state.editor, EL_ADDFN, "moddb-complete", "Complete the word", complete_word);
    libedit.set(state.editor, EL_BIND, "^I", "moddb-complete", nullptr);
    libedit.set(state.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::~LineEditor()
{
    if (state_->history != nullptr)
        state_->libedit.history_end(state_->history);
    if (state_->editor != nullptr)
        state_->libedit.end(state_->editor);
    current = nullptr;
}

LineEditor::Result LineEditor::read()
{
    State &state = *state_;
    Interrupt interrupt;
    state.interrupt = &interrupt;
    std::optional<std::string> line;
    if (state.editor != nullptr && state.history != nullptr) {
        int count = 0;
        state.shift = {};
        // libedit shows the prompt first, and the terminal would make a Ctrl-D that is typed
        // before its mode is changed a NUL.
        state.libedit.set(state.editor, EL_PREP_TERM, 1);
        if (const char *text = state.libedit.gets(state.editor, &count))
            line.emplace(text, static_cast<std::size_t>(count));
    } else {
        put(state.prompt);
        flush_output();
        if (!state.lines.would_wait() || !interrupt.wait(STDIN_FILENO, std::nullopt))
            if (auto next = state.lines.next())
                line = std::move(next->text);
    }
    state.interrupt = nullptr;
    if (const int signal = interrupt.signal(); signal != 0)
        return {signal == SIGINT ? End::interrupted : End::signal, ""};
    if (!line)
        return {End::finished, ""};
    if (line->ends_with('\n'))
        line->pop_back();
    if (state.history != nullptr && line->find_first_not_of(" \t") != std::string::npos) {
        HistEvent event;
        state.libedit.history(state.history, &event, H_ENTER, line->c_str());
    }
    return {End::line, std::move(*line)};
}

} // namespace cli
