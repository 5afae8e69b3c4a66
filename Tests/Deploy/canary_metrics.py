"""Services that do well and badly, and a real Prometheus that looks at them."""
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from platform_process import free_port, wait_until


class Service(BaseHTTPRequestHandler):
    """Counts a hundred requests for every second that passes; its path says how it does."""

    def do_GET(self):
        count = int((time.monotonic() - self.server.begun) * 100)
        bad = count // 10 if self.path == "/errors" else 0
        quick = 0 if self.path == "/slow" else count
        text = (
            "# TYPE oonrumail_http_requests_total counter\n"
            f'oonrumail_http_requests_total{{method="GET",route="/x",status="200"}} {count - bad}\n'
            f'oonrumail_http_requests_total{{method="GET",route="/x",status="503"}} {bad}\n'
            "# TYPE oonrumail_http_request_seconds histogram\n"
            f'oonrumail_http_request_seconds_bucket{{route="/x",le="0.1"}} {quick}\n'
            f'oonrumail_http_request_seconds_bucket{{route="/x",le="2.5"}} {count}\n'
            f'oonrumail_http_request_seconds_bucket{{route="/x",le="+Inf"}} {count}\n'
            f'oonrumail_http_request_seconds_sum{{route="/x"}} {count}\noonrumail_http_request_seconds_count{{route="/x"}} {count}\n'
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


# How the canary of each service does.
BEHAVIOUR = {"auth": "well", "imap": "errors", "storage": "slow"}


class Prometheus:
    def __init__(self, folder):
        self.service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        self.service.begun = time.monotonic()
        threading.Thread(target=self.service.serve_forever, daemon=True).start()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms}\nscrape_configs:\n" + "".join(
                f"- job_name: {app}\n  metrics_path: /{behaviour}\n  static_configs:\n"
                f"  - targets: ['127.0.0.1:{self.service.server_port}']\n    labels: {{app: {app}, track: canary}}\n"
                for app, behaviour in BEHAVIOUR.items()
            )
        )
        self.process = subprocess.Popen(
            [
                "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(folder / "log", "wb"),
        )

    def wait_for_data(self):
        query = urllib.parse.urlencode({"query": f'count(rate(oonrumail_http_requests_total{{status="200"}}[5s]) > 0) == {len(BEHAVIOUR)}'})

        def has_data():
            try:
                return b'"value"' in urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5).read()
            except OSError:
                return False

        wait_until(has_data)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.service.shutdown()
