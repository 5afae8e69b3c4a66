"""The HTTP interface: health, metrics, signing in, domains and accounts."""
import base64
import json

import pytest
from platform_process import ADMIN, PASSWORD


def sign_in(platform, user=ADMIN, password=PASSWORD):
    status, _, body = platform.http("POST", "/api/auth/login", {"email": user, "password": password})
    assert status == 200, body
    return body


@pytest.mark.parametrize("path", [
    "/health", "/ready", "/health/auth", "/health/smtp", "/health/imap", "/health/storage", "/health/domain-manager", "/api/domains/health",
])
def test_health(platform, path):
    assert platform.http("GET", path)[0] == 200


def test_metrics_count_what_happens(platform):
    before = platform.metric("oonrumail_smtp_messages_accepted_total")
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [ADMIN], "Subject: x\r\n\r\nx\r\n")
    assert platform.metric("oonrumail_smtp_messages_accepted_total") == before + 1


def test_sign_in_refresh_and_out(platform):
    tokens = sign_in(platform)
    status, _, me = platform.http("GET", "/api/users/me", token=tokens["access_token"])
    assert status == 200 and me["email"] == ADMIN
    status, _, second = platform.http("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert status == 200
    assert platform.http("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})[0] == 401
    assert platform.http("POST", "/api/auth/refresh", {"refresh_token": second["refresh_token"]})[0] == 401
    third = sign_in(platform)
    assert platform.http("POST", "/api/auth/logout", {"refresh_token": third["refresh_token"]}, token=third["access_token"])[0] in (200, 204)
    assert platform.http("POST", "/api/auth/refresh", {"refresh_token": third["refresh_token"]})[0] == 401


def test_a_token_is_verified_not_decoded(platform):
    head, payload, signature = sign_in(platform)["access_token"].split(".")
    forged = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged["role"] = "platform-admin"
    forged["sub"] = "1"
    altered = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for token in (f"{head}.{altered}.{signature}", f"{none}.{payload}.", f"{head}.{payload}.", "nonsense"):
        assert platform.http("GET", "/api/users/me", token=token)[0] == 401


def test_domains_and_accounts(platform):
    token = sign_in(platform)["access_token"]
    status, _, made = platform.http("POST", "/api/domains", {"name": "http.test"}, token)
    assert status == 201, made
    status, _, shown = platform.http("GET", "/api/domains/http.test", token=token)
    assert status == 200 and {"MX", "TXT"} <= {record["type"] for record in shown["dns_records"]}
    status, _, account = platform.http("POST", "/api/domains/http.test/accounts", {"email": "new@http.test", "password": PASSWORD}, token)
    assert status == 201, account
    assert "password" not in account and account["has_password"] is True and PASSWORD not in json.dumps(account)
    platform.imap("new@http.test").logout()
    status, _, listed = platform.http("GET", "/api/domains/http.test/accounts", token=token)
    assert [one["email"] for one in listed["accounts"]] == ["new@http.test"]
    assert platform.http("POST", "/api/domains", {"name": "http.test"}, token)[0] == 409


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/api/users/me", None, 401), ("GET", "/api/domains", None, 401), ("GET", "/nowhere", None, 404),
    ("POST", "/api/auth/login", b"{", 400), ("POST", "/api/auth/login", {"email": ADMIN, "password": "wrong"}, 401),
])
def test_errors_are_problem_documents(platform, method, path, body, status):
    got, headers, problem = platform.http(method, path, body)
    assert got == status
    assert headers["Content-Type"].startswith("application/problem+json")
    assert problem["status"] == status and problem["title"]


def test_a_member_manages_nothing(platform):
    platform.add_account("member@members.test")
    token = sign_in(platform, "member@members.test")["access_token"]
    assert platform.http("POST", "/api/domains", {"name": "mine.test"}, token)[0] == 403
    assert platform.http("POST", "/api/domains/members.test/accounts", {"email": "x@members.test", "password": PASSWORD}, token)[0] == 403
