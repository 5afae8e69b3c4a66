"""A mail server that takes everything and remembers which message came for whom, and when."""
import re
import socketserver
import threading
import time


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Conversation)
        # (key, recipient) -> times at which it was taken
        self.taken = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, data, recipients):
        key = re.search(rb"^X-Key: (\S+)", data, re.MULTILINE)[1].decode()
        with self.lock:
            for recipient in recipients:
                self.taken.setdefault((key, recipient), []).append(time.monotonic())

    def end(self):
        self.shutdown()
        self.server_close()


class Conversation(socketserver.StreamRequestHandler):
    timeout = 120

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        self.wfile.write(b"220 sink.elsewhere.test ESMTP\r\n")
        recipients = []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"QUIT":
                self.wfile.write(b"221 2.0.0 Bye\r\n")
                return
            if verb == b"RCPT":
                recipients.append(re.search(rb"<(.*?)>", line)[1].decode())
            elif verb in (b"RSET", b"MAIL"):
                recipients = []
            elif verb == b"DATA":
                self.wfile.write(b"354 Go on\r\n")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    part = self.rfile.readline()
                    if not part:
                        return
                    data += part
                self.server.take(data, recipients)
            self.wfile.write(b"250 2.0.0 OK\r\n")
