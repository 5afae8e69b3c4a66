"""Backups of the running cluster: copied, damaged, restored, compared over IMAP."""
import gzip
import hashlib
import os
import pathlib
import subprocess

import pytest
from platform_process import ADMIN, wait_until


def hashes(platform):
    return sorted(hashlib.sha256(one).hexdigest() for one in platform.messages(ADMIN))


def backup(script, *words, **settings):
    return pathlib.Path(script("backups/backup-postgres.sh", *words, **settings).stdout.strip())


def psql(platform, text, database="postgres"):
    postgres = platform.cluster.backends.postgres
    return subprocess.run(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres", "-d", database, "-c", text],
        check=True, text=True, capture_output=True,
    ).stdout.strip()


def test_backup_wipe_restore_gives_the_same_mail(platform, script):
    before = hashes(platform)
    assert len(before) == 4
    file = backup(script)
    name = platform.settings["POSTGRES_DB"]
    platform.stop()
    try:
        psql(platform, f"DROP DATABASE {name} WITH (FORCE)")
        done = script("backups/restore-postgres.sh", file.parent / "latest.sql.gz", "--yes")
        assert "every table is as it was" in done.stderr
    finally:
        platform.start()
    assert hashes(platform) == before
    assert platform.json("verify")["findings"] == []


def test_a_restore_in_place_keeps_what_it_replaces(platform, script):
    before = hashes(platform)
    name = platform.settings["POSTGRES_DB"]
    file = backup(script, "--pre-deploy", "--format", "custom")
    assert file.parent.name == "pre-deploy" and file.suffix == ".dump"
    refused = script("backups/restore-postgres.sh", file, "--yes", check=False)
    assert refused.returncode == 1 and "sessions are connected" in refused.stderr
    platform.stop()
    try:
        psql(platform, "CREATE TABLE came_later (x integer)", name)
        done = script("backups/restore-postgres.sh", file, "--yes", "--disconnect")
        [old] = psql(platform, f"SELECT datname FROM pg_database WHERE datname LIKE '{name}_before_%'").splitlines()
        assert old in done.stderr
        assert psql(platform, "SELECT count(*) FROM came_later", old) == "0"
        assert psql(platform, "SELECT to_regclass('came_later') IS NULL", name) == "t"
        psql(platform, f"DROP DATABASE {old}")
    finally:
        platform.start()
    assert hashes(platform) == before


def test_the_checksum_is_as_the_runbook_reads_it(script, tmp_path):
    backup(script)
    latest = tmp_path / "backups/daily/latest.sql.gz"
    done = subprocess.run(["sha256sum", "-c", f"{latest}.sha256"], cwd="/", text=True, capture_output=True)
    assert done.returncode == 0 and f"{latest}: OK" in done.stdout


def test_a_restore_needs_a_word_and_a_true_checksum(platform, script, tmp_path):
    file = backup(script)
    asked = script("backups/restore-postgres.sh", file, "--disconnect", check=False)
    assert asked.returncode == 1 and "--yes" in asked.stderr
    tried = script("backups/restore-postgres.sh", file, "--disconnect", "--dry-run")
    assert "becomes" in tried.stderr
    file.write_bytes(file.read_bytes()[:-9])
    for name, words in (("restore-postgres.sh", ["--yes", "--disconnect"]), ("verify-backup.sh", [])):
        done = script(f"backups/{name}", file, *words, check=False)
        assert done.returncode == 1 and "damaged" in done.stderr
    pathlib.Path(f"{file}.sha256").unlink()
    done = script("backups/restore-postgres.sh", file, "--yes", "--disconnect", check=False)
    assert done.returncode == 1 and "cannot be checked" in done.stderr
    assert psql(platform, "SELECT count(*) FROM pg_database WHERE datname LIKE '%restore%' OR datname LIKE '%before%'") == "0"


def sign(file):
    pathlib.Path(f"{file}.sha256").write_text(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file}\n")


def test_verify_backup_proves_and_finds(script, tmp_path):
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    file = backup(script, BACKUP_METRICS_DIR=metrics)
    done = script("backups/verify-backup.sh", BACKUP_METRICS_DIR=metrics)
    assert "are as they were" in done.stdout
    text = "".join(path.read_text() for path in metrics.iterdir())
    assert f"oonrumail_backup_verified_timestamp_seconds {int(file.stat().st_mtime)}\n" in text
    assert 'oonrumail_backup_last_success_timestamp_seconds{kind="daily"}' in text
    # One row less, one octet changed, cut off: each under a checksum that fits.
    plain = gzip.decompress(file.read_bytes())
    accounts = plain.index(b"COPY public.account")
    line = plain.index(b"\n", accounts) + 1
    for damage in (
        plain[:line] + plain[plain.index(b"\n", line) + 1:], plain.replace(b"admin@example.test", b"edmin@example.test"),
        plain[:len(plain) // 2],
    ):
        assert damage != plain
        file.write_bytes(gzip.compress(damage, 1))
        sign(file)
        done = script("backups/verify-backup.sh", file, check=False)
        assert done.returncode == 1, done.stdout


def test_an_old_backup_is_not_the_latest_one(script):
    file = backup(script)
    os.utime(file, (file.stat().st_mtime - 90_000,) * 2)
    done = script("backups/verify-backup.sh", check=False)
    assert done.returncode == 1 and "25 hours old" in done.stderr


def test_the_newest_stay(script, tmp_path):
    made = [backup(script, "--keep", 2) for _ in range(3)]
    assert sorted(path.name for path in made[0].parent.glob("oonrumail-*.sql.gz")) == sorted(path.name for path in made[1:])
    assert (made[0].parent / "latest.sql.gz").resolve() == made[2]
    assert not list(made[0].parent.glob(made[0].name + "*"))
    assert made[2].stat().st_mode & 0o077 == 0


def test_a_dry_run_writes_nothing(script, tmp_path):
    done = script("backups/backup-postgres.sh", "--dry-run")
    assert "would copy" in done.stderr and not (tmp_path / "backups").exists()


def test_pgbouncer_is_not_used_for_a_backup(platform, script):
    done = script("backups/backup-postgres.sh", check=False, BACKUP_POSTGRES_PORT=platform.cluster.backends.postgres.pool_port)
    assert done.returncode == 1 and "PgBouncer" in done.stderr


def test_enciphered_with_key_and_objects_in_another_bucket(platform, script, tmp_path):
    identity = tmp_path / "identity"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    recipients = tmp_path / "recipients"
    recipients.write_text(subprocess.run(["age-keygen", "-y", identity], check=True, text=True, capture_output=True).stdout)
    s3 = platform.cluster.backends.s3
    target = s3.settings()
    settings = {
        "BACKUP_RECIPIENTS_FILE": recipients, "BACKUP_OBJECTS_DIR": tmp_path / "objects",
        "BACKUP_S3_BUCKET": target["S3_ATTACHMENTS_BUCKET"], "BACKUP_S3_ENDPOINT": target["S3_ENDPOINT"],
        "BACKUP_S3_ACCESS_KEY_ID": s3.key, "BACKUP_S3_SECRET_ACCESS_KEY": s3.secret,
    }
    file = backup(script, **settings)
    assert file.name.endswith(".sql.gz.age") and b"PostgreSQL" not in file.read_bytes()
    done = script("backups/verify-backup.sh", file, BACKUP_IDENTITY_FILE=identity)
    assert "are as they were" in done.stdout
    assert script("backups/verify-backup.sh", file, check=False).returncode == 1

    bucket = s3.folder / "data" / target["S3_ATTACHMENTS_BUCKET"]
    wait_until(lambda: (bucket / "postgres/daily" / file.name).is_file())
    assert (bucket / "postgres/daily" / file.name).read_bytes() == file.read_bytes()
    live = s3.folder / "data" / platform.settings["S3_ATTACHMENTS_BUCKET"]

    def objects(folder):
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert objects(live) and objects(bucket / "objects") == objects(tmp_path / "objects") == objects(live)

    [archive] = file.parent.glob("*.configuration.tar.gz.age")
    names = subprocess.run(f"age -d -i {identity} {archive} | tar -tzP", shell=True, check=True, text=True, capture_output=True).stdout
    assert platform.settings["OONRUMAIL_MASTER_KEY_FILE"] in names


@pytest.mark.parametrize("url", [False, True])
def test_settings_come_from_a_file_as_the_services_read_it(platform, script, tmp_path, url):
    postgres, name = platform.cluster.backends.postgres, platform.settings["POSTGRES_DB"]
    file = tmp_path / "settings.env"
    if url:
        file.write_text(f'DATABASE_URL="postgres://postgres:a%40b@127.0.0.1:{postgres.port}/{name}?sslmode=disable"\n')
    else:
        file.write_text(
            f"# comment\n export POSTGRES_HOST = '127.0.0.1' # here\r\nPOSTGRES_PORT={postgres.port}\n"
            f"POSTGRES_USER=\"postgres\" # quoted\nPOSTGRES_DB={name} # there\nPOSTGRES_PASSWORD=a#b\n\n"
        )
    empty = {key: "" for key in ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "BACKUP_POSTGRES_PORT", "POSTGRES_USER")}
    environment = {key: value for key, value in os.environ.items() if key not in empty}
    done = subprocess.run(
        [pathlib.Path(__file__).parents[2] / "scripts/backups/backup-postgres.sh", "--env-file", file, "--dir", tmp_path / "b"],
        env=environment, text=True, capture_output=True, cwd=tmp_path, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert pathlib.Path(done.stdout.strip()).is_file()
