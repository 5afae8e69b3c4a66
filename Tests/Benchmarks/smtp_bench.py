"""Durable accepts per second over SMTP beside Postfix, in one run.

usage: smtp_bench.py [--rounds N] [--messages N]

Both are driven by smtp-source on loopback with the same numbers; rounds alternate (A B A B …); the ratio is taken
round by round and its median printed. Ours delivers into a mailbox; Postfix queues and discards.
"""
import argparse
import statistics
import subprocess
import tempfile
import time

from peers import Postfix
from platform_process import Platform

CASES = [(sessions, size) for size in (4096, 10240) for sessions in (1, 20, 100)]


def drive(port, to, sessions, size, count):
    started = time.monotonic()
    subprocess.run(
        ["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", str(size), "-f", "bench@elsewhere.test", "-t", to, f"127.0.0.1:{port}"],
        check=True, capture_output=True, timeout=300,
    )
    return count / (time.monotonic() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=6000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        import os
        os.chmod(folder, 0o755)
        peer = Postfix(f"{folder}/postfix").start()
        ours = Platform(folder, OONRUMAIL_LOG_LEVEL="warning").start()
        ours.add_account("sink@bench.test")
        try:
            print(f"{'sessions':>8} {'octets':>7} {'ours/s':>8} {'postfix/s':>10} {'ratio':>6}  (medians of {options.rounds} rounds)")
            for sessions, size in CASES:
                count = options.messages if sessions > 1 else max(500, options.messages // 6)
                drive(ours.ports["smtp"], "sink@bench.test", sessions, size, count // 5)
                rows = []
                for _ in range(options.rounds):
                    a = drive(ours.ports["smtp"], "sink@bench.test", sessions, size, count)
                    b = drive(peer.port, "sink@bench.test", sessions, size, count // 2)
                    rows.append((a, b, a / b))
                a, b, ratio = (statistics.median(column) for column in zip(*rows))
                print(f"{sessions:>8} {size:>7} {a:>8.0f} {b:>10.0f} {ratio:>6.2f}", flush=True)
            print("verify:", ours.json("verify"))
        finally:
            ours.stop()
            peer.stop()


main()
