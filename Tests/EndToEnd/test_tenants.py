"""Tenants: over every route that the services describe, nobody reads or changes what is another organisation's.

Organisations, people, objects and requests are made at random. What a tenant has is found by asking every route as its own
people, so a new route is attacked, and its objects are guarded, without a word here. Three oracles: a text that was planted in a
tenant's things is in nobody else's answers; a path that names what only another has is answered by no success; and what a
tenant's own people see is the same before and after.

`TENANT_SEED` repeats a run, `TENANT_REQUESTS=20000` makes it long.
"""
import http.client
import json
import os
import random
import re
import urllib.parse
import urllib.request

import pytest
from platform_process import ADMIN, PASSWORD

SEED = int(os.environ.get("TENANT_SEED", random.randrange(10**6)))
REQUESTS = int(os.environ.get("TENANT_REQUESTS", "1600"))
ROLES = ["owner", "admin", "member"]
# Opens and ends sessions by what is in the body, whoever asks.
OPEN = re.compile(r"^/api/auth/(login|refresh|logout|second-factor)$")
# For sign-in pages: read by anybody, on purpose.
PUBLIC = re.compile(r"^GET /api/domains/\{name\}/branding(/logo)?$")
# Things of one's own under whatever name one chooses, known elsewhere or not; made by PUT.
CHOSEN = re.compile(r" /api/users/me/sieve-scripts/\{name\}")
# What these do to one's own things would leave nothing to guard.
DESTROYS = re.compile(r"suspend|delete|leave|revoke|disable|retire|erase|password$|restore|resume|purge|logout|hold")
# Tells of others' doings, or of the world's.
MOVES = re.compile(r"^/api/(audit|domains/health)|/(dns|check|checks|report|status|activity|metrics|events)(/|$)")
# Names come under watch by their own time: read like all, and attacked, but not compared with before.
WATCHED = re.compile(r"^/api/certificates(/|$)")
MOVING = re.compile(r"(_at|_in|_seconds|_from|_until|_ago)$|^(used_|usage|age|last_|since|checked|seen|retry)|count$")


class Client:
    """One connection, and whose requests it carries."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def ask(self, method, target, body=None, token=None):
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                self.connection.request(method, target, content, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode(errors="replace")
            except (http.client.HTTPException, ConnectionError):
                # A connection that was kept too long.
                self.connection = None
                if attempt:
                    raise


class Route:
    def __init__(self, method, path, operation):
        self.method, self.path = method.upper(), path
        self.names = re.findall(r"\{(\w+)\}", path)
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        self.members = content.get("schema", {}).get("properties", {}) if content else None
        self.query = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]

    def __repr__(self):
        return f"{self.method} {self.path}"


def routes_of(platform):
    found = {}
    for port in platform.http_ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            for path, methods in json.load(answer)["paths"].items():
                if path.startswith("/api/") and not OPEN.match(path):
                    found |= {
                        (method, path): Route(method, path, operation) for method, operation in methods.items()
                        if not PUBLIC.match(f"{method.upper()} {path}")
                    }
    return [found[key] for key in sorted(found)]


class Tenant:
    """An organisation with random domains and people, whose things carry its marks."""

    def __init__(self, platform, chance, number):
        self.platform, self.chance = platform, chance
        mark = f"{chance.randrange(16**6):06x}"
        # The first stands in names that others may guess and send, the second in nothing that others are told.
        self.mark, self.secret = f"q{mark}", f"z{mark}"
        self.domains = [f"d{place}.{self.mark}.tenants.test" for place in range(chance.randint(1, 3))]
        for domain in self.domains:
            platform.cli("domain", "add", domain, "--organisation", f"{self.secret} company")
        self.people, self.tokens = {}, {}
        for role in ROLES:
            self.add_person(role)
        # Beyond the role, on a domain of its own.
        platform.cli("permission", "give", self.domains[0], self.people["member"], "manage", "send-as", "analytics", "users")
        for place in range(chance.randint(0, 2)):
            platform.cli("alias", "add", f"alias{place}.{self.mark}@{self.domains[0]}", self.people["owner"])
        # What stands at the ends of paths, by the names of members that held it.
        self.known = {"name": list(self.domains), "domain": list(self.domains), "email": list(self.people.values())}
        self.count = 0
        # What its people have sent in bodies: it may be in things of their own since.
        self.chosen = set()
        self.uttered = set()

    def add_person(self, role):
        address = f"{role}{len(self.people)}x{self.chance.randrange(10**6)}.{self.mark}@{self.chance.choice(self.domains)}"
        self.platform.cli(
            "account", "add", address, "--role", role, "--name", f"{self.secret} {role}", "--password-stdin", stdin=PASSWORD + "\n",
        )
        self.people[role] = address
        status, _, tokens = self.platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})
        assert status == 200, tokens
        self.tokens[role] = tokens["access_token"]

    # What it has

    def value(self, name, schema):
        """Something for a member of a body, that marks what is made of it."""
        self.count += 1
        chance = self.chance
        if schema.get("enum"):
            return chance.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "boolean":
            return chance.choice([True, False])
        if kind in ("integer", "number"):
            return self.known.get("organisation_id", [1])[0] if "organisation" in name else chance.choice([0, 1, 10, 1_000_000])
        if kind == "array":
            return [self.value(name.rstrip("s"), schema.get("items", {}))]
        if kind == "object":
            return {}
        words = {
            "password": PASSWORD, "old_password": PASSWORD, "new_password": PASSWORD, "role": "member", "scope": "imap",
            "email": f"made{self.count}.{self.mark}@{self.domains[0]}", "address": f"made{self.count}.{self.mark}@{self.domains[0]}",
            "alias": f"made{self.count}.{self.mark}@{self.domains[0]}", "target": self.people["owner"], "member": self.people["member"],
            "url": f"https://{self.secret}.example.test/{self.count}", "domain": self.domains[0], "algorithm": "ed25519",
            # A Sieve script as well as any text.
            "text": f"# {self.secret} {self.count}\r\nkeep;",
        }
        if name in words:
            return words[name]
        if name == "name":
            return chance.choice([f"{self.secret} {self.count}", f"sub{self.count}.{self.domains[0]}", f"{self.mark}{self.count}"])
        return f"{self.secret} {self.count}"

    def fill(self, client, routes):
        """Makes something by every route that makes things."""
        for route in routes:
            if route.method not in ("POST", "PUT") or DESTROYS.search(route.path) or route.members is None:
                continue
            for _ in range(2):
                body = {name: self.value(name, schema) for name, schema in route.members.items()}
                if self.chance.random() < 0.5:
                    # Few requests want everything at once.
                    for name in self.chance.sample(sorted(body), len(body) // 2):
                        del body[name]
                place = self.place(route, self)
                status, text = client.ask(route.method, place, body, self.tokens[self.chance.choice(["owner", "admin"])])
                assert status < 500, (route, body, text)
                self.learn(text)

    def learn(self, text):
        """Whatever an answer calls something may stand in a path."""
        def walk(value, name):
            if isinstance(value, dict):
                for key, inner in value.items():
                    walk(inner, key)
            elif isinstance(value, list):
                for inner in value:
                    walk(inner, name)
            elif isinstance(value, (str, int)) and not isinstance(value, bool) and 0 < len(str(value)) < 200:
                kept = self.known.setdefault(name, [])
                if value not in kept and len(kept) < 30:
                    kept.append(value)

        try:
            walk(json.loads(text), "")
        except ValueError:
            pass

    def has(self, value):
        return any(str(value) == str(one) for kept in self.known.values() for one in kept)

    def place(self, route, of, named=None):
        """The route's path with things of a tenant in it: by the name where there are such, else any."""
        def thing(match):
            name = match[1]
            own = of.known.get(name, [])
            if not own or self.chance.random() < 0.15:
                own = of.known[self.chance.choice(sorted(of.known))] or [1]
            value = str(self.chance.choice(own))
            if named is not None:
                named.append(value)
            return urllib.parse.quote(value, safe="")

        return re.sub(r"\{(\w+)\}", thing, route.path)

    def state(self, client, routes, places):
        """What its own people see, leaf by leaf."""
        seen = {}
        for route, place in places:
            for role in ROLES if "/me" in place else ROLES[:1]:
                status, text = client.ask("GET", place, None, self.tokens[role])
                try:
                    answer = json.loads(text)
                except ValueError:
                    answer = text
                seen |= {f"{role} {place} {leaf}": value for leaf, value in leaves({"status": status, "answer": answer})}
        return seen

    def places(self, client, routes):
        """What its own people find by GET; reading it tells more names."""
        found = []
        for _ in range(2):
            found = []
            for route in routes:
                if route.method != "GET" or MOVES.search(route.path):
                    continue
                own = {self.place(route, self) for _ in range(5 * len(route.names) or 1)}
                for place in sorted(own):
                    for role in ROLES:
                        status, text = client.ask("GET", place, None, self.tokens[role])
                        assert status < 500, (route, place, text)
                        if status == 200:
                            self.learn(text)
                            if not WATCHED.search(route.path):
                                found.append((route, place))
        return sorted(set(found), key=lambda one: one[1])


def leaves(value, path="", name=""):
    if isinstance(value, dict):
        for key, inner in sorted(value.items()):
            yield from leaves(inner, f"{path}/{key}", key)
    elif isinstance(value, list):
        yield path, len(value)
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{number}", name)
    elif not MOVING.search(name):
        yield path, value


def body_of(chance, route, mine, other):
    """What an attacker sends: names of the other's things, where a member takes one; but none that the other told nobody."""
    members = dict(route.members)
    for name in chance.sample(sorted(members), chance.randrange(len(members) + 1) if members else 0):
        del members[name]
    body = {}
    for name, schema in members.items():
        others = [one for one in other.known.get(name, []) + other.known.get(f"{name}_id", []) if other.secret not in str(one)]
        if others and chance.random() < 0.7:
            value = chance.choice(others)
            body[name] = [value] if schema.get("type") == "array" else value
        else:
            body[name] = mine.value(name, schema)
    return body


def query_of(chance, route, other):
    asked = {}
    for name in chance.sample(route.query, chance.randint(1, len(route.query))):
        others = other.known.get(name) or other.known[chance.choice(sorted(other.known))] or [1]
        others = [one for one in others if other.secret not in str(one)]
        asked[name] = 500 if name == "limit" or not others else chance.choice(others)
    return urllib.parse.urlencode(asked)


def attack(client, chance, routes, attackers, guarded, requests, is_reading=False):
    """Requests of the ones for the others' things; every route by every role first, then at random."""
    turns = [(route, role) for route in routes for role in ROLES + [None]]
    chance.shuffle(turns)
    turns += [(chance.choice(routes), chance.choice(ROLES + [None])) for _ in range(requests - len(turns))]
    answered = set()
    for route, role in turns:
        mine, other = chance.choice(attackers), chance.choice(guarded)
        # One's own account alone: nobody else's thing is named, and the session would end.
        if not route.names and route.method != "GET" and "/me" in route.path:
            continue
        named = []
        target = mine.place(route, other, named)
        if other.secret in urllib.parse.unquote(target):
            continue
        if route.query and chance.random() < 0.6:
            asked = query_of(chance, route, other)
            named += [value for _, value in urllib.parse.parse_qsl(asked)]
            target += f"?{asked}"
        body = None if route.members is None else body_of(chance, route, mine, other)
        mine.uttered |= {str(value) for value in (body or {}).values()}
        status, text = client.ask(route.method, target, body, mine.tokens.get(role))
        note = (SEED, role, repr(route), target, body, status, text[:2_000])
        assert status < 500, note
        assert other.secret not in text, note
        if is_reading:
            # Names that were asked for may come back, in what a problem says of them.
            rest = text.lower().replace(target.split("?")[0].lower(), "")
            for value in sorted(named, key=len, reverse=True):
                rest = rest.replace(value.lower(), "")
            assert other.mark not in rest, note
        in_path = named[:len(route.names)]
        if CHOSEN.search(repr(route)):
            if route.method == "PUT":
                mine.chosen |= set(in_path)
            in_path = [value for value in in_path if value not in mine.chosen]
        if any(not mine.has(value) and value not in mine.uttered and other.has(value) for value in in_path):
            assert status >= 400, note
        if status == 401 and role and client.ask("GET", "/api/users/me", None, mine.tokens[role])[0] == 401:
            mine.add_person(role)
        answered.add(repr(route))
    return answered


def test_nobody_reads_or_changes_what_is_anothers(platform):
    print(f"TENANT_SEED={SEED}")
    chance = random.Random(SEED)
    client = Client(platform.ports["http"])
    routes = routes_of(platform)
    assert len(routes) >= 25
    # Who attacks changes things of their own with the same numbers, so nobody does both.
    guarded, attackers = [[Tenant(platform, chance, number) for number in range(2)] for _ in range(2)]
    before = []
    for tenant in guarded + attackers:
        tenant.fill(client, routes)
        places = tenant.places(client, routes)
        if tenant in guarded:
            # What differs of itself says nothing.
            first, second = tenant.state(client, routes, places), tenant.state(client, routes, places)
            assert any(tenant.secret in str(value) for value in second.values())
            before.append((tenant, places, {leaf: value for leaf, value in first.items() if second.get(leaf) == value}))
    # Who has changed nothing yet has nothing of another's name.
    reading = [route for route in routes if route.method == "GET"]
    assert len(attack(client, chance, reading, attackers, guarded, REQUESTS // 3, is_reading=True)) >= 10
    assert len(attack(client, chance, routes, attackers, guarded, REQUESTS)) >= 20
    for tenant, places, steady in before:
        after = tenant.state(client, routes, places)
        changed = {leaf: (value, after.get(leaf)) for leaf, value in steady.items() if value != after.get(leaf)}
        assert not changed, (SEED, tenant.mark, dict(list(changed.items())[:10]))
    operator = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    for tenant in guarded:
        assert platform.http("GET", f"/api/domains/{tenant.domains[0]}", token=operator)[0] == 200
