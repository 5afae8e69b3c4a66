"""Idle memory, start-up time, and memory per idle IMAP TLS connection.

usage: memory_bench.py [--connections N]
"""
import argparse
import pathlib
import socket
import tempfile
import time

from platform_process import ADMIN, PASSWORD, Platform, any_certificate


def resident(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().split("\n"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = Platform(
            folder, OONRUMAIL_LOG_LEVEL="warning", OONRUMAIL_IMAP_MAX_CONNECTIONS_PER_ACCOUNT=options.connections + 100,
            OONRUMAIL_IMAP_MAX_CONNECTIONS=options.connections + 200,
        )
        ours.start()
        ours.stop()
        started = time.perf_counter()
        ours.start()
        print(f"start on an existing store: {(time.perf_counter() - started) * 1000:.0f} ms")
        time.sleep(3)
        idle = resident(ours.process)
        print(f"idle: {idle / 1024:.1f} MiB resident")
        context = any_certificate()
        clients = []
        for number in range(options.connections + 50):
            plain = socket.create_connection(("127.0.0.1", ours.ports["imaps"]), timeout=30)
            client = context.wrap_socket(plain)
            stream = client.makefile("rb")
            stream.readline()
            client.sendall(f'a LOGIN {ADMIN} "{PASSWORD}"\r\nb SELECT INBOX\r\n'.encode())
            while not stream.readline().startswith(b"b OK"):
                pass
            client.sendall(b"c IDLE\r\n")
            assert stream.readline().startswith(b"+")
            clients.append((client, stream))
            if number == 49:
                time.sleep(1)
                base = resident(ours.process)
        time.sleep(3)
        full = resident(ours.process)
        print(f"{options.connections} idle IMAP TLS connections: {(full - base) / options.connections:.1f} KiB each ({full / 1024:.0f} MiB in all)")
        ours.stop()


main()
