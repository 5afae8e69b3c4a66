"""SMTP clients that mean harm, or are badly broken: bounded memory and time, clear answers, nothing smuggled, all on record."""
import base64
import json
import os
import pathlib
import signal
import socket
import time

import pytest

from platform_process import ADMIN, PASSWORD, any_certificate, wait_until
from test_hostile_imap import resident_mib
from test_submission import LETTER, sunk

LINE = b"x" * 70 + b"\r\n"
HEADER = b"From: a@elsewhere.test\r\nSubject: s\r\n\r\n"


class RawSMTP:
    """Octets to the server and replies back; nothing is understood."""

    def __init__(self, platform, port="smtp", hello=True, tls=False, signed_in=False):
        self.socket = socket.create_connection(("127.0.0.1", platform.ports[port]), timeout=20)
        self.stream = self.socket.makefile("rb")
        assert self.reply().startswith(b"220")
        if hello:
            assert self.command("EHLO client.test").startswith(b"250")
        if tls or signed_in:
            assert self.command("STARTTLS").startswith(b"220")
            self.socket = any_certificate().wrap_socket(self.socket)
            self.stream = self.socket.makefile("rb")
            self.command("EHLO client.test")
        if signed_in:
            assert self.command("AUTH PLAIN " + plain(ADMIN, PASSWORD)).startswith(b"235")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """The last line of a reply; empty at the end."""
        while True:
            line = self.stream.readline()
            if line[3:4] != b"-":
                return line

    def command(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def begin(self, to, sender="a@elsewhere.test", parameters=""):
        assert self.command(f"MAIL FROM:<{sender}>{parameters}").startswith(b"250")
        assert self.command(f"RCPT TO:<{to}>").startswith(b"250")

    def data(self, to, body, sender="a@elsewhere.test"):
        self.begin(to, sender)
        assert self.command("DATA").startswith(b"354")
        self.send(body)
        return self.reply()


def serves(platform):
    try:
        return RawSMTP(platform).command("NOOP").startswith(b"250")
    except (OSError, AssertionError):
        return False


def plain(user, password, authorization=""):
    return base64.b64encode(f"{authorization}\0{user}\0{password}".encode()).decode()


def is_closed(client, seconds):
    """Whether the server ends the connection within that time."""
    client.settimeout(seconds)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def spool_files(platform):
    return [file for spool in platform.spools for file in spool.iterdir()]


# Short limits of time.
IMPATIENT = {
    "OONRUMAIL_SMTP_IDLE_TIMEOUT": "2s", "OONRUMAIL_SMTP_HANDSHAKE_TIMEOUT": "1s", "OONRUMAIL_SMTP_WRITE_TIMEOUT": "1s",
    "OONRUMAIL_SMTP_UNPRODUCTIVE_LIMIT": "100000",
}


@pytest.fixture(scope="module")
def impatient(start_shared_platform):
    return start_shared_platform(**IMPATIENT)


@pytest.fixture
def fresh_impatient(start_platform):
    """Memory is measured where nothing was before: what another test gave back would hide what is taken."""
    return start_platform(**IMPATIENT)


# Memory


@pytest.mark.one_machine("a balancer keeps the connection of a client that does not read")
@pytest.mark.parametrize("line", ["NOOP\r\n", "EHLO x\r\n", "BDAT 0\r\n", "RCPT TO:<admin@example.test>\r\n", "VRFY x\r\n"])
def test_a_client_that_pipelines_and_never_reads_is_made_to_wait_and_cut(fresh_impatient, line):
    client = RawSMTP(fresh_impatient)
    if line[0] in "BR":
        client.begin("admin@example.test")
    before = resident_mib(fresh_impatient)
    client.socket.settimeout(0.5)
    with pytest.raises(OSError):
        for _ in range(20_000):
            client.send(line * 200)
    assert resident_mib(fresh_impatient) - before < 40
    client.socket.settimeout(60)
    with pytest.raises((ConnectionError, BrokenPipeError)):
        for _ in range(100):
            client.send(line * 20_000)
    assert RawSMTP(fresh_impatient).command("NOOP").startswith(b"250")


def test_under_tls_too(fresh_impatient):
    client = RawSMTP(fresh_impatient, "submission", tls=True)
    before = resident_mib(fresh_impatient)
    client.socket.settimeout(1)
    with pytest.raises(OSError):
        for _ in range(2_000):
            client.send(b"EHLO x\r\n" * 2_000)
    assert resident_mib(fresh_impatient) - before < 40
    wait_until(lambda: serves(fresh_impatient))


def test_a_client_that_reads_late_gets_every_reply(start_platform):
    platform = start_platform(OONRUMAIL_SMTP_UNPRODUCTIVE_LIMIT="100000")
    client = RawSMTP(platform)
    client.socket.settimeout(1)
    octets = 0
    line = b"EHLO " + b"x" * 200 + b"\r\n"
    text = line * 200_000
    try:
        while octets < len(text):
            octets += client.socket.send(text[octets:octets + 65536])
    except TimeoutError:
        pass
    assert octets < len(text)
    client.socket.settimeout(20)
    for _ in range(octets // len(line)):
        assert client.reply().startswith(b"250 LIMITS")


def test_an_endless_line_takes_no_memory(platform):
    client = RawSMTP(platform, hello=False)
    before = resident_mib(platform)
    for _ in range(50):
        client.send(b"a" * 1_000_000)
    assert resident_mib(platform) - before < 20
    assert client.reply().startswith(b"500 5.5.2")


# Time


def test_a_handshake_that_never_ends_is_cut(impatient):
    for first in (b"", b"\x16\x03\x01\x02\x00\x01"):
        client = socket.create_connection(("127.0.0.1", impatient.ports["submissions"]), timeout=5)
        client.sendall(first)
        assert is_closed(client, 4)


def test_a_handshake_after_starttls_that_never_ends_is_cut(impatient):
    client = RawSMTP(impatient)
    assert client.command("STARTTLS").startswith(b"220")
    assert is_closed(client.socket, 4)


def drip(client, octets, seconds, text=b"x"):
    """Sends one octet at a time; True when the server has had enough of it."""
    deadline = time.monotonic() + seconds
    client.settimeout(octets)
    while time.monotonic() < deadline:
        try:
            client.send(text)
            if not client.recv(65536):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
        return True
    return False


def test_a_command_octet_by_octet_is_cut(impatient):
    assert drip(RawSMTP(impatient, hello=False).socket, 0.2, 6)


def test_a_message_octet_by_octet_is_cut(impatient):
    client = RawSMTP(impatient)
    client.begin(ADMIN)
    assert client.command("DATA").startswith(b"354")
    assert drip(client.socket, 0.2, 8)


def test_a_chunk_octet_by_octet_is_cut(impatient):
    client = RawSMTP(impatient)
    client.begin(ADMIN)
    client.send("BDAT 100000 LAST\r\n")
    assert drip(client.socket, 0.2, 8)


def test_a_slow_message_at_a_fair_rate_is_taken(impatient):
    client = RawSMTP(impatient)
    client.begin(ADMIN)
    assert client.command("DATA").startswith(b"354")
    client.send(HEADER)
    for _ in range(25):
        client.send(LINE)
        time.sleep(0.2)
    client.send(b".\r\n")
    assert client.reply().startswith(b"250")


def test_silence_ends_with_421(impatient):
    assert RawSMTP(impatient).reply().startswith(b"421 4.4.2")


# Smuggling

ENDS = {
    "lf-dot-lf": b"\n.\n", "cr-dot-cr": b"\r.\r", "crlf-dot-lf": b"\r\n.\n", "lf-dot-crlf": b"\n.\r\n", "crlf-dot-cr": b"\r\n.\r",
    "cr-dot-crlf": b"\r.\r\n", "crlf-nul-dot": b"\r\n\0.\r\n", "crlf-dot-nul": b"\r\n.\0\r\n",
    "crlf-dot-crcrlf": b"\r\n.\r\r\n", "dot-space": b"\r\n. \r\n", "lfcr": b"\n\r.\n\r",
}
SMUGGLED = b"MAIL FROM:<evil@elsewhere.test>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_nothing_but_crlf_dot_crlf_ends_a_message(platform, end, split):
    to = platform.add_account(f"{end}-{split}@smuggling.test".lower())
    client = RawSMTP(platform)
    client.begin(to)
    assert client.command("DATA").startswith(b"354")
    text = HEADER + b"first" + ENDS[end] + SMUGGLED % to.encode()
    if split:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in text:
            client.send(bytes([octet]))
    else:
        client.send(text)
    first = client.reply()
    assert first.startswith((b"250", b"554 5.6.0"))
    # Whatever came of it, there was one message at most, and the envelope commands were its text.
    client.send("NOOP\r\n")
    assert client.reply().startswith(b"250 2.0.0")
    found = platform.messages(to)
    assert len(found) == (1 if first.startswith(b"250") else 0)
    assert all(b"MAIL FROM:<evil" in one for one in found)


def test_commands_behind_starttls_are_never_run(platform):
    client = RawSMTP(platform)
    client.send("STARTTLS\r\nMAIL FROM:<evil@elsewhere.test>\r\n")
    answers = client.stream.read()
    assert b"Sender OK" not in answers and b"220" not in answers


@pytest.mark.parametrize(
    "commands, codes",
    [
        (["BDAT 3 LAST\r\na\nb"], [554]),
        (["BDAT 5\r\nx: y\r", "BDAT 1 LAST\r\n\n"], [250, 250]),
        (["BDAT 1\r\n\r", "BDAT 1 LAST\r\nx"], [250, 554]),
        (["BDAT 1 LAST\r\n\r"], [554]),
        (["BDAT 6\r\nx: y\r\n", "DATA\r\n"], [250, 503]),
        (["BDAT 6\r\nx: y\r\n", "MAIL FROM:<a@x.test>\r\n", "RCPT TO:<a@x.test>\r\n", "BDAT 0 LAST\r\n"], [250, 503, 503, 250]),
        (["BDAT 6\r\nx: y\r\n", "RSET\r\n", "BDAT 2 LAST\r\n\r\n"], [250, 250, 503]),
        (["BDAT 0\r\n", "BDAT 0 LAST\r\n"], [250, 250]),
        (["BDAT 2 LAST\r\n\r\nMAIL FROM:<b@x.test>\r\n"], [250, 250]),
        (["BDAT 99999999999999999999 LAST\r\n"], [501, None]),
        (["BDAT -1\r\n"], [501, None]),
        (["BDAT\r\n"], [501, None]),
        (["BDAT 4 LAST\r\nQUIT", "NOOP\r\n"], [250, 250]),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, list) else "",
)
def test_chunks(platform, commands, codes):
    client = RawSMTP(platform)
    client.begin(ADMIN)
    found = []
    for command in commands:
        client.send(command)
    for _ in codes:
        reply = client.reply()
        found.append(int(reply[:3]) if reply else None)
    assert found == codes


def test_a_chunk_that_is_too_large_is_read_and_refused(start_platform):
    platform = start_platform(OONRUMAIL_MAX_MESSAGE_SIZE="100k")
    client = RawSMTP(platform)
    client.begin(ADMIN)
    client.send(b"BDAT 216000\r\n" + LINE * 3_000)
    assert client.reply().startswith(b"552 5.3.4")
    client.begin(ADMIN)
    client.send(b"DATA\r\n")
    assert client.reply().startswith(b"354")
    client.send(HEADER + LINE * 2_000 + b".\r\n")
    assert client.reply().startswith(b"552 5.3.4")
    assert client.command("MAIL FROM:<big@elsewhere.test> SIZE=100000000").startswith(b"552 5.3.4")
    assert client.command("MAIL FROM:<big@elsewhere.test> SIZE=99999999999999999999").startswith(b"552 5.3.4")


# Commands


@pytest.mark.parametrize(
    "command, reply",
    [
        ("MAIL FROM:<a@x.test> FOO=1", b"555 5.5.4"),
        ("MAIL FROM:<a@x.test> SIZE=1 SIZE=2", b"501 5.5.4"),
        ("MAIL FROM:<a@x.test> BODY=16BIT", b"501 5.5.4"),
        ("MAIL FROM:<a@x.test> RET=FULL", b"555 5.5.4"),
        ("MAIL FROM:<é@x.test>", b"553 5.6.7"),
        ("MAIL FROM:<é@x.test> SMTPUTF8", b"250 2.1.0"),
        ("MAIL FROM:<a@[192.0.2.1]>", b"250 2.1.0"),
        ("MAIL FROM:<a@[IPv6:2001:db8::1]>", b"250 2.1.0"),
        ("MAIL FROM:<a@[192.0.2.999]>", b"501 5.1.7"),
        ("MAIL FROM:<a@[300]>", b"501 5.1.7"),
        ("MAIL FROM:<@one.test,@two.test:a@x.test>", b"250 2.1.0"),
        ("MAIL FROM:<" + "a" * 65 + "@x.test>", b"501 5.1.7"),
        ("MAIL FROM:<a@" + "x" * 64 + ".test>", b"501 5.1.7"),
        ("MAIL FROM:<a@" + "x." * 130 + "test>", b"501 5.1.7"),
        ("MAIL FROM:<a@x.test", b"501 5.1.7"),
        ("MAIL FROM:a@x.test", b"501 5.1.7"),
        ("MAIL FROM:<a b@x.test>", b"501 5.1.7"),
        ('MAIL FROM:<"a b"@x.test>', b"250 2.1.0"),
        ("MAIL FROM:<a..b@x.test>", b"501 5.1.7"),
        ("MAIL FROM:<a\0b@x.test>", b"501 5.1.7"),
        ("MAIL FROM:<a@x.test> " + "X" * 2_000, b"500 5.5.2"),
        ("VRFY admin", b"252 "), ("EXPN list", b"502 5.5.1"), ("HELP", b"214 "), ("XYZZY", b"500 5.5.1"), ("", b"500 5.5.1"),
        ("RCPT TO:<admin@example.test>", b"503 5.5.1"), ("DATA", b"503 5.5.1"), ("AUTH PLAIN", b"502 5.5.1"), ("RSET x", b"501 5.5.4"),
    ],
    ids=lambda value: value[:34].encode("unicode_escape").decode() if isinstance(value, str) else "",
)
def test_commands_have_their_replies(platform, command, reply):
    assert RawSMTP(platform).command(command).startswith(reply)


@pytest.mark.parametrize(
    "recipient, reply",
    [
        ("postmaster", b"250"), ("POSTMASTER", b"250"), ("admin", b"501 5.1.3"), ("", b"501 5.1.3"),
        ("nobody-here@example.test", b"550 5.1.1"), ("x@elsewhere.test", b"550 5.7.1"), ("x@[127.0.0.1]", b"550 5.7.1"),
        ("@elsewhere.test:admin@example.test", b"250"), ("x%elsewhere.test@example.test", b"550 5.1.1"),
        ('"x@elsewhere.test"@example.test', b"550 5.1.1"), ("é@example.test", b"553 5.6.7"),
        ("Admin@EXAMPLE.test", b"250"), ("admin+detail@example.test", b"250"), ("admin@example.test> NOTIFY=NEVER <", b"555"),
    ],
)
def test_recipients_have_their_replies(platform, recipient, reply):
    client = RawSMTP(platform)
    assert client.command("MAIL FROM:<a@elsewhere.test>").startswith(b"250")
    assert client.command(f"RCPT TO:<{recipient}>").startswith(reply)


def test_the_order_of_auth(platform):
    client = RawSMTP(platform, "submission")
    assert client.command("AUTH PLAIN " + plain(ADMIN, PASSWORD)).startswith(b"538 5.7.11")
    assert client.command("MAIL FROM:<admin@example.test>").startswith(b"530 5.7.0")
    client = RawSMTP(platform, "submission", tls=True)
    assert client.command("MAIL FROM:<admin@example.test>").startswith(b"530 5.7.0")
    assert client.command("AUTH PLAIN").startswith(b"334")
    assert client.command("*").startswith(b"501 5.7.0")
    assert client.command("AUTH PLAIN !!!!").startswith(b"501 5.5.2")
    assert client.command("AUTH PLAIN").startswith(b"334")
    assert client.command("=").startswith(b"501 5.5.2")
    assert client.command("AUTH LOGIN").startswith(b"334")
    assert client.command("A" * 13_000).startswith(b"500 5.5.2")
    assert client.command("AUTH GSSAPI").startswith(b"504 5.5.4")
    assert client.command("AUTH PLAIN =").startswith(b"535 5.7.8")
    assert client.command("AUTH PLAIN " + plain(ADMIN, PASSWORD, "other@example.test")).startswith(b"535 5.7.8")
    assert client.command("AUTH PLAIN " + plain(ADMIN, PASSWORD, ADMIN)).startswith(b"235 2.7.0")
    assert client.command("AUTH PLAIN " + plain(ADMIN, PASSWORD)).startswith(b"503 5.5.1")
    assert client.command("MAIL FROM:<admin@example.test>").startswith(b"250")
    assert client.command("AUTH PLAIN " + plain(ADMIN, PASSWORD)).startswith(b"503 5.5.1")
    assert client.command("STARTTLS").startswith((b"502", b"503"))


def test_too_many_failed_sign_ins_end_the_session(platform):
    client = RawSMTP(platform, "submission", tls=True)
    for _ in range(3):
        assert client.command("AUTH PLAIN " + plain("nobody@example.test", "wrong")).startswith(b"535")
    assert client.reply().startswith(b"421 4.7.0")


# The record


def traced(platform, key, words):
    def look():
        done = platform.cli("trace", key, "--json", check=False)
        return done.returncode == 0 and any(
            event["kind"] == "refused" and words in event["detail"] for event in json.loads(done.stdout)
        )

    wait_until(look, seconds=10)


def test_every_refused_transaction_is_on_record(platform):
    to = platform.add_account("recorded@record.test")
    client = RawSMTP(platform)
    client.command("MAIL FROM:<size@record-out.test> SIZE=99999999999")
    client.command("MAIL FROM:<broken@@record-out.test>")
    client.command("MAIL FROM:<parameter@record-out.test> FOO")
    client.begin(to, "relay@record-out.test")
    client.command("RCPT TO:<someone@elsewhere-record.test>")
    client.command("RCPT TO:<broken@@record.test>")
    client.command("RCPT TO:<nobody@record.test>")
    client.command("RSET")
    client.data(to, HEADER + b"x\n.\nx\r\n.\r\n", "smuggler@record-out.test")
    client.data(to, b"Received: by x\r\n" * 60 + HEADER + b".\r\n", "loop@record-out.test")
    client.begin(to, "gone@record-out.test")
    client.command("DATA")
    client.send(HEADER + LINE * 3)
    client.socket.shutdown(socket.SHUT_RDWR)
    client.socket.close()
    submitting = RawSMTP(platform, "submission", tls=True)
    submitting.command("AUTH PLAIN " + plain("guess@record.test", "wrong"))
    signed_in = RawSMTP(platform, "submission", signed_in=True)
    signed_in.command("MAIL FROM:<stolen@record-out.test>")
    signed_in.data(to, b"From: stolen-header@record-out.test\r\n\r\nx\r\n.\r\n", ADMIN)
    for key, words in {
        "size@record-out.test": "552 5.3.4", "broken@@record-out.test": "501 5.1.7", "parameter@record-out.test": "555 5.5.4",
        "someone@elsewhere-record.test": "550 5.7.1", "broken@@record.test": "501 5.1.3", "nobody@record.test": "550 5.1.1",
        "smuggler@record-out.test": "554 5.6.0", "loop@record-out.test": "554 5.4.6", "gone@record-out.test": "connection lost",
        "guess@record.test": "535 5.7.8", "stolen@record-out.test": "550 5.7.1", ADMIN: "550 5.7.1",
    }.items():
        traced(platform, key, words)


def test_too_many_recipients_are_on_record(start_platform):
    platform = start_platform(OONRUMAIL_MAX_RECIPIENTS="100")
    client = RawSMTP(platform)
    client.begin(ADMIN)
    for _ in range(99):
        assert client.command(f"RCPT TO:<{ADMIN}>").startswith(b"250")
    assert client.command("RCPT TO:<one-too-many@example.test>").startswith(b"452 4.5.3")
    traced(platform, "one-too-many@example.test", "452 4.5.3")


# The spool


def test_a_client_that_goes_away_leaves_nothing_behind(platform):
    for abrupt in (False, True):
        client = RawSMTP(platform)
        client.begin(ADMIN)
        assert client.command("DATA").startswith(b"354")
        client.send(HEADER + LINE * 30_000)
        [file] = wait_until(lambda: spool_files(platform))
        assert file.stat().st_mode & 0o777 == 0o600
        assert all(spool.stat().st_mode & 0o077 == 0 for spool in platform.spools)
        if abrupt:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.stream.close()
        client.socket.close()
        wait_until(lambda: not spool_files(platform))


def test_a_client_that_goes_away_at_the_very_end_leaves_nothing_behind(platform):
    for _ in range(20):
        client = RawSMTP(platform)
        client.begin(ADMIN)
        assert client.command("DATA").startswith(b"354")
        client.send(HEADER + LINE * 8_000 + b".\r\n")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.stream.close()
        client.socket.close()
    wait_until(lambda: not spool_files(platform))


def test_a_refused_message_leaves_nothing_behind(platform):
    client = RawSMTP(platform)
    assert client.data(ADMIN, HEADER + LINE * 30_000 + b"x\ny\r\n.\r\n").startswith(b"554 5.6.0")
    wait_until(lambda: not spool_files(platform))
    client.begin(ADMIN)
    client.send(b"BDAT 1440000\r\n" + LINE * 20_000 + b"RSET\r\n")
    assert client.reply().startswith(b"250") and client.reply().startswith(b"250")
    wait_until(lambda: not spool_files(platform))


def test_what_a_killed_process_left_is_removed_at_the_start(start_platform):
    platform = start_platform()
    client = RawSMTP(platform)
    client.begin(ADMIN)
    assert client.command("DATA").startswith(b"354")
    client.send(HEADER + LINE * 30_000)
    wait_until(lambda: spool_files(platform))
    platform.restart(signal.SIGKILL)
    assert not spool_files(platform)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_transient_and_leaves_nothing_open(start_platform):
    platform = start_platform()
    for spool in platform.spools:
        if os.system(f"mount -t tmpfs -o size=1m tmpfs {spool} 2>/dev/null") != 0:
            pytest.skip("mounting is not allowed here")
    try:
        client = RawSMTP(platform)
        for _ in range(3):
            assert client.data(ADMIN, HEADER + LINE * 40_000 + b".\r\n").startswith(b"452 4.3.1")
        wait_until(lambda: not spool_files(platform))
        opened = [f"/proc/{pid}/fd/{one}" for pid in platform.pids for one in os.listdir(f"/proc/{pid}/fd")]
        links = [os.readlink(one) for one in opened if os.path.lexists(one)]
        assert not [one for one in links if one.startswith(tuple(map(str, platform.spools)))]
        assert client.data(ADMIN, HEADER + LINE * 10_000 + b".\r\n").startswith(b"250")
    finally:
        for spool in platform.spools:
            os.system(f"umount -l {spool} 2>/dev/null")


# Quota


def test_quotas(platform):
    to = platform.add_account("narrow@quota.test")
    platform.cli("account", "quota", to, "100k")
    client = RawSMTP(platform)
    assert client.command("MAIL FROM:<a@elsewhere.test> SIZE=200000").startswith(b"250")
    assert client.command(f"RCPT TO:<{to}>").startswith(b"552 5.2.3")
    client.command("RSET")
    assert client.data(to, HEADER + LINE * 2_000 + b".\r\n").startswith(b"552 5.2.3")
    assert client.data(to, HEADER + LINE * 1_000 + b".\r\n").startswith(b"250")
    assert client.data(to, HEADER + LINE * 1_000 + b".\r\n").startswith(b"452 4.2.2")
    assert client.command("MAIL FROM:<a@elsewhere.test> SIZE=80000").startswith(b"250")
    assert client.command(f"RCPT TO:<{to}>").startswith(b"452 4.2.2")


# Other servers

OFFERS = [["-p"], ["-e"], ["-8"], ["-E"], ["-e", "-p"]]
FAILURES = [[how, stage] for how in ("-q", "-r") for stage in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")]


@pytest.fixture(scope="module")
def among_servers(start_shared_platform, shared_sink):
    """A platform, and for each way to be difficult a domain whose server is so, with the folder of what it took."""
    servers = {}
    for options in OFFERS + FAILURES:
        port, folder = shared_sink(*options)
        servers[" ".join(options)] = f"remote{port}.test", port, folder
    places = ",".join(f"{domain}=127.0.0.1:{port}" for domain, port, _ in servers.values())
    platform = start_shared_platform(OONRUMAIL_TRANSPORT_MAP=places)
    return platform, {options: (domain, folder) for options, (domain, _, folder) in servers.items()}


def queued(platform, domain):
    return [one for one in platform.json("queue", "list") if one["recipient"].endswith(f"@{domain}")]


@pytest.mark.parametrize("options", OFFERS, ids=" ".join)
def test_servers_that_offer_little_get_their_mail(among_servers, options):
    platform, servers = among_servers
    domain, folder = servers[" ".join(options)]
    to = [f"one@{domain}", f"two@{domain}"]
    with platform.submission() as client:
        client.sendmail(ADMIN, to, LETTER.format(to=to[0]), mail_options=["BODY=8BITMIME"])
    [sent] = sunk(folder)
    assert sent.count(b"X-Rcpt-Args") == 2
    wait_until(lambda: queued(platform, domain) == [])


@pytest.mark.parametrize("options", FAILURES, ids=" ".join)
def test_servers_that_fail_get_the_mail_later(among_servers, options):
    platform, servers = among_servers
    domain, _ = servers[" ".join(options)]
    to = f"one@{domain}"
    with platform.submission() as client:
        client.sendmail(ADMIN, [to], LETTER.format(to=to))

    def deferred():
        done = platform.cli("trace", to, "--json", check=False)
        return done.returncode == 0 and any(event["kind"] == "deferred" for event in json.loads(done.stdout))

    wait_until(deferred)
    assert len(queued(platform, domain)) == 1
