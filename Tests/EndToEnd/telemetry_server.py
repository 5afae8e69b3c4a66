"""Takes what the platform exports: errors by Sentry's envelopes, traces by OTLP over HTTP in JSON; strict about their shape."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TelemetryServer:
    """Listens on loopback until `stop`; `status` is what it answers, `fields` the header fields beside."""

    def __init__(self):
        self.events, self.spans, self.faults = [], [], []
        self.status, self.fields, self.requests = 200, {}, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests += 1
                if outer.status == 200:
                    try:
                        outer.take(self.path, self.headers, body)
                    except Exception as fault:  # Told to the test, which is on another thread.
                        outer.faults.append(f"{self.path}: {fault!r}")
                self.send_response(outer.status)
                for name, value in outer.fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def dsn(self):
        return f"http://abc123@{self.place}/42"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, path, headers, body):
        if path == "/api/42/envelope/":
            assert "sentry_key=abc123" in headers["X-Sentry-Auth"] and "sentry_version=7" in headers["X-Sentry-Auth"]
            assert headers["Content-Type"] == "application/x-sentry-envelope"
            head, item, rest = body.split(b"\n", 2)
            head, item = json.loads(head), json.loads(item)
            assert item["type"] == "event"
            payload, end = rest[:item["length"]], rest[item["length"]:]
            assert end == b"\n", end
            event = json.loads(payload)
            assert event["event_id"] == head["event_id"] and len(event["event_id"]) == 32
            self.events.append(event)
        elif path == "/v1/traces":
            self.spans += spans(json.loads(body), headers)
        else:
            raise AssertionError(f"nothing is at {path}")


def spans(document, headers):
    """Every span with its resource's and its own attributes, checked as OTLP's JSON encoding wants them."""
    assert headers["Content-Type"] == "application/json"
    found = []
    for resource in document["resourceSpans"]:
        of_resource = attributes(resource["resource"])
        assert of_resource["service.name"]
        for scope in resource["scopeSpans"]:
            assert scope["scope"]["name"]
            for span in scope["spans"]:
                assert len(bytes.fromhex(span["traceId"])) == 16 and len(bytes.fromhex(span["spanId"])) == 8
                assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) and span["kind"] in range(1, 6)
                found.append({**span, "attributes": attributes(span), "service": of_resource["service.name"]})
    return found


def attributes(owner):
    values = {}
    for attribute in owner.get("attributes", []):
        (kind, value), = attribute["value"].items()
        assert kind in ("stringValue", "intValue", "boolValue", "doubleValue")
        assert kind != "intValue" or isinstance(value, str)
        values[attribute["key"]] = value
    return values
