"""Free loopback ports for everything that cluster and tests start."""
import fcntl
import os
import pathlib
import random
import socket

_given = set()
# One for all, wherever each has its temporary files.
_claims = open(pathlib.Path("/tmp") / f"oonrumail-ports-{os.getuid()}", "ab")


def free_port():
    """A port that nobody listens on and that no other process on this machine has been given.

    Below those that the system gives to outgoing connections, so that none of them takes it meanwhile; claimed by a
    lock on one octet of a common file until this process ends, as it may be long before something listens there. The
    Swift tests have from 10,000 and from 20,000, two thousand each.
    """
    while True:
        port = random.randrange(12_000, 30_000)
        port += 2_000 if port >= 20_000 else 0
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
