"""Tenants: over every route, with every role, nobody reads or changes what is another organisation's."""
import json
import random
import re
import urllib.request

import pytest
from platform_process import ADMIN, PASSWORD

# What the routes leave behind or change by being asked, whoever asks.
OWN_SIDE_ONLY = {"/api/auth/login", "/api/auth/refresh", "/api/auth/logout", "/api/auth/second-factor"}


class Tenant:
    def __init__(self, platform, name):
        self.domain = f"{name}.tenants.test"
        # Found in answers, if they say what they must not.
        self.marker = f"{name}marker"
        platform.cli("domain", "add", self.domain, "--organisation", f"{self.marker} company")
        self.tokens, self.identities = {}, [self.domain, f"{self.marker} company"]
        for role in ("owner", "admin", "member"):
            address = f"{role}.{self.marker}@{self.domain}"
            platform.cli(
                "account", "add", address, "--role", role, "--name", f"{self.marker} {role}", "--password-stdin", stdin=PASSWORD + "\n",
            )
            status, _, tokens = platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})
            assert status == 200
            token = self.tokens[role] = tokens["access_token"]
            me = platform.http("GET", "/api/users/me", token=token)[2]
            made = platform.http("POST", "/api/users/me/app-passwords", {"name": f"{self.marker} phone"}, token)[2]
            session = platform.http("GET", "/api/users/me/sessions", token=token)[2]["sessions"][0]
            self.identities += [address, me["id"], made["id"], session["id"]]
            self.organisation = me["organisation_id"]
        platform.cli("alias", "add", f"alias.{self.marker}@{self.domain}", f"owner.{self.marker}@{self.domain}")
        self.identities.append(f"alias.{self.marker}@{self.domain}")

    def state(self, platform):
        """What the tenant has, as its own people and the operator see it."""
        seen = [platform.json("account", "list", "--domain", self.domain), platform.json("domain", "show", self.domain)]
        seen.append(platform.json("alias", "list", "--domain", self.domain))
        for token in self.tokens.values():
            for path in ("/api/users/me", "/api/users/me/sessions", "/api/users/me/app-passwords", "/api/users/me/second-factor"):
                status, _, body = platform.http("GET", path, token=token)
                assert status == 200, path
                seen.append(body)
        # Times of checks of the domain are not the tenant's doing.
        return re.sub(r'"(checked_at|seen_at|last_used_at|age_seconds)": "?[^",}]*"?', "", json.dumps(seen, sort_keys=True))


@pytest.fixture(scope="module")
def tenants(platform):
    return Tenant(platform, "red"), Tenant(platform, "blue")


def bodies(chance, other):
    """Something for every member that a route may have, of the other tenant where it can be."""
    address = f"new.{chance.randrange(10**9)}@{other.domain}"
    full = {
        "email": address, "name": chance.choice([other.domain, f"sub.{other.domain}", "x"]), "password": PASSWORD, "role": "owner",
        "organisation_id": other.organisation, "organisation": other.organisation, "address": address, "alias": address,
        "targets": [f"owner.{other.marker}@{other.domain}"], "status": "suspended", "quota_bytes": 1, "reason": "x",
        "old_password": "wrong horse", "new_password": "x", "code": "x", "scopes": ["imap"],
    }
    yield {}
    yield {name: full[name] for name in ("email", "password", "role")}
    yield {"name": full["name"]}
    yield {"reason": "x"}
    yield {name: full[name] for name in chance.sample(sorted(full), chance.randrange(1, 4))}


@pytest.mark.parametrize("seed", [20261125])
def test_nobody_reads_or_changes_what_is_anothers(platform, tenants, seed):
    chance = random.Random(seed)
    # Each process describes the routes that it has.
    paths = {}
    for port in platform.http_ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            paths |= json.load(answer)["paths"]
    routes = [
        (method.upper(), path) for path, methods in sorted(paths.items()) for method in methods
        if path.startswith("/api/") and path not in OWN_SIDE_ONLY
    ]
    assert len(routes) >= 20
    asked = 0
    for mine, other in (tenants, tenants[::-1]):
        before = other.state(platform)
        for method, path in routes:
            for role, token in mine.tokens.items():
                # What changes one's own account ends this test's own session.
                if "{" not in path and method != "GET" and path.startswith("/api/users/me"):
                    continue
                queries = ["", f"?subject=owner.{other.marker}@{other.domain}&organisation={other.organisation}&limit=200"]
                places = [path]
                if "{" in path:
                    places = [
                        re.sub(r"\{\w+\}", lambda _: str(chance.choice(other.identities)), path) for _ in range(4)
                    ] + [re.sub(r"\{\w+\}", str(identity), path) for identity in (other.domain, other.identities[-1])]
                for place in places:
                    place = place.replace(" ", "%20")
                    tries = [(place + query, None) for query in queries] if method in ("GET", "DELETE") else [
                        (place, body) for body in bodies(chance, other)
                    ]
                    for target, body in tries:
                        status, _, answer = platform.http(method, target, body, token)
                        text = answer.decode(errors="replace") if isinstance(answer, bytes) else json.dumps(answer)
                        # What was sent may come back: in the path that a problem names, in the name that was asked for.
                        asked_for = target.split("?")[0]
                        for sent in [asked_for, asked_for.replace("%20", " ")] + [str(value) for value in (body or {}).values()]:
                            text = text.replace(sent, "")
                        assert status < 500, (seed, role, method, target, text)
                        assert other.marker not in text, (seed, role, method, target, text)
                        asked += 1
        assert other.state(platform) == before, (seed, mine.domain)
    assert asked > 300
    operator = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    for tenant in tenants:
        assert platform.http("GET", f"/api/domains/{tenant.domain}", token=operator)[0] == 200
