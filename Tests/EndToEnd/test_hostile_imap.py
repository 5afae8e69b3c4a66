"""IMAP clients that mean harm, or are badly broken: bounded memory, clear answers, others undisturbed."""
import pathlib
import socket
import time

import pytest

from platform_process import ADMIN, PASSWORD


class RawIMAP:
    """Octets to the server and lines back; nothing is understood."""

    def __init__(self, platform, signed_in=True, mailbox=None):
        self.socket = socket.create_connection(("127.0.0.1", platform.ports["imap"]), timeout=20)
        self.stream = self.socket.makefile("rb")
        self.greeting = self.stream.readline()
        if signed_in:
            assert self.command(f'login LOGIN {ADMIN} "{PASSWORD}"')[-1].startswith(b"login OK")
        if mailbox:
            assert self.command(f"select SELECT {mailbox}")[-1].startswith(b"select OK")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def command(self, text):
        """Lines up to the tagged answer, a BYE or the end."""
        self.send(text + "\r\n")
        tag = text.split(" ", 1)[0].encode() + b" "
        lines = []
        while True:
            line = self.stream.readline()
            lines.append(line)
            if not line or line.startswith((tag, b"* BYE")):
                return lines


SETTINGS = {"OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK": "true"}


@pytest.fixture
def fresh_platform(start_platform):
    """Memory is measured where nothing was before: what another test gave back would hide what is taken."""
    return start_platform(**SETTINGS)


@pytest.fixture(scope="module")
def open_platform(start_shared_platform):
    return start_shared_platform(**SETTINGS)


def resident_mib(platform):
    lines = [line for pid in platform.pids for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
    sizes = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]
    assert len(sizes) == len(platform.pids)
    return sum(sizes)


def narrow(client):
    """Small buffers of the client's system: what it does not read stays with the server sooner."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        client.socket.setsockopt(socket.SOL_SOCKET, option, 16_384)
    return client


def append(client, data, count=1):
    for number in range(count):
        client.send(b"p%d APPEND INBOX {%d+}\r\n" % (number, len(data)) + data + b"\r\n")
        while not client.stream.readline().startswith(b"p%d OK" % number):
            pass


def test_a_client_that_pipelines_and_never_reads_is_made_to_wait(fresh_platform):
    append(RawIMAP(fresh_platform), b"Subject: small\r\n\r\n" + b"x\r\n" * 300, count=3)
    client = narrow(RawIMAP(fresh_platform, mailbox="INBOX"))
    before = resident_mib(fresh_platform)
    client.socket.settimeout(2)
    sent = 0
    with pytest.raises(TimeoutError):
        # More than the buffers of every socket on the way hold.
        while sent < 1_000_000:
            client.send("f FETCH 1:3 (ENVELOPE BODYSTRUCTURE FLAGS)\r\n" * 100)
            sent += 100
    assert resident_mib(fresh_platform) - before < 40
    # The others go on.
    assert RawIMAP(fresh_platform).command("n NOOP")[-1].startswith(b"n OK")


def test_clients_that_do_not_read_large_messages_hold_little(fresh_platform):
    append(RawIMAP(fresh_platform), b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 130_000, count=2)
    clients = [RawIMAP(fresh_platform, mailbox="INBOX") for _ in range(20)]
    before = resident_mib(fresh_platform)
    for client in clients:
        client.send("f FETCH 1:2 BODY.PEEK[]\r\n" * 20)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert resident_mib(fresh_platform) - before < 120
        RawIMAP(fresh_platform).command("n NOOP")


def test_a_client_that_starts_to_read_late_gets_everything(open_platform):
    append(RawIMAP(open_platform), b"Subject: small\r\n\r\n" + b"x\r\n" * 300, count=3)
    client = narrow(RawIMAP(open_platform, mailbox="INBOX"))
    client.socket.settimeout(1)
    sent = b""
    line = b"f%06d FETCH 1:3 (ENVELOPE BODYSTRUCTURE FLAGS)\r\n"
    count = 0
    try:
        # The answers are many times what the buffers on the way hold.
        while count < 30_000:
            sent = line % count
            client.socket.sendall(sent)
            count += 1
    except TimeoutError:
        pass
    client.socket.settimeout(20)
    # The last command may have gone out in part: what the server answers ends with the one before it.
    last = b"f%06d OK" % (count - 1)
    answers = 0
    while True:
        answer = client.stream.readline()
        assert answer
        answers += answer.startswith(b"f")
        if answer.startswith(last):
            break
    assert answers == count


@pytest.mark.parametrize(
    "command, answer",
    [
        ("a LOGIN {999999999+}", b"a BAD [TOOBIG]"),
        ("a LOGIN {999999999}", b"a BAD [TOOBIG]"),
        ("a APPEND INBOX {100}", b"a BAD "),
        ("a SELECT INBOX", b"a BAD "),
    ],
)
def test_strangers_get_no_literals(open_platform, command, answer):
    assert RawIMAP(open_platform, signed_in=False).command(command)[-1].startswith(answer)


@pytest.mark.parametrize(
    "command",
    [
        "a FETCH 1 " + "(" * 30_000,
        "a SEARCH " + "NOT " * 5_000 + "ALL",
        "a SEARCH " + "(" * 5_000 + "ALL" + ")" * 5_000,
        "a SEARCH " + "OR ALL " * 5_000 + "ALL",
        "a FETCH 99999999999999999999 FLAGS",
        "a FETCH 0 FLAGS",
        "a FETCH 1 BODY[" + ".".join(["1"] * 3_000) + "]",
        "a STORE 1 +FLAGS (\\Foo)",
        "a STORE 1 +FLAGS (" + " ".join(f"keyword{number}" for number in range(3_000)) + ")",
        'a CREATE "a\x01b"',
        'a SEARCH SUBJECT "a\x00b"',
    ],
    ids=lambda text: text[:24].encode("unicode_escape").decode(),
)
def test_what_cannot_be_meant_is_bad(open_platform, command):
    client = RawIMAP(open_platform)
    append(client, b"Subject: one\r\n\r\n")
    assert client.command("s SELECT INBOX")[-1].startswith(b"s OK")
    assert client.command(command)[-1].startswith(b"a BAD ")


def test_patterns_of_many_wildcards_take_no_time(open_platform):
    client = RawIMAP(open_platform)
    for number in range(40):
        client.command(f"c CREATE {'a' * 50}{number}/{'a' * 80}")
    # A matcher that tries every way would not end before the socket's time limit.
    assert client.command('a LIST "" "' + "*a" * 40 + 'b"') == [b"a OK LIST completed\r\n"]


def test_an_endless_line_ends_the_session(open_platform):
    client = RawIMAP(open_platform, signed_in=False)
    with pytest.raises(ConnectionError):
        for _ in range(100):
            client.send(b"a" * 1_000_000)


def test_commands_behind_starttls_are_never_run(open_platform):
    client = RawIMAP(open_platform, signed_in=False)
    client.send(b"a STARTTLS\r\nb NOOP\r\n")
    rest = client.stream.read()
    assert b"b OK" not in rest


def test_a_name_that_climbs_is_only_a_name(open_platform):
    client = RawIMAP(open_platform)
    assert client.command('a CREATE "../../escape"')[-1].startswith((b"a OK", b"a NO"))
    assert not list(pathlib.Path(open_platform.folder).parent.glob("**/escape*"))
