"""A SOCKS5 proxy (RFC 1928, 1929) that knows names which nobody else does."""

import socket
import struct
import threading


class Proxy:
    """At ADDRESS and PORT. NAMES: where names lead; LOGIN: (user, password), or None."""

    def __init__(self, address, port, names, login=None):
        self.names, self.login = names, login
        self.asked = []
        self.listener = socket.create_server((address, port), backlog=16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            connection.settimeout(60)
            try:
                onward = self.open(connection.makefile("rb", buffering=0), connection)
            except (OSError, EOFError, struct.error):
                return
            if onward:
                with onward:
                    other = threading.Thread(target=self.carry, args=(onward, connection),
                                             daemon=True)
                    other.start()
                    self.carry(connection, onward)
                    other.join(60)

    def greet(self, file, connection):
        count = file.read(2)[1]
        methods = file.read(count)
        wanted = 2 if self.login else 0
        connection.sendall(bytes([5, wanted if wanted in methods else 255]))
        if not self.login or wanted not in methods:
            return wanted in methods
        user = file.read(file.read(2)[1])
        password = file.read(file.read(1)[0])
        good = (user.decode(), password.decode()) == self.login
        connection.sendall(bytes([1, 0 if good else 1]))
        return good

    def open(self, file, connection):
        """The connection that is asked for, or None."""
        if not self.greet(file, connection):
            return None
        kind = file.read(4)[3]
        if kind == 3:
            host = file.read(file.read(1)[0]).decode()
        else:
            host = socket.inet_ntop(*((socket.AF_INET, file.read(4)) if kind == 1 else
                                      (socket.AF_INET6, file.read(16))))
        port = struct.unpack(">H", file.read(2))[0]
        self.asked.append((host, port))
        try:
            onward = socket.create_connection((self.names[host], port), 10)
        except (OSError, KeyError):
            connection.sendall(b"\5\4\0\1\0\0\0\0\0\0")
            return None
        connection.sendall(b"\5\0\0\1\0\0\0\0\0\0")
        return onward

    @staticmethod
    def carry(source, target):
        try:
            while octets := source.recv(65536):
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
