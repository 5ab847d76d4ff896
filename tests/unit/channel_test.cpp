// SPDX-License-Identifier: MIT
//
// Requests and replies on a socket whose other end is late, wrong or hostile.
#include "peer.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include <stdexcept>
#include <vector>

using namespace moddb_internal;
using namespace test;

TEST_CASE("a request has its headers, its database and a new number")
{
    Peer peer("other");
    peer.send(reply(1, 7, {}));
    std::string_view answer;
    CHECK(peer.request(answer) == 0);
    CHECK(peer.sent() == message(family, NLM_F_REQUEST, 1,
                                 bytes_of(genlmsghdr{7, MODDB_FAMILY_VERSION, 0}) +
                                     attribute(MODDB_A_ENTRY_DATABASE, std::string("other\0", 6))));
    // A request without the database must not affect the next one.
    peer.send(reply(2, 7, {}) + reply(2, 7, {}));
    Writer writer = peer.channel.begin_without_database(8);
    writer.put(5, "something long enough");
    CHECK(peer.channel.request(writer, peer.error, answer) == 0);
    CHECK(peer.sent().find("other") == std::string::npos);
    peer.send(reply(3, 7, {}));
    CHECK(peer.request(answer) == 0);
    CHECK(peer.sent().find("other") != std::string::npos);
}

TEST_CASE("a reply is found after late replies to earlier requests")
{
    Peer peer;
    std::string_view answer;
    CHECK(peer.request(answer) == -ETIMEDOUT);
    CHECK(std::string(peer.error.c_str()) == "the kernel did not answer in time");
    peer.send(reply(1, 7, attribute(1, "late")));
    peer.send(refusal(1, -EACCES, "late") + reply(2, 7, attribute(1, "right")));
    REQUIRE(peer.request(answer) == 0);
    CHECK(answer == attribute(1, "right"));
}

TEST_CASE("a refusal has an errno and a message")
{
    Peer peer;
    std::string_view answer;
    peer.send(refusal(1, -EDQUOT, "moddb: the limit of the user"));
    CHECK(peer.request(answer) == -EDQUOT);
    CHECK(std::string(peer.error.c_str()) == "the limit of the user");
    peer.send(refusal(2, -EDQUOT, {}));
    CHECK(peer.request(answer) == -EDQUOT);
    CHECK(std::string(peer.error.c_str()) == "a limit is reached");
    peer.send(refusal(3, -EXDEV, {}));
    CHECK(peer.request(answer) == -EXDEV);
    CHECK(std::string(peer.error.c_str()) == "Invalid cross-device link");
    peer.send(refusal(4, 0, {}));
    CHECK(peer.request(answer) == 0);
    CHECK(answer.empty());
    peer.send(refusal(5, -ENOENT, {}));
    CHECK(peer.request(answer) == -ENODEV);
    CHECK(std::string(peer.error.c_str()) == "the kernel module was unloaded");
}

TEST_CASE("a refusal that carries the whole request has its message after it")
{
    Peer peer;
    std::string_view answer;
    const std::string text = attribute(NLMSGERR_ATTR_MSG, std::string("why\0", 4));
    const auto with_request = [](uint32_t length) {
        return bytes_of(nlmsgerr{-EPERM, {length, family, 1, 1, 0}});
    };
    peer.send(message(NLMSG_ERROR, NLM_F_ACK_TLVS, 1, with_request(26) + "12345678901\0" + text));
    CHECK(peer.request(answer) == -EPERM);
    peer.send(message(NLMSG_ERROR, NLM_F_ACK_TLVS, 2,
                      with_request(26) + std::string("1234567890\0\0", 12) + text));
    CHECK(peer.request(answer) == -EPERM);
    CHECK(std::string(peer.error.c_str()) == "why");
    // Impossible lengths of the request.
    peer.send(message(NLMSG_ERROR, NLM_F_ACK_TLVS, 3, with_request(3) + text));
    CHECK(peer.request(answer) == -EBADMSG);
    peer.send(message(NLMSG_ERROR, NLM_F_ACK_TLVS, 4, with_request(0xfffffff0) + text));
    CHECK(peer.request(answer) == -EPERM);
}

TEST_CASE("a message without a NUL, or longer than the buffer, is cut")
{
    Peer peer;
    std::string_view answer;
    const std::string rest = bytes_of(nlmsgerr{-EPERM, {20, family, 1, 1, 0}}) +
                             attribute(NLMSGERR_ATTR_MSG, std::string(1000, 'y'));
    peer.send(message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 1, rest));
    CHECK(peer.request(answer) == -EPERM);
    CHECK(std::string(peer.error.c_str()) == std::string(255, 'y'));
}

TEST_CASE("malformed replies are refused, and the next request works")
{
    const std::string good = reply(1, 7, {});
    std::string too_long = good, too_short = good;
    too_long[0] = 40;
    too_short[0] = 8;
    const std::string wrong[] = {
        "x",
        too_long,
        too_short,
        good.substr(0, NLMSG_HDRLEN),
        message(family, 0, 1, {}),
        message(family, 0, 1, "ab"),
        message(family + 1, 0, 1, "abcdefgh"),
        message(NLMSG_ERROR, 0, 1, {}),
        message(NLMSG_ERROR, 0, 1, "ab"),
        message(NLMSG_ERROR, 0, 1, bytes_of(nlmsgerr{1, {}})),
        message(NLMSG_ERROR, 0, 1, bytes_of(nlmsgerr{-5000, {}})),
        message(NLMSG_DONE, 0, 1, bytes_of(0)),
        std::string(70000, '\0'),
    };
    for (const std::string &datagram : wrong) {
        CAPTURE(datagram);
        Peer peer;
        std::string_view answer;
        peer.send(datagram);
        CHECK(peer.request(answer) == -EBADMSG);
        peer.send(reply(2, 7, {}));
        CHECK(peer.request(answer) == 0);
    }
}

TEST_CASE("a reply larger than the kernel's largest is received, and a truncated one is refused")
{
    Peer peer;
    std::string_view answer;
    const std::string value = attribute(1, std::string(60000, 'v'));
    peer.send(reply(1, 7, value));
    CHECK(peer.request(answer) == 0);
    CHECK(answer == value);
    peer.send(reply(2, 7, value + value));
    CHECK(peer.request(answer) == -EBADMSG);
}

TEST_CASE("a request that is too long is not sent")
{
    Peer peer;
    std::string_view answer;
    Writer writer = peer.channel.begin(7);
    for (int i = 0; i < 3; ++i)
        writer.put(1, std::string(30000, 'x'));
    CHECK(peer.channel.request(writer, peer.error, answer) == -EMSGSIZE);
    writer = peer.channel.begin_large(7, 100000);
    for (int i = 0; i < 3; ++i)
        writer.put(1, std::string(30000, 'x'));
    peer.send(reply(2, 7, {}));
    CHECK(peer.channel.request(writer, peer.error, answer) == 0);
}

namespace {

std::string done(uint32_t sequence, int error, uint16_t flags = 0, std::string_view text = {})
{
    return message(NLMSG_DONE, NLM_F_MULTI | flags, sequence, bytes_of(error) + std::string(text));
}

struct Dump {
    int result;
    std::vector<std::string> items;
};

Dump dump(Peer &peer)
{
    Dump found{};
    found.result = peer.channel.dump(peer.channel.begin(7, NLM_F_DUMP), peer.error,
                                     [&](std::string_view item) {
                                         found.items.emplace_back(item);
                                         return 0;
                                     });
    return found;
}

} // namespace

TEST_CASE("a dump in several datagrams is complete")
{
    Peer peer;
    const std::string a = attribute(1, "a"), b = attribute(1, "b"), c = attribute(1, "c");
    peer.send(reply(1, 7, a, NLM_F_MULTI) + reply(1, 7, b, NLM_F_MULTI));
    peer.send(reply(1, 7, c, NLM_F_MULTI));
    peer.send(done(1, 0));
    const Dump found = dump(peer);
    CHECK(found.result == 0);
    CHECK(found.items == std::vector<std::string>{a, b, c});
}

TEST_CASE("a dump that ends in an error fails")
{
    Peer peer;
    peer.send(reply(1, 7, attribute(1, "a"), NLM_F_MULTI));
    peer.send(done(1, -ENOMEM));
    CHECK(dump(peer).result == -ENOMEM);
    peer.send(
        done(2, -ESTALE, NLM_F_ACK_TLVS, attribute(NLMSGERR_ATTR_MSG, std::string("gone\0", 5))));
    CHECK(dump(peer).result == -ESTALE);
    CHECK(std::string(peer.error.c_str()) == "gone");
    peer.send(refusal(3, -EACCES, "no right"));
    CHECK(dump(peer).result == -EACCES);
    peer.send(message(NLMSG_DONE, NLM_F_MULTI, 4, {}));
    CHECK(dump(peer).result == -EBADMSG);
    CHECK(dump(peer).result == -ETIMEDOUT);
}

TEST_CASE("an interrupted dump is reported, wherever the flag is")
{
    Peer peer;
    peer.send(reply(1, 7, attribute(1, "a"), NLM_F_MULTI | NLM_F_DUMP_INTR));
    peer.send(done(1, 0));
    CHECK(dump(peer).result == 1);
    peer.send(done(2, 0, NLM_F_DUMP_INTR));
    CHECK(dump(peer).result == 1);
}

TEST_CASE("a dump is read to its end even if the rest is not needed")
{
    Peer peer;
    std::string_view answer;
    for (uint32_t sequence = 1; sequence <= 2; ++sequence) {
        for (int i = 0; i < 3; ++i)
            peer.send(reply(sequence, 7, attribute(1, "a"), NLM_F_MULTI));
        peer.send(done(sequence, 0));
    }
    int calls = 0;
    CHECK(peer.channel.dump(peer.channel.begin(7), peer.error, [&](std::string_view) {
        ++calls;
        return -EBADMSG;
    }) == -EBADMSG);
    CHECK(calls == 1);
    CHECK_THROWS_AS(peer.channel.dump(peer.channel.begin(7), peer.error,
                                      [](std::string_view) -> int { throw std::bad_alloc(); }),
                    std::bad_alloc);
    peer.send(reply(3, 7, {}));
    CHECK(peer.request(answer) == 0);
}

TEST_CASE("events that arrive before a reply are kept, and read in order")
{
    constexpr uint8_t event = 12;
    Peer peer;
    std::vector<std::string> kept;
    peer.channel.on_event(event, [&](std::string_view message) { kept.emplace_back(message); });
    const auto numbered = [](int i) { return attribute(1, std::to_string(i)); };
    peer.send(reply(0, event, numbered(1)) + reply(0, event, numbered(2)));
    std::string_view message;
    REQUIRE(peer.channel.read_event(peer.error, message) == 1);
    CHECK(message == numbered(1));
    // A request in between does not lose the second event of the datagram.
    peer.send(reply(0, event, numbered(3)));
    peer.send(reply(1, 7, numbered(99)) + reply(0, event, numbered(4)));
    REQUIRE(peer.request(message) == 0);
    CHECK(message == numbered(99));
    CHECK(kept == std::vector<std::string>{numbered(2), numbered(3)});
}

TEST_CASE("messages that are not events are skipped")
{
    Peer peer;
    peer.channel.on_event(12, [](std::string_view) {});
    peer.send(reply(77, 7, attribute(1, "late answer")));
    peer.send(refusal(77, -EPERM, {}));
    std::string_view message;
    CHECK(peer.channel.read_event(peer.error, message) == 0);
    peer.send("x");
    CHECK(peer.channel.read_event(peer.error, message) == -EBADMSG);
}

TEST_CASE("neither signals nor messages other than its reply make a request endless")
{
    Peer peer;
    std::atomic<bool> done = false;
    const pthread_t self = pthread_self();
    struct sigaction action {
    }, before;
    action.sa_handler = [](int) {};
    REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
    const std::string late = reply(4711, 7, "");
    std::thread disturbance([&] {
        while (!done) {
            peer.try_send(late);
            pthread_kill(self, SIGUSR1);
            usleep(1000);
        }
    });
    std::string_view answer;
    CHECK(peer.request(answer) == -ETIMEDOUT);
    CHECK(peer.channel.dump(peer.channel.begin(7), peer.error,
                            [](std::string_view) { return 0; }) == -ETIMEDOUT);
    done = true;
    disturbance.join();
    REQUIRE(sigaction(SIGUSR1, &before, nullptr) == 0);
}
