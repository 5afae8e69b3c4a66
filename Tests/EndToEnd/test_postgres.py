"""The same platform with its store in PostgreSQL: migrations by the script, two processes on one database."""
import base64
import os
import shutil
import signal
import subprocess

import pytest
from platform_process import ADMIN, EXECUTABLE, ROOT, Platform, free_port, wait_until
from postgres_cluster import BINARIES, Cluster

SCRIPT = ROOT / "scripts/migrate.sh"
needs_postgres = pytest.mark.skipif(BINARIES is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def cluster():
    running = Cluster()
    yield running
    running.end()


@pytest.fixture
def start_on(tmp_path):
    """Starts platforms on the settings of a database, each with a data folder of its own."""
    started = []

    def start(settings):
        folder = tmp_path / f"replica{len(started)}"
        folder.mkdir()
        # What is sealed in the database opens with one key.
        key = tmp_path / "master.key"
        if not key.exists():
            key.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
        started.append(Platform(folder, OONRUMAIL_MASTER_KEY_FILE=key, **settings).start())
        return started[-1]

    yield start
    for platform in started:
        platform.stop()


def migrate(*arguments, **settings):
    environment = {**os.environ, "OONRUMAIL_EXECUTABLE": str(EXECUTABLE), **settings}
    return subprocess.run([SCRIPT, *arguments], env=environment, text=True, capture_output=True, timeout=60)


def test_help_says_what_it_does():
    done = migrate("--help")
    assert done.returncode == 0 and "--dry-run" in done.stdout


def test_a_new_folder_is_planned_then_made(tmp_path):
    data = tmp_path / "data"
    planned = migrate("--dry-run", "--data", str(data))
    assert planned.returncode == 0 and "CREATE TABLE mailboxes" in planned.stdout and "nothing was changed" in planned.stdout
    assert not data.exists()
    assert "Applied version 1" in migrate("--data", str(data)).stdout
    assert "up to date" in migrate("--data", str(data)).stdout


@needs_postgres
def test_a_database_is_planned_migrated_and_guarded(cluster, tmp_path):
    settings = {**cluster.database(), "OONRUMAIL_DATA": str(tmp_path)}
    tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'"
    planned = migrate("--dry-run", **settings)
    assert planned.returncode == 0 and "-- version 1, initial, checksum" in planned.stdout
    assert cluster.sql(tables, settings["POSTGRES_DB"]) == "0"
    assert migrate(**settings).returncode == 0
    assert cluster.sql("SELECT version, name FROM schema_migrations WHERE version = 1", settings["POSTGRES_DB"]) == "1|initial"
    cluster.sql("UPDATE schema_migrations SET checksum = 'other'", settings["POSTGRES_DB"])
    edited = migrate(**settings)
    assert edited.returncode == 1 and "not the one that was applied" in edited.stderr
    cluster.sql("INSERT INTO schema_migrations VALUES (99, 'contract-all', 'x', 0)", settings["POSTGRES_DB"])
    cluster.sql("DELETE FROM schema_migrations WHERE version < 99", settings["POSTGRES_DB"])
    newer = migrate(**settings)
    assert newer.returncode == 1 and "version 99 (contract-all), newer than this program knows" in newer.stderr


@needs_postgres
def test_a_server_that_is_away_is_named_without_secrets(tmp_path):
    done = migrate(
        OONRUMAIL_DATA=str(tmp_path), DATABASE_URL=f"postgres://me:hunter22@127.0.0.1:{free_port()}/mail",
    )
    assert done.returncode == 1
    assert "the server cannot be reached" in done.stderr and "hunter22" not in done.stderr + done.stdout


def letter(number):
    return f"From: ann@elsewhere.test\r\nTo: {ADMIN}\r\nSubject: {number}\r\nMessage-ID: <{number}@elsewhere.test>\r\n\r\n{'x' * number}\r\n"


@needs_postgres
def test_two_processes_on_one_database(cluster, start_on):
    settings = cluster.database()
    one = start_on(settings)
    two = start_on(settings)
    for number in range(20):
        with (one, two)[number % 2].smtp() as client:
            client.sendmail("bob@elsewhere.test", [ADMIN], letter(number))
    assert len(one.messages()) == len(two.messages()) == 20
    client = two.imap()
    client.select("INBOX")
    assert client.uid("SEARCH", "ALL")[1][0].split() == [b"%d" % uid for uid in range(1, 21)]
    client.logout()
    # An open session of one hears of what the other has stored.
    client = two.imap()
    client.select("INBOX")
    with one.smtp() as sender:
        sender.sendmail("bob@elsewhere.test", [ADMIN], letter(20))

    def is_heard():
        client.noop()
        return client.untagged_responses.get("EXISTS", [b""])[-1] == b"21"

    wait_until(is_heard)
    client.logout()
    # Killed, one leaves nothing behind that the other trips over.
    one.stop(signal.SIGKILL)
    with two.smtp() as client:
        client.sendmail("bob@elsewhere.test", [ADMIN], letter(21))
    assert len(two.messages()) == 22
    assert "all is well" in two.cli("verify").stdout


@needs_postgres
def test_mail_waits_while_the_database_is_away(cluster, start_on):
    settings = {**cluster.database(), "POSTGRES_POOL_WAIT": "300ms"}
    platform = start_on(settings)
    with platform.smtp() as client:
        client.sendmail("bob@elsewhere.test", [ADMIN], letter(1))
    cluster.control("stop", "-m", "immediate")
    try:
        with platform.smtp() as client:
            client.ehlo("x")
            codes = [client.mail("bob@elsewhere.test")[0], client.rcpt(ADMIN)[0]]
            # Never a refusal for good.
            assert all(code < 500 for code in codes) and codes[-1] >= 400
        wait_until(lambda: platform.http("GET", "/ready")[0] == 503)
    finally:
        cluster.control("start")

    def is_taken():
        with platform.smtp() as client:
            try:
                client.sendmail("bob@elsewhere.test", [ADMIN], letter(2))
                return True
            except Exception:
                return False

    wait_until(is_taken)
    assert len(platform.messages()) >= 2

@pytest.mark.parametrize("content, word", [(None, "there is no file"), (b"short", "must hold 32 octets")])
def test_a_master_key_that_is_none_is_named(tmp_path, content, word):
    key = tmp_path / "shared.key"
    if content is not None:
        key.write_bytes(content)
    done = subprocess.run(
        [EXECUTABLE, "serve", "--data", tmp_path / "data"], env={**os.environ, "OONRUMAIL_MASTER_KEY_FILE": str(key)},
        text=True, capture_output=True, timeout=30,
    )
    assert done.returncode != 0 and word in done.stderr and str(key) in done.stderr
