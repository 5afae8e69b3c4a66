#!/usr/bin/env python3
"""Kills one process of the cluster after the other under traffic and compares promises with what is there afterwards.

usage: cluster_rounds.py [--seconds N] [--every N] [--accounts N] [--seed N] [--executable FILE]

Each account gets mail over SMTP, APPENDs, submits to itself and to a server elsewhere, flags, files and deletes, all by
way of the load balancer. Every few seconds one process is killed (a service, PostgreSQL, PgBouncer, ...) and started again
shortly after. In the end every acknowledged message must be there once and whole, every acknowledged change must stand,
no UID may have named two messages, everything submitted must have left, and `oonrumail verify` must be clean.
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "EndToEnd")]

from sink import Sink  # noqa: E402
from traffic import Archivist, Author, Clerk, Correspondent, Findings, Ledger  # noqa: E402

LEASE = 30


class Outcome:
    def __init__(self):
        self.kills = []
        # When each of them died, by time.monotonic().
        self.moments = []
        self.codes = {}
        self.problems = {}
        self.lines = []

    def tell(self, line):
        self.lines.append(line)
        print(line, flush=True)


def run(folder, seconds, every, accounts, seed, least=1):
    """Kills one process after the other for some time, and until `least` different ones have died: a start takes longer on a busy machine."""
    def torment_for(cluster, source, outcome):
        torment(cluster, source, seconds, every, least, outcome)

    return under_traffic(folder, torment_for, accounts, seed)


def roll(folder, accounts, seed):
    """Stops and starts every service process in turn, as an update does."""
    def rolling(cluster, source, outcome):
        for service, number in cluster.places:
            outcome.codes[service, number] = cluster.kill(service, number, signal.SIGTERM)
            cluster.start_process(service, number)
            cluster.wait_ready(service, number)
            threading.Event().wait(1)

    return under_traffic(folder, rolling, accounts, seed)


def under_traffic(folder, trouble, accounts, seed):
    from cluster_platform import ClusterPlatform
    from platform_process import free_port

    source = random.Random(seed)
    sink = Sink(free_port())
    platform = ClusterPlatform(
        folder, check="1s", OONRUMAIL_LOG_LEVEL="warning", OONRUMAIL_INLINE_BLOB_THRESHOLD=65536, OONRUMAIL_QUEUE_LEASE=f"{LEASE}s",
        OONRUMAIL_QUEUE_FIRST_RETRY="1s", OONRUMAIL_TRANSPORT_MAP=f"outside.test=127.0.0.1:{sink.server_address[1]}",
        OONRUMAIL_IMAP_MAX_CONNECTIONS_PER_ACCOUNT=500,
    )
    try:
        platform.start()
        return watch(platform, sink, trouble, accounts, source, seed)
    finally:
        platform.stop()
        sink.end()


def watch(platform, sink, trouble, accounts, source, seed):
    """Lets people work while there is trouble, then looks whether every promise was kept."""
    from platform_process import PASSWORD, wait_until

    ledger, outcome, people = Ledger(), Outcome(), []
    addresses = [platform.add_account(f"person{number}@example.test", PASSWORD) for number in range(accounts)]
    for number, address in enumerate(addresses):
        client = platform.imap(address)
        assert client.create("Kept")[0] == "OK"
        client.logout()
        for kind in (Correspondent, Archivist, Author, Clerk):
            size = source.choice([200, 2000, 20_000, 120_000])
            people.append(kind(platform, address, ledger, f"{kind.__name__.lower()}{number}", size))
    for person in people:
        person.start()
    try:
        began = time.monotonic()
        trouble(platform.cluster, source, outcome)
    finally:
        for person in people:
            person.stopping.set()
        for person in people:
            person.join(timeout=60)
    seconds = time.monotonic() - began
    for place in platform.cluster.processes:
        platform.cluster.wait_ready(*place)
    wait_until(lambda: ledger.sent <= set(sink.taken), seconds=4 * LEASE)
    findings = Findings()
    for address in addresses:
        findings.look(platform, address, ledger)
    # Who sends has half a lease left in which nobody else sends; a part of it goes by on the way.
    twice_out = [
        (pair, told(times, outcome)) for pair, times in sink.taken.items()
        if any(later - one < LEASE / 3 for one, later in zip(times, times[1:]))
    ]
    again = sum(len(times) - 1 for times in sink.taken.values())
    outcome.problems = {
        "lost": findings.lost, "shown twice": findings.twice, "damaged": findings.damaged, "not deleted": findings.undead,
        "flag lost": findings.unflagged, "UID reused": ledger.renamed, "sent twice at once": twice_out,
        "verify": platform.json("verify")["findings"],
    }
    outcome.tell(
        f"seed {seed}: {len(outcome.kills)} kills in {seconds:.0f} s; {ledger.attempted} attempted, {findings.acknowledged} "
        f"acknowledged / {len(findings.lost)} lost / {len(findings.twice)} shown twice / {len(findings.damaged)} damaged; "
        f"{len(ledger.sent)} submitted outward, {again} of them sent again after a kill; {len(ledger.named)} UIDs seen; "
        f"{ledger.reconnects} reconnects"
    )
    for name, found in outcome.problems.items():
        if found:
            outcome.tell(f"{name}: {len(found)}, first {found[:5]}")
    outcome.acknowledged = findings.acknowledged
    outcome.troubles = ledger.troubles
    return outcome


def told(times, outcome):
    """When something was sent, and what died from a lease before to the end, in seconds from the first time."""
    first, last = times[0], times[-1]
    deaths = [
        f"{name} {moment - first:+.1f}" for name, moment in zip(outcome.kills, outcome.moments)
        if first - LEASE < moment < last
    ]
    return [round(at - first, 1) for at in times], deaths


def torment(cluster, source, seconds, every, least, outcome):
    """Kills a victim every few seconds; the next is chosen so that each gets its turn."""
    end = time.monotonic() + seconds
    waiting = []
    pause = threading.Event()
    while time.monotonic() + every < end or len(set(outcome.kills)) < least:
        pause.wait(every * source.uniform(0.7, 1))
        if not waiting:
            waiting = list(cluster.victims())
            source.shuffle(waiting)
        name, kill, start = waiting.pop()
        outcome.kills.append(name)
        outcome.moments.append(time.monotonic())
        kill()
        pause.wait(min(3, every / 3))
        start()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--accounts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--executable", help="oonrumail, with the services beside it")
    options = parser.parse_args()
    if options.executable:
        os.environ["OONRUMAIL_EXECUTABLE"] = options.executable
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(folder, options.seconds, options.every, options.accounts, options.seed)
    return 1 if any(outcome.problems.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
