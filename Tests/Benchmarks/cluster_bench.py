"""The cluster shape: durable accepts over SMTP beside Postfix and pgbench, and many IMAP clients at once.

usage: cluster_bench.py [--rounds N] [--messages N] [--clients N] [--seconds N] [--pooler] [smtp | imap]

Two replicas of every service, Redis, an S3 server and HAProxy run on this machine on one private PostgreSQL (fsync on), which
they reach directly with prepared statements, or (--pooler) by way of PgBouncer in transaction mode without them. SMTP is driven
by smtp-source through HAProxy into several accounts; Postfix queues and discards; `insert` is pgbench inserting one row
of the message's size a transaction, `same` the statements of one delivery. Rounds alternate; medians are printed.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

from imap_load import drive as drive_imap
from imap_load import table
from peers import Postfix
from platform_process import EXECUTABLE, PASSWORD

from cluster_platform import ClusterPlatform, backends
from delivery_sql import SAME

ACCOUNTS = 4


def drive_smtp(port, accounts, sessions, size, count):
    """Messages per second over all `accounts`, each with a source of its own."""
    started = time.monotonic()
    share = max(1, sessions // len(accounts))
    sources = [
        subprocess.Popen(
            [
                "smtp-source", "-d", "-s", str(share), "-m", str(count // len(accounts)), "-l", str(size), "-f",
                "bench@elsewhere.test", "-t", account, f"127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for account in accounts
    ]
    for source in sources:
        trouble = source.communicate(timeout=300)[1]
        if source.returncode:
            raise RuntimeError(f"smtp-source: {trouble[-300:]}")
    return count / (time.monotonic() - started)


def pgbench(database, script, clients, seconds):
    server = backends().postgres
    done = subprocess.run(
        [
            server.binaries / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", script,
            "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", database,
        ],
        check=True, text=True, capture_output=True, timeout=300, env={**os.environ, "PGSSLMODE": "disable"},
    )
    return float(re.search(r"tps = ([\d.]+)", done.stdout).group(1))


def prepare_pgbench(folder, environment):
    """A database with our schema and some accounts, for pgbench alone; its name."""
    server, name = backends().postgres, "raw"
    server.create(name)
    subprocess.run([EXECUTABLE, "migrate"], env={**environment, "POSTGRES_DB": name}, check=True, stdout=subprocess.DEVNULL)
    rows = ", ".join(f"({number}, 1, 2, 1, 0, 1, NULL, 0, 0)" for number in range(1, ACCOUNTS + 1))
    boxes = ", ".join(f"({number}, 1, 'INBOX', NULL, 1, 1, 0, 0, 0, 0, 0)" for number in range(1, ACCOUNTS + 1))
    subprocess.run(
        [
            "psql", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", name, "-c",
            "CREATE TABLE bench (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)", "-c",
            f"INSERT INTO account_counters VALUES {rows}", "-c", f"INSERT INTO mailboxes VALUES {boxes}",
        ],
        check=True,
    )
    (folder / "same.sql").write_text(SAME.replace("ACCOUNTS", str(ACCOUNTS)))
    return name


def bench_smtp(ours, peer, folder, options):
    database = prepare_pgbench(folder, ours.environment)
    accounts = [ours.add_account(f"sink{number}@bench.test") for number in range(ACCOUNTS)]
    print(
        f"{'sessions':>8} {'octets':>7} {'ours/s':>8} {'postfix/s':>10} {'insert/s':>9} {'same/s':>8} {':postfix':>8} {':insert':>8}"
        f"  (medians of {options.rounds} rounds)"
    )
    for sessions, size in [(sessions, size) for size in (4096, 10240) for sessions in (20, 100)]:
        (folder / "insert.sql").write_text(
            f"INSERT INTO bench (data) VALUES (convert_to(repeat('abcdefgh', {size // 8}), 'UTF8'));\n"
        )
        drive_smtp(ours.ports["smtp"], accounts, sessions, size, options.messages // 5)
        rows = []
        for _ in range(options.rounds):
            a = drive_smtp(ours.ports["smtp"], accounts, sessions, size, options.messages)
            b = drive_smtp(peer.port, accounts, sessions, size, options.messages // 2)
            c = pgbench(database, folder / "insert.sql", sessions, 4)
            d = pgbench(database, folder / "same.sql", sessions, 4)
            rows.append((a, b, c, d, a / b, a / c))
        a, b, c, d, beside_postfix, beside_insert = (statistics.median(column) for column in zip(*rows))
        print(
            f"{sessions:>8} {size:>7} {a:>8.0f} {b:>10.0f} {c:>9.0f} {d:>8.0f} {beside_postfix:>8.2f} {beside_insert:>8.2f}",
            flush=True,
        )


def bench_imap(ours, options):
    print(f"making {options.clients} accounts …", flush=True)
    token = ours.http("POST", "/api/auth/login", {"email": "admin@example.test", "password": PASSWORD})[2]["access_token"]
    accounts = []
    for number in range(options.clients):
        status, _, answer = ours.http(
            "POST", "/api/domains/example.test/accounts", {"email": f"user{number}@example.test", "password": PASSWORD},
            token,
        )
        assert status == 201, answer
        accounts.append(f"user{number}@example.test")
    for account in accounts:
        drive_smtp(ours.ports["smtp"], [account], 1, 4096, 20)
    times, failures = drive_imap(ours.ports["imaps"], accounts, PASSWORD, options.seconds)
    print(f"{options.clients} IMAP clients for {options.seconds} s; failures: {dict(failures) or 'none'}")
    print("\n".join(table(times)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("smtp", "imap"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=6000)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--pooler", action="store_true")
    options = parser.parse_args()
    direct = {"POSTGRES_PORT": backends().postgres.port, "POSTGRES_PREPARED_STATEMENTS": "true"}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        ours = ClusterPlatform(folder, OONRUMAIL_LOG_LEVEL="warning", **({} if options.pooler else direct)).start()
        try:
            if options.part != "imap":
                peer = Postfix(folder / "postfix").start()
                try:
                    bench_smtp(ours, peer, folder, options)
                finally:
                    peer.stop()
            if options.part != "smtp":
                bench_imap(ours, options)
            print("verify:", ours.json("verify"))
        finally:
            ours.stop()


main()
