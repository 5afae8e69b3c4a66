"""Mail programs that people use, against the running platform."""
import subprocess

from platform_process import ADMIN, PASSWORD

CONFIGURATION = """
IMAPAccount platform
Host 127.0.0.1
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
CertificateFile {certificate}
AuthMechs {mechanism}

IMAPStore far
Account platform

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""


def synchronise(platform, folder, user, mechanism="PLAIN"):
    mail = folder / "mail"
    mail.mkdir(exist_ok=True)
    (folder / "mbsyncrc").write_text(CONFIGURATION.format(
        port=platform.ports["imaps"], user=user, password=PASSWORD, certificate=platform.data / "tls/certificate.pem", mail=mail,
        mechanism=mechanism,
    ))
    done = subprocess.run(["mbsync", "-c", folder / "mbsyncrc", "all"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return mail


def files(folder):
    return sorted(path for part in ("cur", "new") for path in (folder / part).iterdir())


def test_mbsync_synchronises_both_ways(platform, tmp_path):
    user = platform.add_account("sync@clients.test")
    with platform.smtp() as client:
        for number in range(12):
            client.sendmail("ann@elsewhere.test", [user], f"From: ann@elsewhere.test\r\nSubject: number {number}\r\n\r\nbody {number}\r\n")
    mail = synchronise(platform, tmp_path, user)
    assert len(files(mail / "INBOX")) == 12
    assert {path.name for path in mail.iterdir()} == {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}

    # Here: three deleted, one flagged, one new in a folder with a name beyond ASCII.
    first, second, third, fourth = files(mail / "INBOX")[:4]
    for path in (first, second, third):
        path.rename(mail / "INBOX/cur" / (path.name.split(":")[0] + ":2,ST"))
    fourth.rename(mail / "INBOX/cur" / (fourth.name.split(":")[0] + ":2,FS"))
    for part in ("cur", "new", "tmp"):
        (mail / "Münü" / part).mkdir(parents=True)
    (mail / "Münü/new/1.local").write_bytes(b"From: me@clients.test\nSubject: draft\n\nwritten here\n")
    # And there: one more arrives.
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [user], "From: ann@elsewhere.test\r\nSubject: later\r\n\r\nbody\r\n")
    synchronise(platform, tmp_path, user, "LOGIN")
    assert len(files(mail / "INBOX")) == 10

    reader = platform.imap(user)
    assert reader.select("INBOX")[1] == [b"10"]
    assert len(reader.uid("search", None, "FLAGGED SEEN")[1][0].split()) == 1
    status, rows = reader.list()
    assert any(b'"M&APw-n&APw-"' in row for row in rows)
    assert reader.select('"M&APw-n&APw-"')[1] == [b"1"]
    reader.logout()


def test_curl_reads_and_sends(platform, tmp_path):
    letter = tmp_path / "letter"
    letter.write_bytes(b"From: Admin <admin@example.test>\r\nTo: admin@example.test\r\nSubject: by curl\r\n\r\nhello from curl\r\n")
    common = ["curl", "-sS", "--insecure", "--max-time", "30", "--user", f"{ADMIN}:{PASSWORD}"]
    subprocess.run(
        [*common, f"smtps://127.0.0.1:{platform.ports['submissions']}", "--mail-from", ADMIN, "--mail-rcpt", ADMIN, "--upload-file", letter],
        check=True, timeout=60,
    )
    found = subprocess.run(
        [*common, f"imaps://127.0.0.1:{platform.ports['imaps']}/INBOX?SUBJECT%20%22by%20curl%22"],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout
    number = found.split()[-1]
    read = subprocess.run(
        [*common, f"imaps://127.0.0.1:{platform.ports['imaps']}/INBOX;MAILINDEX={number}"], check=True, capture_output=True, timeout=60,
    ).stdout
    assert b"hello from curl" in read and b"DKIM-Signature" in read


def test_swaks_over_starttls(platform):
    done = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(platform.ports["submission"]), "-tls", "--auth", "LOGIN", "--auth-user", ADMIN,
         "--auth-password", PASSWORD, "--from", ADMIN, "--to", ADMIN, "--header", "Subject: by swaks"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "235 2.7.0" in done.stdout and "Queued as" in done.stdout
