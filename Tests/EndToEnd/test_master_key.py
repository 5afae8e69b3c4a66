"""The master key is changed while services run: everything opens throughout, and the old key goes when nothing needs it."""
import json

import pytest

from platform_process import ADMIN, PASSWORD

DOMAIN = "sealed.test"


def signed_in(platform):
    return platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})


@pytest.mark.one_machine("the cluster's ring is one file of the test's own, changed the same way")
def test_the_key_is_rotated_while_the_server_runs(start_platform):
    place = start_platform()
    file = place.data / "keys/master.key"
    before = file.read_bytes()
    place.cli("domain", "add", DOMAIN)
    token = signed_in(place)[2]["access_token"]
    key = {"Idempotency-Key": "one-and-the-same"}
    made = place.http("POST", "/api/users/me/app-passwords", {"name": "Phone", "scopes": ["imap"]}, token=token, headers=key)
    assert made[0] == 201

    status = place.json("master-key", "status")
    assert len(status["keys"]) == 1 and not status["can_retire"]
    count = sum(column["current"] for column in status["columns"])
    assert count >= 4 and all(column["older"] == column["lost"] == 0 for column in status["columns"])

    place.cli("master-key", "rotate")
    assert file.stat().st_mode & 0o077 == 0 and before not in file.read_bytes()
    status = place.json("master-key", "status")
    assert len(status["keys"]) == 2 and sum(column["older"] for column in status["columns"]) == count
    assert place.cli("master-key", "retire", check=False).returncode == 1

    # The running server opens what the old key sealed, and seals with the new one.
    again = place.http("POST", "/api/users/me/app-passwords", {"name": "Phone", "scopes": ["imap"]}, token=token, headers=key)
    assert again[0] == 201 and again[2] == made[2]
    place.cli("dkim", "rotate", DOMAIN)
    other = {"Idempotency-Key": "another"}
    place.http("POST", "/api/users/me/app-passwords", {"name": "Desk", "scopes": ["imap"]}, token=token, headers=other)
    status = place.json("master-key", "status")
    assert sum(column["current"] for column in status["columns"]) >= 3

    done = place.json("master-key", "reseal")
    assert sum(column["resealed"] for column in done["columns"]) == count and done["can_retire"]
    assert sum(column["resealed"] for column in place.json("master-key", "reseal")["columns"]) == 0
    place.cli("master-key", "retire")
    after = place.json("master-key", "status")
    assert after["keys"] == [done["keys"][0]] and all(column["lost"] == 0 for column in after["columns"])

    # With the old key gone: answers, tokens and mail's signatures, now and after a start.
    assert place.http("POST", "/api/users/me/app-passwords", {"name": "Phone", "scopes": ["imap"]}, token=token, headers=key)[2] == made[2]
    place.stop()
    place.start()
    assert place.http("GET", "/api/users/me", token=token)[0] == 200
    private = place.cli("dkim", "export", DOMAIN, json.loads(place.cli("dkim", "list", DOMAIN, "--json").stdout)[0]["selector"]).stdout
    assert "PRIVATE KEY" in private
    actions = [one["action"] for one in place.http("GET", "/api/audit?action=master_key", token=token)[2]["events"]]
    assert actions.count("master_key.reseal") == 2 and "master_key.rotate" in actions and "master_key.retire" in actions


def test_a_ring_for_others_is_written_elsewhere(start_platform, tmp_path):
    place = start_platform()
    ring = tmp_path / "ring"
    refused = place.cli("master-key", "rotate", "--output", str(ring), check=False)
    assert refused.returncode == 1 and not ring.exists()
    place.cli("master-key", "add", "--output", str(ring))
    lines = ring.read_text().splitlines()
    assert len(lines) == 2 and all(len(line) == 44 for line in lines)
    assert len(place.json("master-key", "status")["keys"]) == 1
