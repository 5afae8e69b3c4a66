"""Messages with a number and a checksum, so that one can be found again and seen to be whole."""
import hashlib
import re


def letter(key, size, recipient):
    body = ("%s " % key * (size // (len(key) + 1)))[:size]
    lines = "".join(body[place:place + 70] + "\r\n" for place in range(0, len(body), 70))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return (
        f"From: ann@elsewhere.test\r\nTo: {recipient}\r\nSubject: {key}\r\nMessage-ID: <{key}@elsewhere.test>\r\n"
        f"X-Key: {key}\r\nX-Digest: {digest}\r\n\r\n{lines}"
    ).encode()


def opened(data):
    """The key of a letter and whether its body is what was written."""
    head, body = data.split(b"\r\n\r\n", 1)
    key = re.search(rb"X-Key: (\S+)", head)[1].decode()
    digest = re.search(rb"X-Digest: (\S+)", head)[1].decode()
    return key, hashlib.sha256(body).hexdigest() == digest
