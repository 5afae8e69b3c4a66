"""Traces by OTLP: one message is one trace from its submission to the other server, whichever processes had it in hand."""
import http.client

import pytest
from platform_process import ADMIN, PASSWORD, wait_until
from telemetry_server import TelemetryServer


@pytest.fixture
def collector():
    running = TelemetryServer()
    yield running
    running.stop()


def named(collector, name):
    return [span for span in collector.spans if span["name"] == name]


def test_a_submitted_message_is_one_trace(start_platform, sink, collector):
    port, _ = sink()
    platform = start_platform(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.place}", OONRUMAIL_TRANSPORT_MAP=f"*=127.0.0.1:{port}",
    )
    with platform.submission() as client:
        client.sendmail(ADMIN, ["you@away.test"], f"From: {ADMIN}\r\nTo: you@away.test\r\nSubject: secret plan\r\n\r\nhush\r\n")
    sent = wait_until(lambda: named(collector, "smtp send"))[0]
    submitted = wait_until(lambda: named(collector, "smtp submit"))[0]
    delivered = wait_until(lambda: [span for span in named(collector, "queue deliver") if span["traceId"] == sent["traceId"]])[0]
    # Sent by the worker, within what the submission began.
    assert submitted["traceId"] == delivered["traceId"] and delivered["parentSpanId"]
    assert sent["parentSpanId"] == delivered["spanId"] and (submitted["kind"], sent["kind"], delivered["kind"]) == (2, 3, 5)
    writes = [span for span in named(collector, "db write") if span["traceId"] == submitted["traceId"]]
    assert submitted["spanId"] in {span["parentSpanId"] for span in writes}
    assert submitted["attributes"]["oonrumail.queue_id"] == delivered["attributes"]["oonrumail.queue_id"]
    # The log and the trace find each other.
    logs = b"".join(path.read_bytes() for path in platform.logs)
    assert submitted["traceId"].encode() in logs
    everything = str(collector.spans)
    for private in (ADMIN, "you@away", "secret plan", "hush", PASSWORD):
        assert private not in everything, private
    assert not collector.faults


def test_a_request_goes_on_in_its_callers_trace(start_platform, collector):
    platform = start_platform(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.place}")

    def ask(parent):
        client = http.client.HTTPConnection("127.0.0.1", platform.ports["http"], timeout=20)
        client.request("GET", "/api/users/me", headers={"traceparent": parent})
        assert client.getresponse().status == 401
        client.close()

    ask("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    span = wait_until(lambda: named(collector, "GET /api/users/me"))[0]
    assert (span["traceId"], span["parentSpanId"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert span["attributes"]["http.response.status_code"] == "401"
    # The caller decided that its trace is not recorded; what is no traceparent is no trace.
    ask("00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00")
    ask("00-zz-00f067aa0ba902b7-01")
    wait_until(lambda: len(named(collector, "GET /api/users/me")) == 2)
    assert not [span for span in collector.spans if span["traceId"] == "a" * 32]
    # What supervisors ask all the time is no trace, and no span tells a whole address with its query.
    assert not [span for span in collector.spans if span["name"].endswith(("/ready", "/health", "/metrics"))]
    assert not [span for span in collector.spans if {"url.full", "url.query"} & set(span["attributes"])]


def test_a_collector_that_does_not_answer_costs_only_spans(start_platform, collector):
    collector.status = 503
    platform = start_platform(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.place}")
    with platform.smtp() as client:
        client.sendmail("you@elsewhere.test", [ADMIN], f"From: you@elsewhere.test\r\nTo: {ADMIN}\r\nSubject: x\r\n\r\nx\r\n")
    assert len(platform.messages(ADMIN)) == 1
    wait_until(lambda: platform.metric('oonrumail_trace_spans_total{outcome="refused"}') >= 1)
