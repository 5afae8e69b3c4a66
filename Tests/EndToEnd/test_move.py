"""A one-machine store moves into PostgreSQL under traffic, and back."""
import hashlib
import smtplib
import threading

import pytest
from platform_process import ADMIN, PASSWORD, Platform, wait_until
from postgres_cluster import Cluster


@pytest.fixture(scope="module")
def postgres():
    running = Cluster()
    yield running
    running.end()


def letter(key, size):
    return f"From: ann@elsewhere.test\r\nTo: {ADMIN}\r\nSubject: {key}\r\n\r\n{key}\r\n" + ("x" * 70 + "\r\n") * (size // 72)


class Writer(threading.Thread):
    """Sends until it is told to stop, and remembers what was acknowledged."""

    def __init__(self, platform):
        super().__init__(daemon=True)
        self.platform, self.kept, self.refused, self.stopping = platform, [], [], threading.Event()

    def run(self):
        turn = 0
        while not self.stopping.is_set():
            try:
                with self.platform.smtp() as client:
                    while not self.stopping.is_set():
                        turn += 1
                        client.sendmail("ann@elsewhere.test", [ADMIN], letter(f"key-{turn}", 90_000 if turn % 10 == 0 else 500))
                        self.kept.append(f"key-{turn}")
            except smtplib.SMTPResponseException as refused:
                self.refused.append(refused.smtp_code)
                self.stopping.wait(0.05)
            except OSError:
                self.stopping.wait(0.05)


def subjects(platform, mailbox="INBOX"):
    return sorted(
        line.split(b": ")[1].decode() for message in platform.messages(mailbox=mailbox)
        for line in message.split(b"\r\n\r\n")[0].split(b"\r\n") if line.startswith(b"Subject: ")
    )


def hashes(platform):
    return sorted(hashlib.sha256(message).hexdigest() for message in platform.messages())


def uids(platform):
    client = platform.imap()
    client.select("INBOX", readonly=True)
    answer = client.response("UIDVALIDITY")[1], client.uid("FETCH", "1:*", "(UID FLAGS EMAILID)")[1]
    client.logout()
    return answer


def test_a_store_moves_under_traffic_and_back(postgres, tmp_path):
    settings = postgres.database()
    url = f"postgres://postgres@127.0.0.1:{postgres.port}/{settings['POSTGRES_DB']}?sslmode=disable"
    (tmp_path / "shared").mkdir()
    old = Platform(
        tmp_path, OONRUMAIL_LOG_LEVEL="warning", OONRUMAIL_BLOBS=tmp_path / "shared", OONRUMAIL_STATISTICS_INTERVAL="1s",
    ).start()
    old.add_account("bob@example.test")
    client = old.imap()
    client.create("Projects/Tea")
    client.append("Projects/Tea", "\\Flagged $Work", None, letter("filed", 200).encode())
    client.logout()
    writer = Writer(old)
    writer.start()
    while len(writer.kept) < 60:
        assert writer.is_alive()
        writer.stopping.wait(0.05)

    moved = old.json("move", "--to", url)
    assert moved["pause_seconds"] < 5 and moved["rows"] > 100 and moved["blobs"] >= 5
    while not writer.refused:
        writer.stopping.wait(0.02)
    writer.stopping.set()
    writer.join(timeout=30)
    assert set(writer.refused) == {451}
    before = subjects(old), hashes(old), uids(old)
    assert before[0] == sorted(writer.kept)

    # The old server reads on; the same move again, or another start, is refused and says why.
    again = old.cli("move", "--to", url, check=False)
    assert again.returncode == 1 and "has moved already" in again.stderr
    assert old.stop() == 0
    with pytest.raises(AssertionError, match="has moved to another database"):
        Platform.start(old)
    old.process = None

    folder = tmp_path / "cluster"
    folder.mkdir()
    new = Platform(
        folder, OONRUMAIL_MASTER_KEY_FILE=old.data / "keys/master.key", OONRUMAIL_BLOBS=tmp_path / "shared",
        OONRUMAIL_STATISTICS_INTERVAL="1s", **settings
    ).start()
    assert (subjects(new), hashes(new), uids(new)) == before
    assert subjects(new, "Projects/Tea") == ["filed"]
    assert new.json("verify")["findings"] == []
    with new.smtp() as client:
        for key in ("after-1", "after-2"):
            client.sendmail("ann@elsewhere.test", [ADMIN], letter(key, 100_000))
    client = new.imap()
    client.select("INBOX")
    client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
    client.expunge()
    client.create('"Made there"')
    client.logout()
    after = subjects(new), hashes(new), uids(new)

    back = old.json("move", "--back", "--to", url)
    assert back["changes"] > 0 and back["pause_seconds"] < 5
    with pytest.raises(smtplib.SMTPResponseException) as refused, new.smtp() as client:
        client.sendmail("ann@elsewhere.test", [ADMIN], letter("too late", 100))
    assert refused.value.smtp_code == 451
    new.stop()
    Platform.start(old)
    assert (subjects(old), hashes(old), uids(old)) == after
    assert '"Made there"' in str(old.imap().list()[1])
    assert old.json("verify")["findings"] == []
    with old.smtp() as client:
        client.sendmail("ann@elsewhere.test", [ADMIN], letter("home again", 100))
    assert "home again" in subjects(old)
    # Each message was counted once, wherever the store was.
    received = lambda: old.json("domain", "statistics", "example.test")["total"]["received"]  # noqa: E731
    wait_until(lambda: received() >= len(writer.kept) + 3)
    wait_until(lambda: old.metric("oonrumail_statistics_lag_seconds") == 0)
    assert received() == len(writer.kept) + 3
    old.stop()


def test_a_target_with_mail_is_refused_and_the_source_serves_on(postgres, tmp_path):
    settings = postgres.database()
    url = f"postgres://postgres@127.0.0.1:{postgres.port}/{settings['POSTGRES_DB']}?sslmode=disable"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    other = Platform(tmp_path / "one", **settings).start()
    other.stop()
    source = Platform(tmp_path / "two").start()
    refused = source.cli("move", "--to", url, check=False)
    assert refused.returncode == 1 and "the target is not empty" in refused.stderr
    with source.smtp() as client:
        client.sendmail("ann@elsewhere.test", [ADMIN], letter("still here", 100))
    assert subjects(source) == ["still here"]
    nowhere = source.cli("move", "--to", "postgres://nobody@127.0.0.1:1/none", check=False)
    assert nowhere.returncode == 1 and "cannot be reached" in nowhere.stderr
    assert source.imap(password=PASSWORD).select("INBOX")[0] == "OK"
    source.stop()


def test_confirming_ends_the_way_back(postgres, tmp_path):
    settings = postgres.database()
    url = f"postgres://postgres@127.0.0.1:{postgres.port}/{settings['POSTGRES_DB']}?sslmode=disable"
    old = Platform(tmp_path).start()
    assert old.cli("move", "--back", "--to", url, check=False).returncode == 1
    old.json("move", "--to", url)
    old.stop()
    old.cli("move", "--confirm", "--to", url)
    assert postgres.sql("SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal", settings["POSTGRES_DB"]) == "0"
    refused = old.cli("move", "--back", "--to", url, check=False)
    assert refused.returncode == 1 and "no unconfirmed move" in refused.stderr
