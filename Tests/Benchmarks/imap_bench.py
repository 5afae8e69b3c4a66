"""IMAP commands on large mailboxes beside Dovecot, in one run.

usage: imap_bench.py [--messages N] [--appends N] [--rounds N]

A mailbox of N messages is filled in ours by APPEND, in Dovecot by files put into its Maildir (its own APPENDs slow down
as a mailbox grows); each command is timed on both in turn, ratio by round.
"""
import argparse
import os
import socket
import statistics
import tempfile
import time

from peers import Dovecot
from platform_process import ADMIN, PASSWORD, Platform

WORDS = "budget invoice meeting report travel order garden window letter morning".split()


def mail(number):
    word = WORDS[number % len(WORDS)]
    return (
        f"Return-Path: <list@elsewhere.test>\r\nReceived: from a.test by b.test; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        f"From: Ann Example <ann{number}@elsewhere.test>\r\nTo: Reader <reader@example.test>, Other <other@example.test>\r\n"
        f"Subject: The {word} of number {number}\r\nMessage-ID: <bench{number}@elsewhere.test>\r\n"
        f"In-Reply-To: <bench{number - 1}@elsewhere.test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n" + "A line of the text.\r\n" * 60
    ).encode()


class Client:
    def __init__(self, port, user, password):
        self.peer = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.count = 0
        self.line()
        self.command(f'LOGIN "{user}" "{password}"')

    def line(self):
        while b"\r\n" not in self.buffer:
            self.buffer += self.peer.recv(1 << 20)
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def command(self, text):
        """Sends a command and reads to its tagged answer; returns the octets read."""
        self.count += 1
        tag = b"t%d" % self.count
        self.peer.sendall(tag + b" " + text.encode() + b"\r\n")
        return self.until(tag)

    def until(self, tag):
        mark = b"\r\n" + tag + b" "
        tail = b"\r\n" + self.buffer
        self.buffer = b""
        total = 0
        while True:
            place = tail.find(mark)
            if place >= 0 and tail.find(b"\r\n", place + 2) >= 0:
                end = tail.find(b"\r\n", place + 2)
                assert tail[place + len(mark):].startswith(b"OK"), tail[place:end]
                self.buffer = tail[end + 2:]
                return total + end
            keep = place if place >= 0 else max(0, len(tail) - len(mark))
            total += keep
            tail = tail[keep:] + self.peer.recv(1 << 20)

    def append(self, mailbox, first, count, window=1):
        """APPENDs with non-synchronizing literals, `window` of them under way at once."""
        outstanding = []
        for number in range(first, first + count):
            self.count += 1
            tag = b"t%d" % self.count
            data = mail(number)
            self.peer.sendall(tag + b" APPEND %s {%d+}\r\n" % (mailbox, len(data)) + data + b"\r\n")
            outstanding.append(tag)
            if len(outstanding) >= window:
                self.until(outstanding.pop(0))
        for tag in outstanding:
            self.until(tag)


def timed(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--appends", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        peer = Dovecot(f"{folder}/dovecot").start()
        ours = Platform(
            folder, OONRUMAIL_LOG_LEVEL="warning", OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK="true",
        ).start()
        try:
            run(options, Client(ours.ports["imap"], ADMIN, PASSWORD), Client(peer.port, "reader", "secret"), peer)
        finally:
            ours.stop()
            peer.stop()


def run(options, a, b, peer):
    print(f"{'command':<44} {'ours ms':>9} {'dovecot ms':>10} {'dovecot/ours':>12}")

    def report(name, pairs):
        x, y, ratio = (statistics.median(column) for column in zip(*[(x, y, y / x) for x, y in pairs]))
        print(f"{name:<44} {x:>9.1f} {y:>10.1f} {ratio:>12.2f}", flush=True)

    def compare(name, command, before=None):
        pairs = []
        for index in range(options.rounds + 1):
            times = []
            for client in (a, b):
                if before:
                    client.command(before)
                times.append(timed(lambda: client.command(command.replace("@", str(index)))))
            if index:
                pairs.append(tuple(times))
        report(name, pairs)

    for client in (a, b):
        client.command("CREATE Appended")
        client.command("CREATE Big")
    pairs = [(timed(lambda: a.append(b"Appended", 0, options.appends)), timed(lambda: b.append(b"Appended", 0, options.appends)))]
    report(f"{options.appends} APPENDs, one at a time", pairs)
    a.append(b"Big", 0, options.messages, window=50)
    peer.fill("Big", (mail(number) for number in range(options.messages)))
    for client in (a, b):
        client.command("SELECT Big")
        client.command("FETCH 1:* (ENVELOPE)")
        client.command("UID SEARCH SUBJECT invoice")
    compare(f"SELECT of {options.messages} messages", "SELECT Big", before="UNSELECT")
    compare("FETCH 1:* (FLAGS UID)", "FETCH 1:* (FLAGS UID)")
    compare("FETCH 1:* ENVELOPE, warm", "FETCH 1:* (ENVELOPE)")
    compare("UID SEARCH SUBJECT invoice", "UID SEARCH SUBJECT invoice")
    many = min(10_000, options.messages)
    compare(f"STORE 1:{many} +FLAGS (\\Flagged) / -FLAGS", f"STORE 1:{many} FLAGS (k@)")
    compare(f"STORE 1:{many} +FLAGS.SILENT", f"STORE 1:{many} +FLAGS.SILENT (\\Seen)", before=f"STORE 1:{many} -FLAGS.SILENT (\\Seen)")


main()
