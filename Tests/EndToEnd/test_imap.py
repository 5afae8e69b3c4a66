"""What mail clients do over IMAP."""
import contextlib
import imaplib
import re
import socket
import sqlite3

import pytest
from platform_process import ADMIN, PASSWORD, any_certificate, raw_conversation, wait_until

MAIL = b"From: Ann Example <ann@elsewhere.test>\r\nTo: reader@imap.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and more\r\nMessage-ID: <m%d@elsewhere.test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 number %d\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n"


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


@pytest.fixture
def reader(platform, request):
    """A fresh account with three messages in INBOX."""
    address = platform.add_account(f"{re.sub('[^a-z0-9]', '', request.node.name.lower())[:40]}@imap.test")
    client = platform.imap(address)
    client.account = address
    for number in range(1, 4):
        ok(client.append("INBOX", None, None, MAIL % (number, number)))
    yield client
    client.shutdown()


def test_default_folders(platform, reader):
    rows = ok(reader.list('""', "*"))
    listed = {re.search(rb'"?/"? "?([^"]+)"?$', row)[1]: row for row in rows}
    assert set(listed) == {b"INBOX", b"Drafts", b"Sent", b"Archive", b"Junk", b"Trash"}
    for name in (b"Drafts", b"Sent", b"Archive", b"Junk", b"Trash"):
        assert b"\\" + name in listed[name]


def test_append_fetch_and_store(reader):
    assert ok(reader.select("INBOX")) == [b"3"]
    [row, _] = ok(reader.fetch("2", "(UID FLAGS RFC822.SIZE BODY.PEEK[])"))
    assert row[1] == MAIL % (2, 2)
    assert b"RFC822.SIZE %d" % len(MAIL % (2, 2)) in row[0]
    ok(reader.store("2", "+FLAGS", r"(\Seen $Forwarded)"))
    [row] = ok(reader.fetch("2", "(FLAGS)"))
    assert b"\\Seen" in row and b"$Forwarded" in row


def test_envelope_and_structure(reader):
    ok(reader.select("INBOX"))
    [row] = ok(reader.fetch("1", "(ENVELOPE BODYSTRUCTURE)"))
    assert b'"=?utf-8?q?Gr=C3=BC=C3=9Fe?= and more"' in row
    assert b'(("Ann Example" NIL "ann" "elsewhere.test"))' in row
    assert b'("text" "plain"' in row.lower() and b'"attachment" ("filename" "a.pdf")' in row.lower()


@pytest.mark.parametrize("section, expected", [
    ("BODY.PEEK[1]", b"caf=C3=A9 number 1"), ("BODY.PEEK[2]", b"AAECAw=="),
    ("BODY.PEEK[1.MIME]", b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"),
    ("BODY.PEEK[HEADER.FIELDS (SUBJECT)]", b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and more\r\n\r\n"),
    ("BODY.PEEK[1]<3.4>", b"=C3="), ("BINARY.PEEK[2]", b"\0\1\2\3"), ("BINARY.PEEK[1]", "café number 1".encode()),
])
def test_sections(reader, section, expected):
    ok(reader.select("INBOX"))
    [row, _] = ok(reader.fetch("1", f"({section})"))
    assert row[1] == expected


@pytest.mark.parametrize("criteria, expected", [
    ("ALL", b"1 2 3"), ("SUBJECT grüße", b"1 2 3"), ("BODY number", b"1 2 3"), ('TEXT "number 2"', b"2"), ("UNSEEN", b"1 2 3"),
    ("NOT SEEN FROM ann", b"1 2 3"), ("OR UID 1 UID 3", b"1 3"), ("HEADER Message-ID m2@", b"2"), ("LARGER 100000", b""),
    ("SENTON 23-Nov-2026", b"1 2 3"), ("2:*", b"2 3"), ("BODY café", b"1 2 3"),
])
def test_search(reader, criteria, expected):
    ok(reader.select("INBOX"))
    if criteria.isascii():
        found = ok(reader.search(None, criteria))
    else:
        key, word = criteria.split()
        reader.literal = word.encode()
        found = ok(reader.search("UTF-8", key))
    assert (found[0] or b"") == expected


def test_copy_move_and_expunge(reader):
    ok(reader.select("INBOX"))
    ok(reader.create("Projects/One"))
    ok(reader.copy("1", "Projects/One"))
    ok(reader._simple_command("MOVE", "2", "Projects/One"))
    ok(reader.store("1", "+FLAGS", r"(\Deleted)"))
    ok(reader.expunge())
    [row] = ok(reader.fetch("1:*", "(UID)"))
    assert b"UID 3" in row
    assert ok(reader.select("Projects/One")) == [b"2"]


def test_two_sessions_see_each_other(platform, reader):
    other = platform.imap(reader.account)
    ok(other.select("INBOX"))
    ok(reader.select("INBOX"))
    ok(reader.store("1", "+FLAGS", r"(\Deleted)"))
    ok(reader.expunge())
    ok(reader.store("1", "+FLAGS", r"(\Flagged)"))
    ok(other.noop())
    assert other.response("EXPUNGE")[1] == [b"1"]
    assert b"\\Flagged" in other.response("FETCH")[1][0]
    other.shutdown()


def test_starttls_and_capabilities(platform):
    client = imaplib.IMAP4("127.0.0.1", platform.ports["imap"], timeout=20)
    assert "LOGINDISABLED" in client.capabilities and "STARTTLS" in client.capabilities
    client.starttls(ssl_context=any_certificate())
    client.login(ADMIN, PASSWORD)
    wanted = "IMAP4REV1 IMAP4REV2 IDLE UIDPLUS MOVE ESEARCH SEARCHRES NAMESPACE SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE SASL-IR ENABLE ID UNSELECT CHILDREN BINARY UTF8=ACCEPT"
    line = ok(client.capability())[-1]
    assert set(wanted.split()) <= set(line.decode().upper().split())
    client.logout()


def test_bytes_behind_starttls_kill_the_connection(platform):
    answer = raw_conversation(platform.ports["imap"], [b"a1 STARTTLS\r\na2 NOOP\r\n", None])
    assert b"a2 OK" not in answer and b"a1 OK" not in answer


def test_wrong_password(platform):
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        platform.imap(ADMIN, "wrong")


def test_login_in_clear_text_is_refused(platform):
    with socket.create_connection(("127.0.0.1", platform.ports["imap"]), timeout=10) as peer:
        stream = peer.makefile("rwb")
        stream.readline()
        stream.write(f'a LOGIN {ADMIN} "{PASSWORD}"\r\n'.encode())
        stream.flush()
        assert stream.readline().startswith(b"a NO [PRIVACYREQUIRED]")


def test_nobody_reads_another_account(platform, reader):
    other = platform.imap(platform.add_account("stranger@imap.test"))
    assert ok(other.select("INBOX")) == [b"0"]
    assert other.select(f"user/{reader.account}")[0] == "NO"
    other.shutdown()


def test_names_in_every_script(reader):
    ok(reader._simple_command("CREATE", "Entw&APw-rfe"))
    ok(reader.select("Entw&APw-rfe"))


def test_special_use_on_create(reader):
    typ, _ = reader._simple_command("CREATE", "Second", "(USE (\\Sent))")
    assert typ == "NO"


def test_uids_are_never_reused(platform, reader):
    ok(reader.select("INBOX"))
    ok(reader.store("3", "+FLAGS", r"(\Deleted)"))
    ok(reader.expunge())
    ok(reader.append("INBOX", None, None, MAIL % (4, 4)))
    ok(reader.noop())
    rows = ok(reader.fetch("1:*", "(UID)"))
    assert b"UID 4" in rows[-1]


@pytest.mark.one_machine("a fault is made in the database by its own file")
def test_who_idles_hears_what_could_not_be_read_at_once(start_platform):
    platform = start_platform()
    client = platform.imap(ADMIN)
    ok(client.select("INBOX"))
    client.sock.settimeout(20)
    client.send(b"x IDLE\r\n")
    while not client.readline().startswith(b"+"):
        pass
    with contextlib.closing(sqlite3.connect(platform.data / "oonrumail.sqlite", timeout=20, isolation_level=None)) as database:
        # What was removed cannot be read: nobody can be told what is new, though mail comes in.
        database.execute("ALTER TABLE tombstones RENAME TO tombstones_away")
        with platform.smtp() as sender:
            sender.sendmail("ann@elsewhere.test", ADMIN, MAIL % (1, 1))
        wait_until(lambda: '"database' in platform.log.read_text() or "no such table" in platform.log.read_text())
        database.execute("ALTER TABLE tombstones_away RENAME TO tombstones")
    while b"EXISTS" not in client.readline():
        pass
    client.shutdown()
