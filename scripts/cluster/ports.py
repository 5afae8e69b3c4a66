"""Free loopback ports for everything that cluster and tests start."""
import fcntl
import os
import pathlib
import random
import socket
import tempfile

_given = set()
_claims = open(pathlib.Path(tempfile.gettempdir()) / f"oonrumail-ports-{os.getuid()}", "ab")


def free_port():
    """A port that nobody listens on and that no other process on this machine has been given.

    Below those that the system gives to outgoing connections, so that none of them takes it meanwhile; claimed by a
    lock on one octet of a common file until this process ends, as it may be long before something listens there.
    """
    while True:
        port = random.randrange(10_000, 30_000)
        if port in _given or not _claim(port):
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def _claim(port):
    try:
        fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    except OSError:
        return False
