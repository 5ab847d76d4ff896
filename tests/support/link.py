# SPDX-License-Identifier: MIT
#
# A wire that a test cuts, in one direction or both: TCP connections to a port reach another one. Data sent over a cut
# wire waits until the wire is restored, like packets that are lost and sent again.

import contextlib
import ctypes
import socket
import threading

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def namespace(path):
    """The network namespace of the calling thread; sockets stay in the one in which they were made."""
    with open("/proc/thread-self/ns/net", "rb") as own, open(path, "rb") as other:
        if libc.setns(other.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(own.fileno(), 0)


class Link:
    """From a port of this address, in a network namespace if one is given, to a port of 127.0.0.1 here."""

    def __init__(self, port, target, path="/proc/thread-self/ns/net"):
        self.target = target
        self.there = threading.Event()
        self.back = threading.Event()
        self.restore()
        self.sockets = []
        with namespace(path):
            self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.restore()
        for each in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def cut(self, there=True, back=True):
        if there:
            self.there.clear()
        if back:
            self.back.clear()

    def restore(self):
        self.there.set()
        self.back.set()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self.sockets.append(near)
                threading.Thread(target=self.connect, args=[near], daemon=True).start()

    def connect(self, near):
        # The connection, too, is made by packets.
        self.there.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        self.sockets.append(far)
        threading.Thread(target=self.pass_on, args=[far, near, self.back], daemon=True).start()
        self.pass_on(near, far, self.there)

    @staticmethod
    def pass_on(source, sink, wire):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                wire.wait()
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
