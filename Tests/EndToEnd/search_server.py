"""Stands in for OpenSearch: the part of its interface that the platform uses, in memory, and strict about the rest.

It is not Lucene: words are runs of letters and digits, scores are counts. What it does not know is a 400, so that a test cannot pass
by accident.
"""
import base64
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Refused(Exception):
    """Answered with 400."""


def words(text):
    return re.findall(r"\w+", str(text).lower())


def values(source, field):
    value = source.get(field, [])
    return value if isinstance(value, list) else [value]


def run_at(sequence, wanted, last_may_go_on):
    """Whether the wanted words stand side by side somewhere."""
    for start in range(len(sequence) - len(wanted) + 1):
        piece = sequence[start:start + len(wanted)]
        same = piece[:-1] == wanted[:-1]
        if same and (piece[-1] == wanted[-1] or last_may_go_on and piece[-1].startswith(wanted[-1])):
            return True
    return False


def score(query, source):
    """None: it does not match."""
    (kind, body), = query.items()
    if kind == "term":
        (field, value), = body.items()
        return 1.0 if value in values(source, field) else None
    if kind == "match":
        (field, wanted), = body.items()
        if set(wanted) != {"query", "operator"} or wanted["operator"] != "and":
            raise Refused(f"match {wanted}")
        found = [word for value in values(source, field) for word in words(value)]
        return 1.0 if all(word in found for word in words(wanted["query"])) else None
    if kind == "multi_match":
        if set(body) != {"query", "fields", "type"} or body["type"] not in ("phrase", "phrase_prefix"):
            raise Refused(f"multi_match {body}")
        best = None
        for field in body["fields"]:
            name, _, boost = field.partition("^")
            for value in values(source, name):
                wanted = words(body["query"])
                if wanted and run_at(words(value), wanted, body["type"] == "phrase_prefix"):
                    best = max(best or 0, float(boost or 1))
        return best
    if kind == "range":
        (field, limits), = body.items()
        tests = {"gte": lambda one, other: one >= other, "lt": lambda one, other: one < other}
        return 1.0 if all(tests[name](one, other) for name, other in limits.items() for one in values(source, field)) else None
    if kind == "bool":
        if set(body) - {"filter", "must"}:
            raise Refused(f"bool {sorted(body)}")
        total = 0.0
        for clause in body.get("filter", []):
            if score(clause, source) is None:
                return None
        for clause in body.get("must", []):
            part = score(clause, source)
            if part is None:
                return None
            total += part
        return total
    raise Refused(f"the query {kind}")


class Index:
    def __init__(self, body):
        self.mapping = body["mappings"]
        self.documents = {}

    def put(self, action, source):
        known = self.mapping["properties"]
        if self.mapping["dynamic"] == "strict" and set(source) - set(known):
            return {"_id": action["_id"], "status": 400, "error": {"type": "strict_dynamic_mapping_exception"}}
        if self.mapping["_routing"]["required"] and "routing" not in action:
            return {"_id": action["_id"], "status": 400, "error": {"type": "routing_missing_exception"}}
        self.documents[action["_id"]] = (action["routing"], source)
        return {"_id": action["_id"], "status": 201}

    def hits(self, body, routing):
        if set(body) - {"size", "_source", "track_total_hits", "query", "sort", "search_after"}:
            raise Refused(f"the search has {sorted(body)}")
        found = []
        for name, (place, source) in self.documents.items():
            points = score(body["query"], source) if place == routing else None
            if points is not None:
                keys = [points if key == "_score" else values(source, key)[0] for sort in body["sort"] for key in sort]
                found.append((keys, name))
        if any(order != {"order": "desc"} for sort in body["sort"] for order in sort.values()):
            raise Refused("an order that is not descending")
        found.sort(reverse=True)
        if "search_after" in body:
            found = [hit for hit in found if hit[0] < body["search_after"]]
        return [{"_id": name, "_score": None, "sort": keys} for keys, name in found[:body["size"]]]


class SearchServer:
    """Listens on loopback until `stop`; `fails` makes it answer 503."""

    def __init__(self, user="indexer", password="index password"):
        self.user, self.password = user, password
        self.aliases, self.lock, self.fails = {}, threading.Lock(), False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, document = outer.respond(self.command, self.path, self.headers, body)
                text = b"" if self.command == "HEAD" else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_HEAD = do_PUT = do_POST = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def settings(self):
        return {"OPENSEARCH_URL": self.url, "OPENSEARCH_USERNAME": self.user, "OPENSEARCH_PASSWORD": self.password}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def documents(self):
        with self.lock:
            return {name: source for index in self.aliases.values() for name, (_, source) in index.documents.items()}

    def respond(self, method, target, headers, body):
        wanted = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if headers.get("Authorization") != wanted:
            return 401, {"error": "no such user", "status": 401}
        if self.fails:
            return 503, {"error": "not now", "status": 503}
        place = urllib.parse.urlsplit(target)
        parts = [urllib.parse.unquote(part) for part in place.path.split("/") if part]
        query = dict(urllib.parse.parse_qsl(place.query))
        try:
            with self.lock:
                return self.route(method, parts, query, body)
        except Refused as why:
            return 400, {"error": {"type": "parsing_exception", "reason": str(why)}, "status": 400}

    def route(self, method, parts, query, body):
        if method == "GET" and not parts:
            return 200, {"version": {"distribution": "opensearch", "number": "2.11.0"}}
        if method == "PUT" and len(parts) == 1:
            given = json.loads(body)
            (alias, _), = given["aliases"].items()
            if alias in self.aliases:
                return 400, {"error": {"type": "resource_already_exists_exception"}, "status": 400}
            self.aliases[alias] = Index(given)
            return 200, {"acknowledged": True}
        index = self.aliases.get(parts[0]) if parts else None
        if index is None:
            return 404, {"error": {"type": "index_not_found_exception"}, "status": 404}
        if method == "HEAD":
            return 200, {}
        if method == "POST" and parts[1:] == ["_bulk"]:
            return self.bulk(index, body)
        if method == "POST" and parts[1:] == ["_search"]:
            return 200, {"hits": {"hits": index.hits(json.loads(body), query["routing"])}}
        if method == "POST" and parts[1:] == ["_delete_by_query"]:
            clause = json.loads(body)["query"]
            gone = [name for name, (_, source) in index.documents.items() if score(clause, source) is not None]
            for name in gone:
                del index.documents[name]
            return 200, {"deleted": len(gone), "failures": []}
        raise Refused(f"{method} {parts}")

    @staticmethod
    def bulk(index, body):
        if not body.endswith(b"\n"):
            raise Refused("the last line does not end")
        lines = [json.loads(line) for line in body.splitlines()]
        items = []
        while lines:
            (action, place), = lines.pop(0).items()
            if action == "index":
                items.append({"index": index.put(place, lines.pop(0))})
            elif action == "delete":
                was = index.documents.pop(place["_id"], None)
                items.append({"delete": {"_id": place["_id"], "status": 404 if was is None else 200}})
            else:
                raise Refused(action)
        errors = any(outcome["status"] >= 400 for item in items for outcome in item.values())
        return 200, {"errors": errors, "items": items}
