// SPDX-License-Identifier: MIT
//
// The list of the stores, and the calls that not all of them have.

#include "store.hpp"

namespace comparison {

void Client::set(const Key &, std::string_view)
{
    throw Cannot("it can only read");
}

void Client::del(const Key &)
{
    throw Cannot("it can only read");
}

void Client::get_many(std::span<const Key>, std::span<std::string_view>)
{
    throw Cannot("it has no call that reads several given keys");
}

void Client::set_many(std::span<const Key>, std::span<const std::string_view>)
{
    throw Cannot("it has no call that writes several keys");
}

void Client::transact(std::span<const Key>, std::span<const std::string_view>)
{
    throw Cannot("its transactions are not measured");
}

std::size_t Client::list()
{
    throw Cannot("its listings are not measured");
}

std::span<const Candidate> candidates()
{
    static constexpr std::array all{
        Candidate{"loop", "the measuring loop alone", make_loop, Candidate::floor},
        Candidate{"getppid", "the smallest system call", make_getppid, Candidate::floor},
        Candidate{"cached", "one key's cached handle of moddb, through the window", make_cached,
                  Candidate::one_key},
        Candidate{"reader", "the window's reader alone, in ordinary memory", make_reader,
                  Candidate::reader},
        Candidate{"window", "moddb as it is: reads by the window, the rest by the device",
                  make_window},
        Candidate{"device", "moddb by the device alone", make_device},
        Candidate{"netlink", "moddb over netlink", make_netlink},
        Candidate{
            "bpf", "a BPF hash map, by bpf(2)", make_bpf, Candidate::store,
            "a read returned parts of two values: the map reuses an element while it is read"},
        Candidate{"lmdb", "LMDB in /dev/shm, without sync", make_lmdb},
        Candidate{"redis", "Redis on a Unix socket, without persistence", make_redis},
        Candidate{"memcached", "memcached on a Unix socket", make_memcached},
        Candidate{"keyring", "a keyring of the kernel, by keyctl(2)", make_keyring},
    };
    return all;
}

} // namespace comparison
