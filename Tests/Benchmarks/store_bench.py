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
from postgres_cluster import BINARIES, Cluster

DRIVER = os.environ["STORE_BENCH"]
INSERT = "INSERT INTO bench (data) VALUES (convert_to(repeat('abcdefgh', 512), 'UTF8'));"
SAME = r"""
\set a random(1, ACCOUNTS)
BEGIN;
UPDATE account_counters SET next_email = next_email + 1, next_thread = next_thread + 1, modseq = modseq + 1, used_bytes = used_bytes + 4096, used_messages = used_messages + 1 WHERE account_id = :a RETURNING next_email, next_thread, modseq \gset
UPDATE mailboxes SET uid_next = uid_next + 1, highest_modseq = :modseq, messages = messages + 1, unseen = unseen + 1, size = size + 4096 WHERE account_id = :a AND mailbox_id = 1 RETURNING uid_next \gset
SELECT COUNT(*) FROM thread_references WHERE account_id = :a AND reference_hash = :next_email;
INSERT INTO messages (account_id, mailbox_id, uid, flags, keywords, modseq, email_id, size, internal_date, saved_at) VALUES (:a, 1, :uid_next, 0, '', :modseq, :next_email, 4096, 1, 1);
INSERT INTO thread_references (account_id, reference_hash, thread_id) VALUES (:a, :next_email, :next_thread) ON CONFLICT DO NOTHING;
INSERT INTO emails (account_id, email_id, thread_id, refs, blob_hash, is_inline, blob_size, prefix, received_at, envelope, body_structure, header_size, subject, from_text, to_text, cc_text, bcc_text, message_id, reference_ids, sent_at, has_attachment, preview) VALUES (:a, :next_email, :next_thread, 1, decode(repeat('00', 32), 'hex'), 1, 4096, 'Return-Path', 1, 'an envelope of some octets', 'a structure', 200, 'Tea', 'Ann ann@shop.test', 'bob@shop.test', '', '', 'm', '', 1, 0, 'Tea at four');
INSERT INTO inline_bytes (account_id, email_id, encoding, data) VALUES (:a, :next_email, 0, convert_to(repeat('abcdefgh', 512), 'UTF8'));
INSERT INTO trace_events (at, kind, queue_id, message_id, sender, recipient, remote, detail) VALUES (1, 'accepted', 'q', 'm', 'a', 'b', NULL, 'ok');
COMMIT;
"""


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
