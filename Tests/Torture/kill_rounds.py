#!/usr/bin/env python3
"""Kills the server at random moments under writers and compares what it acknowledged with what is there afterwards.

usage: kill_rounds.py [--rounds N] [--writers N] [--seed N]

Half of the writers send over SMTP, half APPEND over IMAP; each message has a number and a checksum. After each kill the
server starts again; at the end every acknowledged message must be there once, undamaged, and `oonrumail verify` clean.
"""
import argparse
import collections
import imaplib
import os
import pathlib
import random
import signal
import smtplib
import ssl
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd")]

from letters import letter, opened  # noqa: E402
from platform_process import ADMIN, Platform  # noqa: E402


class Writers:
    def __init__(self, platform, count, random_source):
        self.platform = platform
        self.acknowledged = set()
        self.attempted = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.sizes = [random_source.choice([200, 2000, 20_000, 120_000]) for _ in range(count)]
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(count)]

    def write(self, number):
        send = self.smtp if number % 2 == 0 else self.imap
        turn = 0
        while not self.stopping.is_set():
            try:
                for session in send(number):
                    turn += 1
                    key = f"w{number}-{turn}"
                    with self.lock:
                        self.attempted += 1
                    if not session.send_one(key, letter(key, self.sizes[number], ADMIN)):
                        break
                    with self.lock:
                        self.acknowledged.add(key)
                    if self.stopping.is_set():
                        return
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, ssl.SSLError, AssertionError):
                self.stopping.wait(0.05)

    def smtp(self, number):
        client = self.platform.smtp()
        client.ehlo()

        class Session:
            @staticmethod
            def send_one(key, data):
                client.sendmail("ann@elsewhere.test", [ADMIN], data)
                return True

        while True:
            yield Session

    def imap(self, number):
        client = self.platform.imap()

        class Session:
            @staticmethod
            def send_one(key, data):
                return client.append("Archive", None, None, data)[0] == "OK"

        while True:
            yield Session

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)


def run(rounds, writers_count, seed, folder):
    """Returns (acknowledged, lost, damaged, twice, findings)."""
    source = random.Random(seed)
    platform = Platform(
        folder, OONRUMAIL_LOG_LEVEL="error", OONRUMAIL_INLINE_BLOB_THRESHOLD=65536, OONRUMAIL_IMAP_MAX_CONNECTIONS_PER_ACCOUNT=500,
    ).start()
    writers = Writers(platform, writers_count, source)
    writers.start()
    try:
        for _ in range(rounds):
            time.sleep(source.uniform(0.15, 0.8))
            platform.restart(signal.SIGKILL)
    finally:
        writers.stop()
    seen = collections.Counter()
    damaged = 0
    for mailbox in ("INBOX", "Archive"):
        for data in platform.messages(mailbox=mailbox):
            key, is_whole = opened(data)
            seen[key] += 1
            damaged += not is_whole
    findings = platform.json("verify")["findings"]
    platform.stop()
    lost = [key for key in writers.acknowledged if seen[key] == 0]
    twice = [key for key in writers.acknowledged if seen[key] > 1]
    return len(writers.acknowledged), lost, damaged, twice, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--writers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, lost, damaged, twice, findings = run(options.rounds, options.writers, options.seed, folder)
    print(f"seed {options.seed}: {options.rounds} kills, {acknowledged} acknowledged / {len(lost)} lost / {len(twice)} shown twice / {damaged} damaged")
    for line in findings:
        print("verify:", line)
    return 1 if lost or twice or damaged or findings else 0


if __name__ == "__main__":
    sys.exit(main())
