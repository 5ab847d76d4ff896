// SPDX-License-Identifier: MIT
//
// Generates and damages calls of the device. Most of a call must be valid, or the kernel would
// reject it early; the invalid part is most often a length near a limit or a bad pointer.
#include "calls.hpp"

#include <moddb/device.h>
#include <moddb/operations.h>
#include <moddb/window.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>

namespace fuzz::device {

namespace {

using Op = moddb_device_op;
using Exec = moddb_device_exec;

// Pages of the arena: structures come first.
constexpr std::uint64_t texts = arena + 8 * page, values = arena + 16 * page;

constexpr std::uint64_t commands[] = {MODDB_IOC_BIND, MODDB_IOC_EXEC,       MODDB_IOC_WINDOW,
                                      MODDB_IOC_INFO, MODDB_IOC_WATCH,      MODDB_IOC_SYNC,
                                      MODDB_IOC_LIST, MODDB_IOC_DEL_PREFIX, MODDB_IOC_LOST};

std::size_t numbers_of(Kind kind)
{
    switch (kind) {
    case Kind::open:
        return 1;
    case Kind::close:
    case Kind::fork:
        return 0;
    case Kind::ioctl:
    case Kind::database:
        return 2;
    case Kind::map:
        return 4;
    case Kind::memory:
    case Kind::read:
        return 3;
    }
    throw std::runtime_error("not a kind of call");
}

std::string hexadecimal(std::uint64_t number)
{
    char text[20];
    std::snprintf(text, sizeof(text), "%llx", static_cast<unsigned long long>(number));
    return text;
}

template <typename T>
std::string bytes_of(const T &object)
{
    return {reinterpret_cast<const char *>(&object), sizeof(object)};
}

// An address that a pointer should not have.
std::uint64_t bad_pointer(Random &random)
{
    static constexpr std::uint64_t addresses[] = {
        0,
        1,
        page - 1,
        arena - 8,
        mirror,
        window,
        0x00007fffffffe000, // the last page of a process
        0x00007ffffffff000,
        0x0000800000000000, // not canonical
        0xffff800000000000,
        0xffff888000000000, // the kernel's map of all memory
        0xffffc90000000000,
        0xffffffff81000000,
        0xffffffffc0000000,
        0xfffffffffffff000,
        0xffffffffffffffff,
    };
    switch (random.below(6)) {
    case 0: // crosses into an unmapped page
        return arena + arena_pages * page - random.below(160);
    case 1:
        return mirror + random.below(mirror_pages * page);
    case 2:
        return window + random.below(64 * page);
    case 3: // may overlap the call's structures
        return arena + random.below(1024);
    case 4:
        return arena + page * random.below(arena_pages) - random.below(64);
    }
    return random.one_of(addresses);
}

std::uint64_t pointer(Random &random, std::uint64_t good)
{
    return random.one_in(12) ? bad_pointer(random) : good;
}

std::uint32_t length(Random &random, std::uint32_t good)
{
    static constexpr std::uint32_t limits[] = {
        MODDB_KEY_MAX, MODDB_INLINE_MAX, MODDB_VALUE_MAX, page, 256, MODDB_NAME_MAX, 8,
    };
    if (random.below(8))
        return good;
    return random.below(3) ? random.one_of(limits) + random.below(3) - 1
                           : static_cast<std::uint32_t>(random.number());
}

std::uint64_t text_pointer(Random &random)
{
    return random.one_in(3) ? 0 : pointer(random, texts + random.below(page));
}

// The address of a structure; it seldom crosses into another page.
std::uint64_t structure_address(Random &random)
{
    if (random.one_in(8))
        return arena + page * (1 + random.below(4)) - random.below(sizeof(Op));
    return arena + 8 * random.below(64);
}

// Draws the value of an entry and its attributes.
void put_entry(Random &random, std::uint32_t traits, std::uint64_t number, Op &op)
{
    if (traits & MODDB_OP_TAKES_TTL && random.one_in(4))
        op.ttl = random.below(2) ? 1 + random.below(100) : random.number();
    if (traits & MODDB_OP_TAKES_FLAGS && random.one_in(4))
        op.flags = 1 + random.below(MODDB_ENTRY_FLAGS_EPHEMERAL | MODDB_ENTRY_FLAGS_TTL_IF_NEW);
    if (traits & MODDB_OP_TAKES_TAG && random.below(2))
        op.tag = random.below(2) ? random.below(4) : random.word();
    if (traits & MODDB_OP_TAKES_VALUE) {
        op.value = pointer(random, random.below(2) ? number : values + random.below(page));
        op.value_len = length(random, op.value == number ? 3 : random.below(400));
    }
    if (!(traits & MODDB_OP_COUNTS))
        return;
    op.delta = static_cast<std::int64_t>(random.below(3) ? random.below(10) : random.number());
    op.initial = static_cast<std::int64_t>(random.below(3) ? 0 : random.number());
    op.minimum = random.below(4) ? INT64_MIN : static_cast<std::int64_t>(random.number());
    op.maximum = random.below(4) ? INT64_MAX : static_cast<std::int64_t>(random.number());
}

void put_condition(Random &random, std::uint64_t number, Op &op)
{
    op.condition = random.below(3) ? 0 : random.below(MODDB_CONDITION_TAG + 2);
    switch (op.condition) {
    case MODDB_CONDITION_VERSION:
        op.if_version = random.below(50);
        break;
    case MODDB_CONDITION_VALUE:
        op.if_value_len = length(random, 3);
        op.if_value = pointer(random, number);
        break;
    case MODDB_CONDITION_TAG:
        op.if_tag = random.below(4);
        break;
    }
}

void put_wishes(Random &random, std::uint32_t traits, Op &op)
{
    if (traits & MODDB_OP_READS && random.one_in(3)) {
        op.want = MODDB_DEVICE_WANT_PART;
        op.offset =
            random.below(2) ? random.below(400) : static_cast<std::uint32_t>(random.number());
    }
    if (traits & MODDB_OP_TAKES_META && random.one_in(3))
        op.want |= MODDB_DEVICE_WANT_META;
    if (random.one_in(4))
        op.want |= MODDB_DEVICE_WANT_VALUE;
    if (!(traits & MODDB_OP_ANSWERS) && !op.want)
        return;
    op.out = pointer(random, values + random.below(400 * page));
    op.out_size = random.one_in(5) ? 0 : length(random, 64 << random.below(10));
}

// Fields that an operation does not take must be 0, or it is rejected before it has done anything;
// only change_field() breaks that rule.
Op make_op(Random &random, std::uint64_t key, std::uint64_t number)
{
    Op op{};
    op.code = random.one_in(40) ? random.word() >> random.below(32)
                                : random.below(MODDB_OP_CODE_TAKE + 1);
    op.key = pointer(random, key);
    op.key_len = length(random, 1 + random.one_in(4));
    const std::uint32_t traits = moddb_op_traits(op.code);
    put_entry(random, traits, number, op);
    put_condition(random, number, op);
    put_wishes(random, traits, op);
    if (random.one_in(40))
        op.flags = random.word() >> random.below(32);
    if (random.one_in(40))
        op.want = random.word() >> random.below(32);
    return op;
}

std::uint32_t count_of(Random &random)
{
    switch (random.below(8)) {
    case 0:
        return MODDB_TXN_MAX - 1 + random.below(3);
    case 1:
    case 2:
    case 3:
        return 1 + random.below(6);
    }
    return 1;
}

// The call's structure, the operations, and the bytes that those point to.
std::string make_exec(Random &random, std::uint64_t at)
{
    // Few keys, so that operations have the same ones; the bytes after a key extend a long one.
    static constexpr std::string_view data = "abcabc-12377501";
    const std::uint32_t count = count_of(random);
    const std::uint64_t ops = at + sizeof(Exec);
    const std::uint32_t size = random.one_in(4) ? MODDB_DEVICE_OP_PLAIN : sizeof(Op);
    const std::uint64_t behind = ops + count * size;
    Exec exec{};
    exec.ops = pointer(random, ops);
    exec.op_size = random.one_in(20) ? random.word() % 4097 : size;
    exec.count = random.one_in(20) ? static_cast<std::uint32_t>(random.number()) : count;
    exec.flags = random.below(2) ? MODDB_DEVICE_TRANSACTION : 0;
    if (random.one_in(40))
        exec.flags = random.word() >> random.below(32);
    exec.text = text_pointer(random);
    exec.text_size = random.one_in(4) ? static_cast<std::uint32_t>(random.number()) : 100;
    std::string bytes = bytes_of(exec);
    Op op{};
    for (std::uint32_t i = 0; i < count; ++i) {
        // In a long array most operations are equal.
        if (count < 100 || i == 0 || random.one_in(60))
            op = make_op(random, behind + random.below(6), behind + 6 + 3 * random.below(3));
        bytes += bytes_of(op).substr(0, size);
    }
    return bytes.append(data);
}

std::string make_bind(Random &random)
{
    moddb_device_bind bind{};
    if (random.below(3))
        random.one_of(databases).copy(bind.database, sizeof(bind.database));
    if (random.one_in(20))
        std::memset(bind.database, 'n', MODDB_NAME_MAX - 1 + random.below(3));
    bind.rights = random.one_in(4) ? random.below(5) : MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    bind.required = random.below(3) ? 0 : random.below(5);
    bind.text = text_pointer(random);
    bind.text_size = random.one_in(4) ? static_cast<std::uint32_t>(random.number()) : 100;
    return bytes_of(bind);
}

std::string make_window(Random &random)
{
    moddb_device_window window{};
    window.text = text_pointer(random);
    window.text_size = random.one_in(4) ? static_cast<std::uint32_t>(random.number()) : 100;
    window.layout = random.one_in(8) ? random.word() : MODDB_WINDOW_LAYOUT;
    window.incompatible = random.one_in(8) ? random.word() : 0;
    window.flags = random.one_in(8) ? random.word() : 0;
    return bytes_of(window);
}

// The call's structure, the patterns, and the bytes that those point to.
std::string make_watch(Random &random, std::uint64_t at)
{
    moddb_device_watch watch{};
    const std::uint32_t count =
        random.one_in(20) ? MODDB_PATTERNS_MAX - 1 + random.below(3) : random.below(4);
    const std::uint64_t patterns = at + sizeof(watch);
    const std::uint64_t behind = patterns + count * sizeof(moddb_device_pattern);
    watch.patterns = pointer(random, patterns);
    watch.count = random.one_in(20) ? static_cast<std::uint32_t>(random.number()) : count;
    watch.flags = random.one_in(20) ? random.word() : random.below(2);
    if (watch.flags & MODDB_DEVICE_WATCH_SINCE)
        watch.since = random.below(2) ? random.below(50) : random.number();
    watch.text = text_pointer(random);
    watch.text_size = 100;
    std::string bytes = bytes_of(watch);
    for (std::uint32_t i = 0; i < count; ++i) {
        const moddb_device_pattern pattern{pointer(random, behind + random.below(6)),
                                           length(random, 1 + random.below(3)),
                                           random.one_in(20) ? random.word() : random.below(2)};
        bytes += bytes_of(pattern);
    }
    return bytes.append("abcabc-123");
}

// A listing, or a deletion by prefix, which continues where a similar one has ended.
std::string make_list(Random &random, std::uint64_t at, bool deletes)
{
    moddb_device_list list{};
    list.prefix = pointer(random, at + sizeof(list));
    list.prefix_len = length(random, random.below(3) + deletes);
    list.cursor = pointer(random, values);
    list.cursor_len = random.below(3) ? 0 : length(random, random.below(4));
    list.generation = random.one_in(4) ? random.word() : 0;
    list.count = random.below(2) ? 0 : random.below(20);
    if (!deletes || random.one_in(20)) {
        list.flags = random.one_in(20) ? random.word() : random.below(4);
        list.since = random.below(3) ? 0 : random.below(50);
        list.out = pointer(random, values + random.below(400 * page));
        list.out_size = length(random, 64 << random.below(12));
    }
    list.text = text_pointer(random);
    list.text_size = 100;
    return bytes_of(list).append("abcabc-123");
}

// The descriptors of a file of its own are no eventfds, so most calls only count.
std::string make_lost(Random &random)
{
    moddb_device_lost lost{};
    lost.flags = random.one_in(8) ? random.word() : random.below(2);
    if (lost.flags & MODDB_DEVICE_LOST_EVENT)
        lost.event_fd = random.below(2) ? -1 : static_cast<std::int32_t>(random.below(64));
    lost.text = text_pointer(random);
    lost.text_size = 100;
    return bytes_of(lost);
}

Call make_read(Random &random)
{
    Call call;
    call.kind = Kind::read;
    call.numbers = {pointer(random, values + random.below(400 * page)),
                    length(random, 64 << random.below(12)), random.below(3)};
    return call;
}

Call make_ioctl(Random &random, std::uint64_t command)
{
    Call call;
    call.kind = Kind::ioctl;
    const std::uint64_t at = structure_address(random);
    call.numbers = {command, at};
    switch (command) {
    case MODDB_IOC_BIND:
        call.bytes = make_bind(random);
        break;
    case MODDB_IOC_WINDOW:
        call.bytes = make_window(random);
        break;
    case MODDB_IOC_INFO:
        call.bytes.assign(sizeof(moddb_device_info), 'i');
        break;
    case MODDB_IOC_WATCH:
        call.bytes = make_watch(random, at);
        break;
    case MODDB_IOC_SYNC:
        break;
    case MODDB_IOC_LIST:
    case MODDB_IOC_DEL_PREFIX:
        call.bytes = make_list(random, at, command == MODDB_IOC_DEL_PREFIX);
        break;
    case MODDB_IOC_LOST:
        call.bytes = make_lost(random);
        break;
    default:
        call.bytes = make_exec(random, at);
    }
    return call;
}

Call make_map(Random &random)
{
    Call call;
    call.kind = Kind::map;
    call.numbers = {0, 0, PROT_READ, MAP_SHARED};
    switch (random.below(12)) {
    case 0:
        call.numbers[0] = random.below(2) ? random.below(40) - std::uint64_t{20} : random.number();
        break;
    case 1:
        call.numbers[1] = random.below(2) ? random.below(8) - std::uint64_t{4} : random.number();
        break;
    case 2:
        call.numbers[2] = random.below(8);
        break;
    case 3:
        call.numbers[3] = random.below(2) ? MAP_PRIVATE : MAP_SHARED | MAP_POPULATE;
        break;
    }
    return call;
}

Call make_memory(Random &random)
{
    Call call;
    call.kind = Kind::memory;
    call.numbers[2] = random.below(static_cast<std::size_t>(Memory::end));
    if (random.below(2))
        call.numbers = {arena + page * random.below(random.below(2) ? 5 : arena_pages),
                        1 + random.below(4), call.numbers[2]};
    else
        call.numbers = {window + page * random.below(40), 1 + random.below(64), call.numbers[2]};
    return call;
}

// Changes one field of a structure, according to its type.
void change_field(Call &call, Random &random)
{
    struct Field {
        std::size_t at, size;
        enum { pointer, length, number } what;
    };
#define FIELD(type, name, what)                                                                    \
    {                                                                                              \
        offsetof(type, name), sizeof(type::name), Field::what                                      \
    }
    static constexpr Field of_bind[] = {
        FIELD(moddb_device_bind, rights, number),    FIELD(moddb_device_bind, flags, number),
        FIELD(moddb_device_bind, required, number),  FIELD(moddb_device_bind, text, pointer),
        FIELD(moddb_device_bind, text_size, length),
    };
    static constexpr Field of_window[] = {
        FIELD(moddb_device_window, text, pointer),
        FIELD(moddb_device_window, text_size, length),
        FIELD(moddb_device_window, flags, number),
        FIELD(moddb_device_window, layout, number),
        FIELD(moddb_device_window, incompatible, number),
    };
    static constexpr Field of_watch[] = {
        FIELD(moddb_device_watch, patterns, pointer), FIELD(moddb_device_watch, count, number),
        FIELD(moddb_device_watch, flags, number),     FIELD(moddb_device_watch, since, number),
        FIELD(moddb_device_watch, text, pointer),     FIELD(moddb_device_watch, text_size, length),
        FIELD(moddb_device_watch, reserved, number),
    };
    static constexpr Field of_lost[] = {
        FIELD(moddb_device_lost, flags, number),    FIELD(moddb_device_lost, event_fd, number),
        FIELD(moddb_device_lost, text, pointer),    FIELD(moddb_device_lost, text_size, length),
        FIELD(moddb_device_lost, reserved, number),
    };
    static constexpr Field of_list[] = {
        FIELD(moddb_device_list, prefix, pointer),    FIELD(moddb_device_list, prefix_len, length),
        FIELD(moddb_device_list, flags, number),      FIELD(moddb_device_list, since, number),
        FIELD(moddb_device_list, cursor, pointer),    FIELD(moddb_device_list, cursor_len, length),
        FIELD(moddb_device_list, generation, number), FIELD(moddb_device_list, out, pointer),
        FIELD(moddb_device_list, out_size, length),   FIELD(moddb_device_list, count, number),
        FIELD(moddb_device_list, text, pointer),      FIELD(moddb_device_list, text_size, length),
        FIELD(moddb_device_list, reserved, number),
    };
    static constexpr Field of_exec[] = {
        FIELD(Exec, ops, pointer),     FIELD(Exec, count, number),     FIELD(Exec, flags, number),
        FIELD(Exec, text, pointer),    FIELD(Exec, text_size, length), FIELD(Exec, op_size, number),
        FIELD(Exec, reserved, number),
    };
    static constexpr Field of_op[] = {
        FIELD(Op, code, number),         FIELD(Op, condition, number),
        FIELD(Op, key, pointer),         FIELD(Op, key_len, length),
        FIELD(Op, flags, number),        FIELD(Op, value, pointer),
        FIELD(Op, value_len, length),    FIELD(Op, want, number),
        FIELD(Op, out, pointer),         FIELD(Op, out_size, length),
        FIELD(Op, if_value_len, length), FIELD(Op, if_value, pointer),
        FIELD(Op, if_version, number),   FIELD(Op, ttl, number),
        FIELD(Op, delta, number),        FIELD(Op, initial, number),
        FIELD(Op, minimum, number),      FIELD(Op, maximum, number),
        FIELD(Op, offset, number),       FIELD(Op, tag, number),
        FIELD(Op, if_tag, number),
    };
#undef FIELD
    std::size_t base = 0;
    Field field;
    if (call.numbers[0] == MODDB_IOC_BIND) {
        field = random.one_of(of_bind);
    } else if (call.numbers[0] == MODDB_IOC_WINDOW) {
        field = random.one_of(of_window);
    } else if (call.numbers[0] == MODDB_IOC_WATCH) {
        field = random.one_of(of_watch);
    } else if (call.numbers[0] == MODDB_IOC_LIST || call.numbers[0] == MODDB_IOC_DEL_PREFIX) {
        field = random.one_of(of_list);
    } else if (call.numbers[0] == MODDB_IOC_LOST) {
        field = random.one_of(of_lost);
    } else if (random.one_in(5) || call.bytes.size() < sizeof(Exec) + sizeof(Op)) {
        field = random.one_of(of_exec);
    } else {
        base = sizeof(Exec) +
               sizeof(Op) * random.below((call.bytes.size() - sizeof(Exec)) / sizeof(Op));
        field = random.one_of(of_op);
    }
    std::uint64_t value = random.number();
    if (field.what == Field::pointer)
        value = bad_pointer(random);
    else if (field.what == Field::length)
        value = length(random, random.below(64));
    else if (random.below(2))
        value = random.below(6);
    if (base + field.at + field.size <= call.bytes.size())
        std::memcpy(call.bytes.data() + base + field.at, &value, field.size);
}

void change_ioctl(Call &call, Random &random)
{
    switch (random.below(10)) {
    case 0:
        random.damage(call.bytes);
        break;
    case 1: // moved, while its pointers stay
        call.numbers[1] = random.below(2) ? bad_pointer(random) : structure_address(random);
        break;
    case 2:
        call.numbers[0] = random.below(2) ? random.one_of(commands)
                                          : call.numbers[0] ^ std::uint64_t{1} << random.below(32);
        break;
    default:
        change_field(call, random);
    }
}

} // namespace

std::string Calls::to_text(const Call &call)
{
    std::string text = std::to_string(call.runner) + '.' + std::to_string(call.file) + '.' +
                       static_cast<char>(call.kind);
    for (std::size_t i = 0; i < numbers_of(call.kind); ++i)
        text += '.' + hexadecimal(call.numbers[i]);
    if (call.kind == Kind::ioctl)
        text += '.' + hex(call.bytes, sizeof(Op));
    return text;
}

Call Calls::from_text(std::string_view text)
{
    Call call;
    call.runner = static_cast<Runner>(number_of(take_word(text, '.'), 10) % runners);
    call.file = static_cast<unsigned>(number_of(take_word(text, '.'), 10) % files);
    const std::string_view kind = take_word(text, '.');
    call.kind = static_cast<Kind>(kind.empty() ? '\0' : kind.front());
    for (std::size_t i = 0; i < numbers_of(call.kind); ++i)
        call.numbers[i] = number_of(take_word(text, '.'), 16);
    call.bytes = unhex(text);
    return call;
}

void Calls::begin(Program<Calls> &program, Random &random)
{
    if (random.one_in(3)) {
        Call open;
        open.numbers[0] = random.below(4);
        open.runner = random.one_in(4) ? other : here;
        program.push_back(open);
    }
    program.push_back(make_ioctl(random, MODDB_IOC_BIND));
    if (random.below(2)) {
        program.push_back(make_ioctl(random, MODDB_IOC_WINDOW));
        program.push_back(make_map(random));
    }
    if (random.one_in(3))
        program.push_back(make_ioctl(random, MODDB_IOC_WATCH));
}

Call Calls::make(Random &random)
{
    Call call;
    switch (random.below(22)) {
    case 0:
        call.kind = random.below(2) ? Kind::close : Kind::open;
        call.numbers[0] = random.below(4);
        break;
    case 1:
        call = make_ioctl(random, MODDB_IOC_BIND);
        break;
    case 2:
        call = make_ioctl(random, random.one_in(4) ? MODDB_IOC_INFO : MODDB_IOC_WINDOW);
        break;
    case 3:
        call = make_map(random);
        break;
    case 4:
    case 5:
    case 6:
        call = make_memory(random);
        break;
    case 7:
        // A fork takes half a second in a slow guest.
        call.kind = random.one_in(6) ? Kind::fork : Kind::database;
        call.numbers = {random.below(std::size(databases)), random.below(2)};
        break;
    case 8:
        call = make_ioctl(random, random.below(2) ? MODDB_IOC_WATCH : MODDB_IOC_SYNC);
        break;
    case 9:
        call = make_ioctl(random, random.below(4) ? MODDB_IOC_LIST : MODDB_IOC_DEL_PREFIX);
        if (random.one_in(8))
            call = make_ioctl(random, MODDB_IOC_LOST);
        break;
    case 10:
    case 11:
        call = make_read(random);
        break;
    default:
        call = make_ioctl(random, MODDB_IOC_EXEC);
    }
    call.file = random.below(3) ? 0 : random.below(files);
    call.runner = random.below(3) ? here : static_cast<Runner>(random.below(runners));
    return call;
}

void Calls::change(Call &call, Random &random)
{
    switch (random.below(8)) {
    case 0:
        call.file = random.below(files);
        return;
    case 1:
        call.runner = static_cast<Runner>(random.below(runners));
        return;
    }
    switch (call.kind) {
    case Kind::ioctl:
        change_ioctl(call, random);
        break;
    case Kind::map:
        call.numbers = make_map(random).numbers;
        break;
    case Kind::memory:
        call.numbers = make_memory(random).numbers;
        break;
    case Kind::read:
        call.numbers = make_read(random).numbers;
        break;
    case Kind::open:
    case Kind::close:
    case Kind::fork:
    case Kind::database:
        call.numbers[random.below(2)] = random.below(4);
        break;
    }
}

} // namespace fuzz::device
