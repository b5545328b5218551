"""What Qdrant holds, read over its gRPC interface without a client library.

curl carries the request; the few protobuf messages of a scroll are written and read
here. Only payloads are asked for, never vectors.
"""

import struct
import subprocess
import tempfile
from pathlib import Path

from oracle import TEXT_FIELDS, Article
from processes import Died

PAGE = 500
SECONDS = 60
# Wire types of protobuf.
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
IMAGE_FIELDS = ("article_id", "image_id", "version", "deleted", "uri")
ARTICLE_FIELDS = ("article_id", "text_version", "deleted_version", *TEXT_FIELDS)


def stored_articles(url, prefix, encoder):
    """article_id → Article, of everything that the worker has written."""
    articles = {}
    for point in scroll(url, f"{prefix}_articles_{encoder}", ARTICLE_FIELDS):
        text = {name: point[name] for name in TEXT_FIELDS if point.get(name)}
        articles[point["article_id"]] = Article(
            version_of(point, "deleted_version"), version_of(point, "text_version"), text
        )
    for point in scroll(url, f"{prefix}_images_{encoder}", IMAGE_FIELDS):
        uri = None if point.get("deleted") else point["uri"]
        article = articles.setdefault(point["article_id"], Article())
        article.images[point["image_id"]] = (point["version"], uri)
    return articles


def version_of(point, name):
    version = point.get(name)
    return -1 if version is None else version


def scroll(url, collection, fields):
    """The payloads of all points."""
    include = b"".join(text(1, name) for name in fields)
    request = text(1, collection) + number(4, PAGE) + message(6, message(2, include))
    offset = b""
    while True:
        answer = call(url, "qdrant.Points/Scroll", request + offset)
        following = None
        for field, value in parts(answer):
            if field == 1:
                following = value
            elif field == 2:
                yield payload(value)
        if following is None:
            return
        offset = message(3, following)


def call(url, method, request):
    """The one message that a unary call answers."""
    with tempfile.TemporaryDirectory() as folder:
        headers = Path(folder) / "headers"
        command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--max-time", str(SECONDS)]
        command += ["--header", "content-type: application/grpc", "--header", "te: trailers"]
        command += ["--dump-header", str(headers), "--data-binary", "@-", f"{url}/{method}"]
        framed = struct.pack(">BI", 0, len(request)) + request
        result = subprocess.run(command, input=framed, capture_output=True, timeout=2 * SECONDS)
        said = headers.read_text(errors="replace") if headers.exists() else ""
    # The status is in the trailers, which come after the message.
    if result.returncode != 0 or "grpc-status: 0" not in said.lower():
        raise Died(f"{method}: {result.stderr.decode(errors='replace')}{said}")
    compressed, size = struct.unpack(">BI", result.stdout[:5])
    if compressed or len(result.stdout) != 5 + size:
        raise Died(f"{method}: not one plain message of {size} bytes: {len(result.stdout)} bytes")
    return result.stdout[5:]


def payload(point):
    """The payload of a RetrievedPoint."""
    found = {}
    for field, entry in parts(point):
        if field == 2:
            pair = dict(parts(entry))
            found[pair[1].decode()] = plain(pair.get(2, b""))
    return found


def plain(value):
    """A Value as Python has it."""
    for field, content in parts(value):
        if field == 2:
            return struct.unpack("<d", content)[0]
        if field == 3:
            return content - (1 << 64) if content >> 63 else content
        if field == 4:
            return content.decode()
        if field == 5:
            return bool(content)
        if field == 6:
            return payload_of_struct(content)
        if field == 7:
            return [plain(item) for _, item in parts(content)]
    return None


def payload_of_struct(content):
    pairs = [dict(parts(entry)) for _, entry in parts(content)]
    return {pair[1].decode(): plain(pair.get(2, b"")) for pair in pairs}


def parts(data):
    """(field number, value) of each field of a message."""
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        kind = tag & 7
        if kind == VARINT:
            value, position = varint(data, position)
        else:
            if kind == LENGTH:
                size, position = varint(data, position)
            elif kind in (FIXED64, FIXED32):
                size = 8 if kind == FIXED64 else 4
            else:
                raise ValueError(f"wire type {kind}")
            value, position = data[position : position + size], position + size
        yield tag >> 3, value


def varint(data, position):
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def encoded(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return encoded(field << 3 | VARINT) + encoded(value)


def message(field, body):
    return encoded(field << 3 | LENGTH) + encoded(len(body)) + body


def text(field, value):
    return message(field, value.encode())
