"""Mail from our people: authentication, identity, signatures, the outbound queue."""
import email
import re
import smtplib
import subprocess

import dkim
import pytest
from platform_process import ADMIN, DOMAIN, PASSWORD, free_port, raw_conversation, wait_until

LETTER = "From: Admin <admin@example.test>\r\nTo: {to}\r\nBcc: secret@example.test\r\nSubject: letter\r\n\r\nA line.\r\n"


def sunk(folder):
    return wait_until(lambda: [path.read_bytes() for path in folder.iterdir() if path.stat().st_size and b"A line." in path.read_bytes()])


def test_wrong_password(platform):
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        platform.submission(ADMIN, "wrong")
    assert refused.value.smtp_code == 535


def test_nothing_without_authentication(platform):
    with platform.submission(user=None) as client:
        client.ehlo()
        assert client.mail("admin@example.test")[0] == 530


@pytest.mark.parametrize("sender, header", [("ceo@example.test", "admin@example.test"), ("admin@example.test", "ceo@example.test")])
def test_only_own_addresses(platform, sender, header):
    letter = LETTER.replace("admin@example.test", header).format(to=ADMIN)
    with platform.submission() as client, pytest.raises(smtplib.SMTPException) as refused:
        client.sendmail(sender, [ADMIN], letter)
    code = getattr(refused.value, "smtp_code", None)
    assert code == 550 and b"5.7.1" in refused.value.smtp_error


def zone_records(platform, domain):
    """The TXT records that `domain dns` prints, by name."""
    zone = platform.cli("domain", "dns", domain).stdout
    records = {}
    for line in zone.splitlines():
        found = re.match(r"(\S+)\s+(?:\d+\s+)?IN\s+TXT\s+(.*)", line)
        if found:
            records[found[1].rstrip(".")] = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found[2]))
    return records


def test_local_delivery_is_completed_and_signed(platform):
    to = platform.add_account("reader@signed.test")
    with platform.submission() as client:
        client.sendmail(ADMIN, [to], LETTER.format(to=to))
    [received] = platform.messages(to)
    letter = email.message_from_bytes(received)
    assert letter["Bcc"] is None and letter["Date"] and letter["Message-ID"]
    records = zone_records(platform, DOMAIN)
    signatures = letter.get_all("DKIM-Signature")
    assert sorted(re.search(r"a=([\w-]+)", one)[1] for one in signatures) == ["ed25519-sha256", "rsa-sha256"]
    names = [f"{re.search(r's=([^;]+)', one)[1]}._domainkey.{DOMAIN}" for one in signatures]
    assert all(name in records for name in names)
    signed = received[received.index(b"DKIM-Signature"):]
    for index in range(len(signatures)):
        verifier = dkim.DKIM(signed)
        assert verifier.verify(idx=index, dnsfunc=lambda name, **_: records[name.decode().rstrip(".")].encode())


def test_the_zone_file_is_one(platform, tmp_path):
    zone = tmp_path / "zone"
    lines = platform.cli("domain", "dns", DOMAIN).stdout
    zone.write_text(f"$TTL 3600\n@ IN SOA ns. root. 1 3600 600 86400 300\n@ IN NS ns.{DOMAIN}.\nns IN A 192.0.2.1\nmail IN A 192.0.2.2\n{lines}\n")
    done = subprocess.run(["/usr/bin/named-checkzone", DOMAIN, zone], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_remote_recipients_go_out_once_each(start_platform, sink):
    port, folder = sink()
    platform = start_platform(OONRUMAIL_TRANSPORT_MAP=f"remote.test=127.0.0.1:{port}")
    with platform.submission() as client:
        client.sendmail(ADMIN, ["one@remote.test", "two@remote.test"], LETTER.format(to="one@remote.test"))
    [sent] = sunk(folder)
    assert b"DKIM-Signature" in sent and b"Bcc" not in sent
    assert sent.count(b"X-Rcpt-Args") == 2
    wait_until(lambda: platform.json("queue", "list") == [])
    kinds = [event["kind"] for event in platform.json("trace", "one@remote.test")]
    assert "queued" in kinds and "sent" in kinds


def test_a_refusal_comes_back_as_a_bounce(start_platform, sink):
    port, _ = sink("-f", "RCPT")
    platform = start_platform(OONRUMAIL_TRANSPORT_MAP=f"remote.test=127.0.0.1:{port}")
    with platform.submission() as client:
        client.sendmail(ADMIN, ["nobody@remote.test"], LETTER.format(to="nobody@remote.test"))
    [bounce] = wait_until(lambda: platform.messages())
    report = email.message_from_bytes(bounce)
    assert report.get_content_type() == "multipart/report" and report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"].startswith("auto-")
    assert bounce.startswith(b"Return-Path: <>\r\n")
    status = report.get_payload()[1]
    assert status.get_content_type() == "message/delivery-status"
    fields = status.get_payload()[1]
    assert fields["Final-Recipient"] == "rfc822; nobody@remote.test" and fields["Action"] == "failed"
    assert fields["Status"].startswith("5.")
    assert platform.json("queue", "list") == []


def test_a_deferral_waits_and_says_why(start_platform, sink):
    port, folder = sink("-r", "RCPT")
    platform = start_platform(OONRUMAIL_TRANSPORT_MAP=f"remote.test=127.0.0.1:{port}")
    with platform.submission() as client:
        client.sendmail(ADMIN, ["later@remote.test"], LETTER.format(to="later@remote.test"))
    [row] = wait_until(lambda: [one for one in platform.json("queue", "list") if one["attempts"] > 0])
    assert row["last_reply"].startswith("4") and row["next_attempt_at"]
    shown = platform.cli("queue", "show", row["queue_id"]).stdout
    assert "RCPT TO" in shown and "later@remote.test" in shown
    assert platform.json("queue", "hold", row["queue_id"])["recipients"] == 1
    assert platform.json("queue", "list")[0]["state"] == "held"
    assert platform.json("queue", "release", row["queue_id"])["recipients"] == 1
    wait_until(lambda: platform.json("queue", "list")[0]["attempts"] > row["attempts"])
    assert platform.json("queue", "cancel", row["queue_id"])["recipients"] == 1
    assert platform.json("queue", "list") == []


def test_the_queue_outlives_a_kill(start_platform, sink):
    port, folder = sink()
    dead = free_port()
    platform = start_platform(OONRUMAIL_TRANSPORT_MAP=f"remote.test=127.0.0.1:{dead}")
    with platform.submission() as client:
        client.sendmail(ADMIN, ["one@remote.test"], LETTER.format(to="one@remote.test"))
    wait_until(lambda: [one for one in platform.json("queue", "list") if one["attempts"] > 0])
    platform.settings["OONRUMAIL_TRANSPORT_MAP"] = f"remote.test=127.0.0.1:{port}"
    import signal
    platform.restart(signal.SIGKILL)
    platform.cli("queue", "retry", "--all")
    assert len(sunk(folder)) == 1


def test_implicit_tls(platform):
    from platform_process import any_certificate
    with smtplib.SMTP_SSL("127.0.0.1", platform.ports["submissions"], context=any_certificate(), timeout=30) as client:
        client.login(ADMIN, PASSWORD)
        client.sendmail(ADMIN, [ADMIN], LETTER.format(to=ADMIN))
