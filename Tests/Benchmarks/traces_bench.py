"""What traces cost on the SMTP path: the platform without them, with a tenth exported and with all, in one run.

usage: traces_bench.py [--rounds N] [--messages N]

Three platforms of the same build take the same mail on loopback in turns (A B C A B C …); a collector that answers at once takes the
traces. The ratio to the one without is taken round by round and its median printed.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from platform_process import Platform
from telemetry_server import TelemetryServer

SHARES = {"none": None, "tenth": "0.1", "all": "1"}


def drive(port, sessions, count):
    started = time.monotonic()
    subprocess.run(
        ["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", "4096", "-f", "bench@elsewhere.test", "-t", "sink@bench.test",
         f"127.0.0.1:{port}"],
        check=True, capture_output=True, timeout=300,
    )
    return count / (time.monotonic() - started)


def settings(share, collector):
    given = {"OONRUMAIL_LOG_LEVEL": "warning"}
    if share is not None:
        given |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.place}", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": share,
        }
    return given


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=4000)
    options = parser.parse_args()
    collector = TelemetryServer()
    with tempfile.TemporaryDirectory() as folder:
        platforms = {}
        try:
            for name, share in SHARES.items():
                os.mkdir(f"{folder}/{name}")
                platforms[name] = Platform(pathlib.Path(folder, name), **settings(share, collector)).start()
                platforms[name].add_account("sink@bench.test")
                drive(platforms[name].ports["smtp"], 20, options.messages // 5)
            for sessions in (1, 20):
                count = options.messages if sessions > 1 else options.messages // 5
                rows = []
                for _ in range(options.rounds):
                    rows.append({name: drive(each.ports["smtp"], sessions, count) for name, each in platforms.items()})
                for name in SHARES:
                    rate = statistics.median(row[name] for row in rows)
                    ratio = statistics.median(row[name] / row["none"] for row in rows)
                    print(f"{sessions:>3} sessions, traces {name:<5} {rate:>7.0f} messages/s  ratio {ratio:.3f}", flush=True)
            print(f"{collector.requests} requests to the collector, {len(collector.spans)} spans, faults: {collector.faults[:3]}")
        finally:
            for each in platforms.values():
                each.stop()
            collector.stop()


main()
