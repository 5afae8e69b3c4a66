"""The interface as it describes itself, and the examples of its documentation."""
import json
import os
import pathlib
import re
import subprocess
import urllib.request

import pytest
from platform_process import ADMIN, PASSWORD

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/API_DOCUMENTATION.md"


@pytest.fixture(scope="module")
def described(platform):
    status, headers, document = platform.http("GET", "/openapi.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert document["openapi"] == "3.1.0"
    paths = {}
    # Each process describes the routes that it has.
    for port in platform.http_ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            paths |= json.load(answer)["paths"]
    return [(method.upper(), path, operation) for path, methods in sorted(paths.items()) for method, operation in methods.items()]


def test_the_examples_run(start_platform):
    platform = start_platform()
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    assert len(blocks) >= 6
    environment = {**os.environ, "BASE": f"http://127.0.0.1:{platform.ports['http']}", "EMAIL": ADMIN, "PASSWORD": PASSWORD}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(blocks)], env=environment, text=True, capture_output=True, timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_described_route_is_there_and_guarded(platform, described):
    assert len({operation["operationId"] for _, _, operation in described}) == len(described)
    for method, path, operation in described:
        assert operation["summary"] != f"{method} {path}", "it is not described"
        place = re.sub(r"\{(\w+)\}", "1", path)
        status, headers, problem = platform.http(method, place, b"" if method in ("POST", "PUT", "PATCH") else None)
        assert status != 405, (method, path)
        for name in ("X-Request-ID", "X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy"):
            assert headers[name], (name, path)
        if operation["security"] == [{"bearer": []}]:
            assert status == 401 and problem["status"] == 401, (method, path)


def test_members_that_are_not_known_are_refused_wherever_there_is_a_body(platform, described):
    platform.add_account("strict@documented.test")
    token = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    tried = 0
    for method, path, operation in described:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        body = {name: "x" for name in content["schema"]["properties"]} | {"colour": "red"}
        place = re.sub(r"\{\w+\}", "1", re.sub(r"\{(name|domain)\}", "documented.test", path))
        status, _, problem = platform.http(method, place, body, token)
        # What is looked for before the body is read may be missing.
        if status == 404 and place != path:
            continue
        assert status == 422 and problem["errors"][0]["pointer"] == "#/colour", (method, path, problem)
        tried += 1
    assert tried >= 9
