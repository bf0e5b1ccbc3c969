"""Records real exchanges with a vLLM server as files that a test replays.

    serve --port 18450 & python3 record.py http://127.0.0.1:18450 open FOLDER
    serve --port 18451 --api-key secret ... & python3 record.py http://127.0.0.1:18451 guarded FOLDER

The body of an answer is kept in the pieces in which the server sent it (the chunks of its transfer coding). What differs
from one recording to the next and means nothing (dates, random ids, the model's folder) is replaced by constants.
"""

import json
import re
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import exchanges


def read_answer(stream):
    """Status, headers and pieces of one HTTP/1.1 answer."""
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    pieces = []
    if headers.get("transfer-encoding") == "chunked":
        while (size := int(stream.readline(), 16)):
            pieces.append(stream.read(size))
            stream.readline()
        stream.readline()
    elif (length := int(headers.get("content-length", 0))):
        pieces.append(stream.read(length))
    return status, headers, pieces


def exchange(server, name, method, path, body, headers):
    """body: bytes as they go over the wire, or None."""
    sent = {"Content-Type": "application/json", "X-Request-Id": "recorded-" + name} if body is not None else {}
    sent.update(headers)
    sent = {key: value for key, value in sent.items() if value is not None}
    with socket.create_connection((server.hostname, server.port), timeout=120) as connection:
        head = f"{method} {path} HTTP/1.1\r\nHost: {server.netloc}\r\nConnection: close\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in sent.items())
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        connection.sendall(head.encode("latin-1") + b"\r\n" + (body or b""))
        status, received, pieces = read_answer(connection.makefile("rb"))
    return {
        "name": name,
        "request": {
            "method": method,
            "path": path,
            "headers": sent,
            "body": None if body is None else body.decode("utf-8"),
        },
        "response": {
            "status": status,
            "headers": {key: scrub(value) for key, value in received.items() if key not in DROPPED},
            "body": [scrub(piece.decode("utf-8")) for piece in pieces],
        },
    }


# The length changes with what is replaced: whoever replays counts again.
DROPPED = ("date", "content-length", "connection", "server")

SCRUBBED = (
    (r'"created":\d+', '"created":1795000000'),
    (r"modelperm-[0-9a-f]+", "modelperm-0000000000000000"),
    (r'"root":"[^"]*"', '"root":"tempera-sample"'),
    (r"chatcmpl-tool-[0-9a-f]+", "chatcmpl-tool-0000000000000000"),
    (r"(cmpl|generate-tokens)-[0-9a-f]{16}\b", r"\1-0000000000000000"),
    (r"^[0-9a-f]{32}$", "0" * 32),
)


def scrub(text):
    for pattern, replacement in SCRUBBED:
        text = re.sub(pattern, replacement, text)
    return text


def main(base, group, folder):
    server = urlsplit(base)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    background = []
    for name, method, path, body, headers in exchanges.GROUPS[group]:
        if isinstance(body, (dict, list)):
            body = json.dumps(body, ensure_ascii=False)
        if isinstance(body, str):
            body = body.encode("utf-8")
        record = threading.Thread(target=write, args=(folder, server, name, method, path, body, headers))
        record.start()
        if name == exchanges.IN_BACKGROUND:
            background.append(record)
            time.sleep(0.5)
        else:
            record.join()
    for record in background:
        record.join()
    print(len(exchanges.GROUPS[group]), "exchanges")


def write(folder, server, name, *request):
    recorded = exchange(server, name, *request)
    text = json.dumps(recorded, ensure_ascii=False, indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(recorded["response"]["status"], name, len(text))


if __name__ == "__main__":
    main(*sys.argv[1:])
