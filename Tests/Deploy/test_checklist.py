"""`oonrumail config check --checklist` against real dependencies, whole and broken."""
import json
import os
import subprocess

import pytest
from conftest import ROOT
from platform_process import EXECUTABLE, free_port

SECRET = "sTr0ng-enough-for-a-test"


@pytest.fixture
def settings(platform, tmp_path):
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", tmp_path / "key.pem",
            "-out", tmp_path / "certificate.pem", "-days", "90", "-subj", "/CN=localhost",
        ],
        check=True, capture_output=True,
    )
    return {
        **platform.settings, "OONRUMAIL_HOSTNAME": "localhost", "OONRUMAIL_OIDC_ISSUER": "https://localhost", "OONRUMAIL_TLS_CERTIFICATE": str(tmp_path / "certificate.pem"),
        "OONRUMAIL_TLS_KEY": str(tmp_path / "key.pem"), "OONRUMAIL_BOOTSTRAP_PASSWORD": SECRET,
    }


def check(settings, tmp_path, *words):
    """With the settings in a file, as an operator gives them."""
    file = tmp_path / ".env.production"
    file.write_text("".join(f'{name}="{value}"\n' for name, value in settings.items()))
    base = {key: value for key, value in os.environ.items() if not key.startswith(("OONRUMAIL_", "POSTGRES_", "REDIS_", "S3_", "DATABASE_"))}
    return subprocess.run(
        [EXECUTABLE, "config", "check", "--env-file", file, *words], env=base, cwd=tmp_path, text=True, capture_output=True, timeout=120
    )


def outcomes(settings, tmp_path):
    done = check(settings, tmp_path, "--checklist", "--json")
    return done.returncode, {row["name"]: (row["outcome"], row["detail"]) for row in json.loads(done.stdout)["checks"]}


def test_what_is_whole_gets_its_ticks(settings, tmp_path):
    _, found = outcomes(settings, tmp_path)
    for name in ("settings", "master key", "certificate", "database", "redis", "s3", "OONRUMAIL_BOOTSTRAP_PASSWORD"):
        assert found[name][0] == "good", (name, found)
    shown = check(settings, tmp_path, "--checklist").stdout
    assert "[x] database: schema" in shown and SECRET not in shown and settings["REDIS_PASSWORD"] not in shown


@pytest.mark.parametrize(
    "name, change",
    [
        ("database", {"POSTGRES_PORT": free_port()}), ("redis", {"REDIS_PASSWORD": "wrong-but-long-enough"}), ("s3", {"S3_ATTACHMENTS_BUCKET": "nothing"}),
        ("s3", {"S3_SECRET_ACCESS_KEY": "wrong-but-long-enough"}), ("master key", {"OONRUMAIL_MASTER_KEY_FILE": "/nowhere"}),
        ("certificate", {"OONRUMAIL_TLS_KEY": "/nowhere"}), ("OONRUMAIL_BOOTSTRAP_PASSWORD", {"OONRUMAIL_BOOTSTRAP_PASSWORD": "changeme"}),
        ("DNS of none.invalid", {"OONRUMAIL_HOSTNAME": "none.invalid", "OONRUMAIL_RESOLVER": f"127.0.0.1:{free_port()}", "OONRUMAIL_RESOLVER_TIMEOUT": "1s"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_broken_is_named(settings, tmp_path, name, change):
    code, found = outcomes({**settings, "POSTGRES_POOL_WAIT": "1s", **change}, tmp_path)
    assert code == 1 and found[name][0] == "bad", found


def test_a_certificate_that_ends_soon_fails(platform, settings, tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-key", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem", "-days", "20", "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )
    code, found = outcomes(settings, tmp_path)
    assert code == 1 and found["certificate"][0] == "bad" and "30 at least" in found["certificate"][1]


def test_a_key_that_everybody_reads_fails(settings, tmp_path):
    key = tmp_path / "master.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o644)
    code, found = outcomes({**settings, "OONRUMAIL_MASTER_KEY_FILE": str(key)}, tmp_path)
    assert code == 1 and "everybody" in found["master key"][1]


def test_every_bad_value_is_named_at_once(settings, tmp_path):
    done = check({**settings, "OONRUMAIL_SMTP_PORT": "abc", "POSTGRES_PORT": "x"}, tmp_path)
    assert done.returncode == 2 and "OONRUMAIL_SMTP_PORT" in done.stderr and "POSTGRES_PORT" in done.stderr


def test_the_examples_have_every_setting(tmp_path):
    environment = {**os.environ, "OONRUMAIL_EXECUTABLE": str(EXECUTABLE)}
    done = subprocess.run([ROOT / "scripts/env-examples.sh", "--check"], env=environment, text=True, capture_output=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([EXECUTABLE, "config", "list", "--json"], text=True, capture_output=True, check=True, cwd=tmp_path)
    for name in (".env.example", ".env.production.example"):
        text = (ROOT / name).read_text()
        assert [row["name"] for row in json.loads(listed.stdout) if f"{row['name']}=" not in text] == []


def test_the_example_of_production_needs_its_secrets(tmp_path):
    """As it is, every value is acceptable; the checklist refuses the placeholders."""
    file = tmp_path / ".env.production"
    file.write_text((ROOT / ".env.production.example").read_text())
    assert subprocess.run([EXECUTABLE, "config", "check", "--env-file", file], cwd=tmp_path, capture_output=True).returncode == 0
