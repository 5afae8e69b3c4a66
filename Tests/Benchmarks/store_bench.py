"""Durable deliveries of 4 KiB per second of the store alone, beside pgbench on the same server.

usage: store_bench.py [--rounds N] [--seconds N] [--accounts N]

A private PostgreSQL with its defaults (fsync on) is started on loopback. `same` is pgbench running the statements of one
delivery in one transaction; `insert` is pgbench inserting one row of 4 KiB a transaction. Rounds alternate; medians are
printed. Nothing else should run meanwhile.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

import peers  # noqa: F401  (finds the modules of the end-to-end tests)
from delivery_sql import SAME
from postgres_cluster import BINARIES, Cluster

DRIVER = os.environ["STORE_BENCH"]
INSERT = "INSERT INTO bench (data) VALUES (convert_to(repeat('abcdefgh', 512), 'UTF8'));"


def store(*arguments):
    done = subprocess.run([DRIVER, *map(str, arguments)], check=True, text=True, capture_output=True, timeout=300)
    return float(re.search(r"(\d+) deliveries/s", done.stdout).group(1))


def pgbench(cluster, settings, script, clients, seconds):
    done = subprocess.run(
        [
            BINARIES / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", script, "-h", "127.0.0.1",
            "-p", str(cluster.port), "-U", "postgres", settings["POSTGRES_DB"],
        ],
        check=True, text=True, capture_output=True, timeout=300, env={**os.environ, "PGSSLMODE": "disable"},
    )
    return float(re.search(r"tps = ([\d.]+)", done.stdout).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--accounts", type=int, default=100)
    options = parser.parse_args()
    cluster = Cluster("max_connections = 150")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            settings = cluster.database()
            url = f"postgres://postgres@127.0.0.1:{cluster.port}/{settings['POSTGRES_DB']}?sslmode=disable"
            cluster.sql("CREATE TABLE bench (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)", settings["POSTGRES_DB"])
            (folder / "same.sql").write_text(SAME.replace("ACCOUNTS", str(options.accounts)))
            (folder / "insert.sql").write_text(INSERT + "\n")
            store("postgres", url, 20, 1, options.accounts)
            print(f"{'at once':>8} {'SQLite':>8} {'PostgreSQL':>10} {'one account':>11} {'same':>8} {'insert':>8}  (medians of {options.rounds} rounds)")
            for clients in (1, 20, 100):
                rows = []
                for number in range(options.rounds):
                    rows.append((
                        store("sqlite", folder / f"{clients}-{number}", clients, options.seconds, options.accounts),
                        store("postgres", url, clients, options.seconds, options.accounts),
                        store("postgres", url, clients, options.seconds, 1),
                        pgbench(cluster, settings, folder / "same.sql", clients, options.seconds),
                        pgbench(cluster, settings, folder / "insert.sql", clients, options.seconds),
                    ))
                medians = [statistics.median(column) for column in zip(*rows)]
                print("{:>8} {:>8.0f} {:>10.0f} {:>11.0f} {:>8.0f} {:>8.0f}".format(clients, *medians), flush=True)
        finally:
            cluster.end()


main()
