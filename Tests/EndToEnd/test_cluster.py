"""What only the cluster shape has: replicas that tell each other, and backends that go away and come back."""
import imaplib
import json
import smtplib
import socket
import time
import urllib.request

import pytest
from cluster_platform import backends
from platform_process import ADMIN, PASSWORD, any_certificate, wait_until

# More than what lies inline in the database.
LARGE = "x" * 70 + "\r\n"


def letter(subject, size=200):
    return f"From: ann@elsewhere.test\r\nTo: {ADMIN}\r\nSubject: {subject}\r\n\r\n" + LARGE * (size // 72) + "end\r\n"


def send(platform, number, subject, size=200, to=ADMIN):
    """Through one replica of smtp-server, past the balancer."""
    header = b"PROXY TCP4 192.0.2.77 127.0.0.1 40000 25\r\n"
    peer = socket.create_connection(("127.0.0.1", platform.cluster.places["smtp-server", number]["smtp"]), timeout=30)
    peer.sendall(header)
    client = smtplib.SMTP()
    client.sock = peer
    assert client.getreply()[0] == 220
    client.ehlo("elsewhere.test")
    try:
        return client.sendmail("ann@elsewhere.test", [to], letter(subject, size))
    finally:
        client.close()


class Direct(imaplib.IMAP4):
    """To one replica of imap-server, past the balancer."""

    def __init__(self, platform, number):
        self.number = number
        self.place = platform.cluster.places["imap-server", number]["imaps"]
        super().__init__("127.0.0.1", self.place, timeout=30)
        self.login(ADMIN, PASSWORD)

    def _create_socket(self, timeout):
        peer = socket.create_connection(("127.0.0.1", self.place), timeout=timeout)
        peer.sendall(b"PROXY TCP4 192.0.2.77 127.0.0.1 40000 993\r\n")
        return any_certificate().wrap_socket(peer)


def idle(client):
    client.send(b"x IDLE\r\n")
    while not client.readline().startswith(b"+"):
        pass


def seconds_until_exists(platform, client, what):
    began = time.monotonic()
    try:
        while b"EXISTS" not in client.readline():
            pass
    except TimeoutError:
        # What a session that asks finds tells whether the mail is missing or the news of it.
        other = Direct(platform, client.number)
        found = other.select("INBOX")[1], other.search(None, "SUBJECT", f'"{what}"')[1]
        pytest.fail(f"imap-server {client.number} told nothing of '{what}'; asked, it finds {found}")
    return time.monotonic() - began


def health(platform, path="/health", service="smtp-server", number=0):
    port = platform.cluster.places[service, number]["http"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.loads(answer.read())


def is_ok(platform):
    return all(
        health(platform, "/ready", service, number)["status"] == "ok" for service, number in platform.cluster.places
    )


def failed(document):
    return [check["name"] for check in document["checks"] if check["status"] != "ok"]


def test_idle_in_one_replica_hears_what_another_process_stores(platform):
    clients = [Direct(platform, number) for number in (0, 1)]
    for client in clients:
        client.select("INBOX")
        idle(client)
    waits = []
    for turn in range(4):
        send(platform, turn % 2, f"for idle {turn}")
        waits += [seconds_until_exists(platform, client, f"for idle {turn}") for client in clients]
    # The database is looked at every second at most: the change feed was quicker each time.
    assert sorted(waits)[len(waits) // 2] < 0.5, waits
    for client in clients:
        client.shutdown()


def test_what_one_replica_changes_another_shows(platform):
    send(platform, 0, "seen by both")
    first, second = Direct(platform, 0), Direct(platform, 1)
    for client in (first, second):
        client.select("INBOX")
    number = first.search(None, "SUBJECT", '"seen by both"')[1][0].split()[-1].decode()
    assert first.store(number, "+FLAGS", "(\\Flagged $Work)")[0] == "OK"
    wait_until(lambda: second.noop() and b"$Work" in second.fetch(number, "(FLAGS)")[1][0])
    assert second.store(number, "+FLAGS", "(\\Deleted)")[0] == "OK"
    assert second.expunge()[0] == "OK"
    wait_until(lambda: first.noop() and not first.search(None, "SUBJECT", '"seen by both"')[1][0])
    for client in (first, second):
        client.shutdown()


def test_failed_sign_ins_count_across_replicas(start_platform):
    platform = start_platform(OONRUMAIL_LOCKOUT_FAILURES="6", OONRUMAIL_LOCKOUT_EXEMPT_TRUSTED="false")
    platform.add_account("victim@example.test")
    refused = 0
    for number in range(8):
        client = imaplib.IMAP4_SSL("127.0.0.1", platform.ports["imaps"], ssl_context=any_certificate(), timeout=30)
        with pytest.raises(imaplib.IMAP4.error):
            client.login("victim@example.test", "wrong")
        client.shutdown()
        refused += 1
    # The balancer spread them: neither replica alone has seen six.
    for number in range(4):
        client = imaplib.IMAP4_SSL("127.0.0.1", platform.ports["imaps"], ssl_context=any_certificate(), timeout=30)
        with pytest.raises(imaplib.IMAP4.error):
            client.login("victim@example.test", PASSWORD)
        client.shutdown()


def test_redis_away_mail_flows_and_everything_comes_back(platform):
    redis = backends().redis
    redis.kill()
    try:
        wait_until(lambda: health(platform)["status"] == "degraded")
        ready = health(platform, "/ready")
        assert ready["status"] == "degraded" and failed(ready) == ["redis"]
        wait_until(lambda: failed(health(platform, "/health/imap", "imap-server")) == ["redis"])
        client = Direct(platform, 1)
        client.select("INBOX")
        idle(client)
        send(platform, 0, "without redis")
        # By looking at the database.
        assert seconds_until_exists(platform, client, "without redis") < 10
        client.shutdown()
        assert platform.imap().select("INBOX")[0] == "OK"
    finally:
        redis.start()
    wait_until(lambda: is_ok(platform))
    client = Direct(platform, 1)
    client.select("INBOX")
    idle(client)
    send(platform, 0, "with redis again")
    assert seconds_until_exists(platform, client, "with redis again") < 5
    client.shutdown()


def test_s3_away_large_mail_waits_and_the_rest_goes_on(platform):
    s3 = backends().s3
    send(platform, 0, "large before", 300_000)
    reader = Direct(platform, 1)
    reader.select("INBOX")
    large = reader.search(None, "SUBJECT", '"large before"')[1][0].split()[-1].decode()
    s3.kill()
    try:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(platform, 0, "large meanwhile", 300_000)
        assert refused.value.smtp_code == 451
        send(platform, 1, "small meanwhile")
        wait_until(lambda: failed(health(platform, "/ready")) == ["s3"])
        tag = reader._command("FETCH", large, "(BODY.PEEK[])")
        status, text = reader._command_complete("FETCH", tag)
        assert status == "NO" and b"[UNAVAILABLE]" in text[0]
        status, text = reader.append("INBOX", None, None, letter("large append", 300_000).encode())
        assert status == "NO" and b"[UNAVAILABLE]" in text[0]
        reader.noop()
        small = reader.search(None, "SUBJECT", '"small meanwhile"')[1][0].split()
        assert len(small) == 1
        assert reader.fetch(small[0].decode(), "(BODY.PEEK[])")[1][0][1].endswith(b"end\r\n")
    finally:
        s3.start()
    wait_until(lambda: is_ok(platform))
    assert not reader.search(None, "SUBJECT", '"large meanwhile"')[1][0]
    assert not reader.search(None, "SUBJECT", '"large append"')[1][0]
    assert len(reader.fetch(large, "(BODY.PEEK[])")[1][0][1]) > 290_000
    send(platform, 0, "large after", 300_000)
    reader.noop()
    assert reader.search(None, "SUBJECT", '"large after"')[1][0]
    reader.shutdown()
    assert platform.json("verify")["findings"] == []


def test_postgres_away_nothing_is_acknowledged_and_everything_comes_back(platform):
    postgres = backends().postgres
    postgres.kill()
    try:
        wait_until(lambda: health(platform)["status"] in ("ok", "degraded"))
        with pytest.raises((smtplib.SMTPException, OSError)):
            send(platform, 0, "without a database")
    finally:
        postgres.start()
    wait_until(lambda: is_taken(platform, "with a database again"), seconds=60)
    wait_until(lambda: all_ready(platform), seconds=60)
    client = Direct(platform, 1)
    client.select("INBOX")
    assert client.search(None, "SUBJECT", '"with a database again"')[1][0]
    assert not client.search(None, "SUBJECT", '"without a database"')[1][0]
    client.shutdown()


def is_taken(platform, subject):
    try:
        return send(platform, 0, subject) == {}
    except smtplib.SMTPException:
        return False


def all_ready(platform):
    try:
        return is_ok(platform)
    except OSError:
        return False
