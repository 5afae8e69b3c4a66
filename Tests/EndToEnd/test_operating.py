"""What an operator does: settings, commands beside the running server, restart, backup, restore."""
import hashlib
import os
import signal
import socket
import subprocess

import pytest
from platform_process import ADMIN, EXECUTABLE, PASSWORD, Platform, free_port, wait_until


def letter(number, to=ADMIN):
    return f"From: ann@elsewhere.test\r\nTo: {to}\r\nSubject: {number}\r\nMessage-ID: <{number}@elsewhere.test>\r\n\r\n{'x' * number}\r\n"


def hashes(platform, user=ADMIN):
    return sorted(hashlib.sha256(one).hexdigest() for one in platform.messages(user))


def fill(platform, count=5, to=ADMIN):
    with platform.smtp() as client:
        for number in range(count):
            client.sendmail("ann@elsewhere.test", [to], letter(number, to))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_finds_the_mail(start_platform, how):
    platform = start_platform()
    fill(platform)
    before = hashes(platform)
    code = platform.restart(how)
    assert hashes(platform) == before and len(before) == 5
    if how == signal.SIGTERM:
        assert code == 0
    assert platform.json("verify")["findings"] == []


def test_backup_and_restore(start_platform, tmp_path):
    platform = start_platform(OONRUMAIL_INLINE_BLOB_THRESHOLD=2000)
    fill(platform)
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [ADMIN], letter(900_000).replace("x" * 900_000, ("y" * 70 + "\r\n") * 5000))
    before = hashes(platform)
    copy = tmp_path / "copy.backup"
    platform.cli("backup", str(copy))
    fill(platform, 1)
    platform.stop()
    restored = Platform(platform.folder, **{key: value for key, value in platform.settings.items()})
    restored.data = tmp_path / "restored"
    restored.settings["OONRUMAIL_DATA"] = str(restored.data)
    restored.settings.update({f"OONRUMAIL_{name.upper()}_PORT": str(port) for name, port in restored.ports.items()})
    restored.cli("restore", str(copy))
    restored.start()
    try:
        assert hashes(restored) == before and len(before) == 6
        assert restored.json("verify")["findings"] == []
    finally:
        restored.stop()


def test_restore_refuses_a_folder_with_data(platform, tmp_path):
    copy = tmp_path / "copy.backup"
    platform.cli("backup", str(copy))
    refused = platform.cli("restore", str(copy), check=False)
    assert refused.returncode != 0 and "empty" in refused.stderr


def test_verify_finds_damage(start_platform):
    platform = start_platform(OONRUMAIL_INLINE_BLOB_THRESHOLD=100)
    fill(platform, 2)
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [ADMIN], letter(3000).replace("x" * 3000, "y" * 70 + "\r\n" + "z" * 900))
    blobs = [path for path in (platform.data / "blobs").rglob("*") if path.is_file()]
    assert blobs
    blobs[0].write_bytes(b"damaged" + blobs[0].read_bytes()[7:])
    done = platform.cli("verify", "--json", check=False)
    assert done.returncode == 1 and blobs[0].name[:16] in done.stdout


def test_settings_are_listed_and_secrets_are_not_shown(platform):
    shown = platform.cli("config", "list").stdout
    assert "OONRUMAIL_SMTP_PORT" in shown and str(platform.ports["smtp"]) in shown
    assert PASSWORD not in shown
    rows = platform.json("config", "list")
    assert all(row["name"] and row["meaning"] and "default" in row for row in rows)


@pytest.mark.parametrize("setting, value", [("OONRUMAIL_SMTP_PORT", "abc"), ("OONRUMAIL_SMTP_PORT", "99999"), ("OONRUMAIL_MAX_MESSAGE_SIZE", "-1")])
def test_a_bad_setting_is_one_clear_line(tmp_path, setting, value):
    environment = {**os.environ, "OONRUMAIL_DATA": str(tmp_path / "data"), setting: value}
    done = subprocess.run([EXECUTABLE, "serve"], env=environment, cwd=tmp_path, text=True, capture_output=True, timeout=30)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if setting in line and value in line], done.stderr


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        platform = Platform(tmp_path)
        platform.settings["OONRUMAIL_IMAP_PORT"] = str(taken.getsockname()[1])
        done = subprocess.run([EXECUTABLE, "serve"], env=platform.environment, cwd=tmp_path, text=True, capture_output=True, timeout=30)
    assert done.returncode != 0
    assert platform.settings["OONRUMAIL_IMAP_PORT"] in done.stderr and "in use" in done.stderr


def test_an_unwritable_folder_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    platform = Platform(tmp_path)
    platform.settings["OONRUMAIL_DATA"] = str(blocked / "data")
    done = subprocess.run([EXECUTABLE, "serve"], env=platform.environment, cwd=tmp_path, text=True, capture_output=True, timeout=30)
    assert done.returncode != 0 and str(blocked / "data") in done.stderr


def test_a_first_start_without_settings_prints_a_password_once(start_platform):
    platform = start_platform(OONRUMAIL_BOOTSTRAP_ADMIN="", OONRUMAIL_BOOTSTRAP_PASSWORD="")
    first = platform.log.read_text()
    line = next(line for line in first.splitlines() if "admin@example.test" in line and "assword" in line)
    password = line.split()[-1]
    platform.imap(ADMIN, password).logout()
    platform.restart()
    assert password not in platform.log.read_text()[len(first):]


def test_reset_is_refused_without_yes_and_empties_the_account(platform):
    address = platform.add_account("reset@operating.test")
    fill(platform, 3, address)
    assert platform.cli("account", "reset", address, check=False).returncode != 0
    platform.cli("account", "reset", address, "--yes")
    assert platform.messages(address) == []


def test_exit_codes(platform):
    assert platform.cli("domain", "add", "example.test", check=False).returncode == 4
    assert platform.cli("domain", "show", "missing.test", check=False).returncode == 3
    assert platform.cli("account", "list", "--domain", "example.test").returncode == 0


def test_trace_finds_a_message_by_every_key(platform):
    to = platform.add_account("traced@operating.test")
    with platform.smtp() as client:
        client.ehlo("client.test")
        client.mail("ann@elsewhere.test")
        client.rcpt(to)
        code, answer = client.data(letter(77, to))
    assert code == 250
    queue_id = answer.decode().split()[-1]
    for key in (to, "77@elsewhere.test", queue_id, "ann@elsewhere.test"):
        assert any(event["queue_id"] == queue_id for event in platform.json("trace", key)), key


def test_a_stopped_server_still_answers_commands(start_platform):
    platform = start_platform()
    platform.stop()
    platform.cli("domain", "add", "offline.test")
    platform.start()
    assert "offline.test" in platform.cli("domain", "list").stdout


def test_message_dump(platform, tmp_path):
    file = tmp_path / "m.eml"
    file.write_bytes(letter(5).encode())
    shown = platform.json("message", "dump", str(file))
    assert shown["envelope"].startswith("(") and '"ann"' in shown["envelope"]
    assert shown["bodystructure"].lower().startswith('("text" "plain"')


def test_graceful_stop_finishes_the_running_transaction(start_platform):
    platform = start_platform()
    client = platform.smtp()
    client.ehlo()
    client.mail("ann@elsewhere.test")
    client.rcpt(ADMIN)
    client.docmd("DATA")
    process = platform.process
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: _refuses(platform.ports["smtp"]))
    client.send(letter(3) + ".\r\n")
    assert client.getreply()[0] == 250
    client.close()
    assert process.wait(timeout=40) == 0
    platform.process = None
    platform.start()
    assert len(platform.messages()) == 1


def _refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return False
    except OSError:
        return True
