"""Mail from outside: what port 25 takes, and how it comes out over IMAP."""
import base64
import concurrent.futures
import os
import re
import smtplib
import subprocess

import pytest
from platform_process import PASSWORD, raw_conversation, wait_until

HEADERS = "From: Ann Example <ann@elsewhere.test>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}@elsewhere.test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"


def message(to, subject="hello", body="A line.\r\n", id="1", extra=""):
    return HEADERS.format(to=to, subject=subject, id=id) + extra + "\r\n" + body


def body_of(received):
    return received.split(b"\r\n\r\n", 1)[1]


def test_a_message_arrives_with_its_trace_headers(platform):
    to = platform.add_account("one@receiving.test")
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [to], message(to))
    [received] = platform.messages(to)
    assert received.startswith(b"Return-Path: <ann@elsewhere.test>\r\n")
    assert b"Delivered-To: one@receiving.test\r\n" in received
    assert re.search(rb"Received: from .*\r\n\s+by mail\.example\.test .*with E?SMTP", received, re.S)
    assert body_of(received) == b"A line.\r\n"


BODIES = {
    "7bit": ("plain text\r\n..dots\r\n.\r\n", "Content-Transfer-Encoding: 7bit\r\n", []),
    "8bit": ("naïve café — ☕\r\n", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", ["BODY=8BITMIME"]),
    "quoted-printable": ("caf=C3=A9 =\r\nsoft\r\n", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n", []),
    "base64": (base64.encodebytes(os.urandom(3000)).decode().replace("\n", "\r\n"), "Content-Transfer-Encoding: base64\r\n", []),
}


@pytest.mark.parametrize("encoding", BODIES)
def test_every_encoding_comes_back_byte_for_byte(platform, encoding):
    body, extra, options = BODIES[encoding]
    to = platform.add_account(f"{encoding}@encodings.test")
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [to], message(to, body=body, extra=extra).encode(), mail_options=options)
    [received] = platform.messages(to)
    assert body_of(received) == body.encode()


def test_binary_by_bdat(platform):
    to = platform.add_account("binary@encodings.test")
    blob = bytes(range(256)) * 40 + b"\r\n"
    data = message(to, extra="Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n", body="").encode() + blob
    half = len(data) // 2
    raw_conversation(platform.ports["smtp"], [
        220, b"EHLO client.test\r\n", 250, b"MAIL FROM:<a@elsewhere.test> BODY=BINARYMIME\r\n", 250, f"RCPT TO:<{to}>\r\n".encode(), 250,
        b"BDAT %d\r\n" % half + data[:half], 250, b"BDAT %d LAST\r\n" % (len(data) - half) + data[half:], 250, b"QUIT\r\n", 221,
    ])
    [received] = platform.messages(to)
    assert body_of(received) == blob


def test_utf8_addresses(platform):
    to = platform.add_account("grüße@encodings.test")
    with platform.smtp() as client:
        client.ehlo()
        assert client.has_extn("smtputf8")
        client.sendmail("jürgen@elsewhere.test", [to], message(to, subject="Grüße").encode(), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    [received] = platform.messages(to)
    assert "Delivered-To: grüße@encodings.test".encode() in received


def test_an_attachment_of_20_mib(platform):
    to = platform.add_account("large@encodings.test")
    body = base64.encodebytes(os.urandom(15 << 20)).replace(b"\n", b"\r\n")
    data = message(to, extra="Content-Transfer-Encoding: base64\r\n", body="").encode() + body
    assert len(data) > 20 << 20
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [to], data)
    [received] = platform.messages(to)
    assert body_of(received) == body


def test_a_hundred_clients_at_once(platform):
    to = platform.add_account("many@receiving.test")

    def send(number):
        with platform.smtp() as client:
            client.sendmail("ann@elsewhere.test", [to], message(to, subject=f"number {number}", id=f"many{number}"))

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        list(pool.map(send, range(100)))
    subjects = {re.search(rb"Subject: number (\d+)", one)[1] for one in platform.messages(to)}
    assert subjects == {b"%d" % number for number in range(100)}


def test_the_null_sender_is_accepted(platform):
    to = platform.add_account("bounces@receiving.test")
    with platform.smtp() as client:
        client.sendmail("", [to], message(to))
    [received] = platform.messages(to)
    assert received.startswith(b"Return-Path: <>\r\n")


def test_one_body_for_several_recipients(platform):
    first, second = platform.add_account("first@several.test"), platform.add_account("second@several.test")
    platform.cli("alias", "add", "both@several.test", first, second)
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", ["both@several.test"], message("both@several.test"))
    assert len(platform.messages(first)) == len(platform.messages(second)) == 1


def test_postmaster_is_always_there(platform):
    platform.add_account("someone@postmaster.test")
    with platform.smtp() as client:
        client.helo("x")
        client.mail("ann@elsewhere.test")
        assert client.rcpt("postmaster@postmaster.test")[0] == 250


REFUSED = {
    "another's domain": ("someone@elsewhere.test", 550, b"5.7.1"),
    "an unknown address": ("nobody@example.test", 550, b"5.1.1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_recipients_that_are_refused(platform, case):
    address, code, status = REFUSED[case]
    with platform.smtp() as client:
        client.ehlo()
        client.mail("ann@elsewhere.test")
        answer = client.rcpt(address)
    assert answer[0] == code and answer[1].startswith(status)
    found = platform.json("trace", address)
    assert any(event["kind"] == "refused" for event in found)


def test_too_large_is_refused_before_and_after_the_data(start_platform):
    platform = start_platform(OONRUMAIL_MAX_MESSAGE_SIZE=100_000)
    with platform.smtp() as client:
        client.ehlo()
        assert client.mail("ann@elsewhere.test", ["SIZE=200000"])[0] == 552
        client.rset()
        client.mail("ann@elsewhere.test")
        client.rcpt("admin@example.test")
        code, text = client.data(message("admin@example.test", body="x" * 70 + "\r\n" + "y" * 50_000 + "\r\n" + "z" * 60_000 + "\r\n"))
        assert code == 552 and text.startswith(b"5.3.4")
        assert client.noop()[0] == 250
    assert platform.messages() == []


def test_over_quota(platform):
    to = platform.add_account("full@quota.test")
    platform.cli("account", "quota", to, "20000")
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [to], message(to, body="x" * 900 + "\r\n"))
        with pytest.raises((smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused)) as refused:
            client.sendmail("ann@elsewhere.test", [to], message(to, body=("y" * 900 + "\r\n") * 25))
    answer = refused.value.smtp_code if hasattr(refused.value, "smtp_code") else list(refused.value.recipients.values())[0][0]
    assert answer in (452, 552)
    assert len(platform.messages(to)) == 1


SMUGGLED = b"MAIL FROM:<evil@elsewhere.test>\r\nRCPT TO:<admin@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n"
ENDINGS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n\x00.\r\n", b"\n\n.\r\n", b"\r\n.\n\r\n"]


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_smuggling_is_refused(platform, ending):
    to = platform.add_account(f"target{ENDINGS.index(ending)}@smuggling.test")
    before = len(platform.messages(to)) + len(platform.messages())
    answer = raw_conversation(platform.ports["smtp"], [
        220, b"EHLO client.test\r\n", 250, b"MAIL FROM:<a@elsewhere.test>\r\n", 250, f"RCPT TO:<{to}>\r\n".encode(), 250, b"DATA\r\n", 354,
        b"Subject: outer\r\n\r\nouter" + ending + SMUGGLED, b"QUIT\r\n", None,
    ])
    after = platform.messages(to) + platform.messages()
    assert not any(b"\r\nSubject: smuggled" in one.split(b"\r\n\r\n", 1)[0] for one in after), answer
    if b"\x00" not in ending:
        assert len(after) == before, answer
        assert b"\r\n554 5" in answer or b"\r\n500 5" in answer


def test_a_loop_is_refused(platform):
    to = platform.add_account("loop@receiving.test")
    hops = "".join(f"Received: from a{n}.test by b{n}.test; Mon, 23 Nov 2026 10:00:00 +0000\r\n" for n in range(51))
    with platform.smtp() as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("ann@elsewhere.test", [to], hops + message(to))
    assert refused.value.smtp_code == 554 and refused.value.smtp_error.startswith(b"5.4.6")


def test_bytes_behind_starttls_kill_the_connection(platform):
    answer = raw_conversation(platform.ports["submission"], [220, b"EHLO client.test\r\n", 250, b"STARTTLS\r\nNOOP\r\n", None])
    assert b"\r\n220 " not in answer.split(b"250 ", 1)[1]


def test_no_authentication_in_clear_text(platform):
    answer = raw_conversation(platform.ports["submission"], [220, b"EHLO client.test\r\n", 250, b"AUTH PLAIN AGEAYg==\r\n", b"QUIT\r\n", None])
    assert b"AUTH" not in answer.split(b"221")[0].split(b"538")[0].split(b"530")[0].split(b"503")[0].split(b"502")[0]


def test_swaks_delivers_with_tls(platform):
    to = platform.add_account("swaks@receiving.test")
    done = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(platform.ports["smtp"]), "--tls", "--from", "ann@elsewhere.test", "--to", to],
        text=True, capture_output=True, timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(platform.messages(to)) == 1


def test_an_idle_client_hears_of_a_new_message(platform):
    to = platform.add_account("idle@receiving.test")
    client = platform.imap(to)
    client.select("INBOX")
    client.send(b"i1 IDLE\r\n")
    assert client.readline().startswith(b"+")
    with platform.smtp() as sender:
        sender.sendmail("ann@elsewhere.test", [to], message(to))
    heard = wait_until(lambda: client.readline())
    assert b"1 EXISTS" in heard
    client.send(b"DONE\r\n")
    client.shutdown()
