"""The description against the services: requests made from /openapi.json, right and wrong ones, are answered as it says.

Short as part of the suite; `SCHEMATHESIS_EXAMPLES=300` makes it long.
"""
import json
import os
import subprocess
import sys
import urllib.request

import pytest
from platform_process import ADMIN, PASSWORD

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "4"))
IS_LONG = EXAMPLES > 20
SEED = int(os.environ.get("SCHEMATHESIS_SEED", "20261125"))
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "ignored_auth", "missing_required_header",
]
# They would end the session that asks; and what a 503 says of health is that a check of another system failed.
LEFT_OUT = r"^/api/users/me/(sessions/\{id\}|password)$|^/(health|ready|metrics)"


def sign_in(platform, user):
    status, _, body = platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})
    assert status == 200, body
    return body["access_token"]


def described(ports):
    """A port and its document for every set of routes: replicas have the same."""
    found = {}
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            document = json.load(answer)
        routes = tuple(sorted(path for path in document["paths"] if path.startswith("/api/")))
        if routes:
            found[routes] = port
    return sorted(found.values())


def run(folder, port, token, phases, values):
    """Every route that the process of this port has; `values` stand where paths have names, so that something is there."""
    folder.mkdir()
    lines = ["[parameters]"] + [f'"path.{name}" = {json.dumps(value)}' for name, value in values.items()]
    (folder / "schemathesis.toml").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json",
            "-H", f"Authorization: Bearer {token}", "--phases", phases, "--max-examples", str(EXAMPLES), "--seed", str(SEED),
            "--checks", ",".join(CHECKS), "--exclude-path-regex", LEFT_OUT, "--continue-on-failure", "--no-shrink",
            "--generation-database", "none", "--request-timeout", "30", "--suppress-health-check", "all", "--warnings", "off",
        ],
        cwd=folder, text=True, capture_output=True, timeout=3_600,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


def test_an_owner_is_answered_as_described(platform, tmp_path):
    domain = "described.test"
    platform.cli("domain", "add", domain, "--organisation", "Described", check=False)
    owner = f"owner@{domain}"
    platform.cli("account", "add", owner, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    token = sign_in(platform, owner)
    for number, port in enumerate(described(platform.http_ports)):
        run(tmp_path / f"there{number}", port, token, "coverage,fuzzing" if IS_LONG else "coverage", {"name": domain})
    # It was the owner's session that asked to the end.
    assert platform.http("GET", "/api/users/me", token=token)[0] == 200


@pytest.mark.one_machine("an operator's requests change what is everybody's: a platform of its own")
def test_an_operator_is_answered_as_described(start_platform, tmp_path):
    platform = start_platform(OONRUMAIL_HTTP_RATE_ACCOUNT=0, OONRUMAIL_HTTP_RATE_ADDRESS=0)
    platform.cli("domain", "add", "described.test")
    token = sign_in(platform, ADMIN)
    port = platform.ports["http"]
    if IS_LONG:
        run(tmp_path / "there", port, token, "coverage,fuzzing", {"name": "described.test"})
    run(tmp_path / "anything", port, token, "coverage,fuzzing" if IS_LONG else "fuzzing", {})
