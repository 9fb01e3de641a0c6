"""What the scripts of this folder share: a place for a receiver, signed deliveries, and what the kernel accounts."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BODY_BYTES = 4096
KEY = bytes(range(32))
SECRET = "canary-of-the-benchmark"
CONNECTIONS, THREADS = 64, 2
TICKS = os.sysconf("SC_CLK_TCK")


class Place:
    """A folder on the disk, a free port and the environment of one receiver."""

    def __init__(self, gitlab):
        folder = TARGET / "peers"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.port, self.admin = free_port(), free_port()
        self.environment = os.environ | {"SECRET": SECRET}
        self.gitlab = gitlab

    def escalator(self):
        signing_token = "whsec_" + base64.b64encode(KEY).decode()
        self.environment |= {
            "ESCALATOR__GITLAB__URL": self.gitlab,
            "ESCALATOR__GITLAB__TOKEN": "none",
            "ESCALATOR__WEBHOOK__SIGNING_TOKENS": signing_token,
            "ESCALATOR__SERVER__LISTEN": f"127.0.0.1:{self.port}",
            "ESCALATOR__ADMIN__LISTEN": f"127.0.0.1:{self.admin}",
            "ESCALATOR__STORE__URL": f"sqlite://{self.folder}/escalator.db",
        }
        return [str(TARGET / "release/escalator"), "serve"]

    def node(self, script):
        return ["node", str(TARGET / "peers-node" / script), str(self.port)]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def prepare(names):
    prepare_ours()
    run(["cargo", "build", "--release", "--target-dir", str(TARGET / "bare")], cwd=HERE / "bare")
    if any(name in names for name in ("@octokit/webhooks", "fastify")):
        folder = TARGET / "peers-node"
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "octokit.mjs", "fastify.mjs"):
            shutil.copy(HERE / file, folder)
        run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder)


def prepare_ours():
    if shutil.which("wrk") is None:
        run(["apt-get", "install", "-y", "wrk"])
    run(["cargo", "build", "--release", "--locked"], cwd=ROOT)


def built_pieces():
    command = ["cargo", "bench", "--locked", "--no-run", "--bench", "pieces", "--message-format", "json"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = map(json.loads, said.splitlines())
    return next(message["executable"] for message in messages
                if message.get("executable") and message["target"]["name"] == "pieces")


def run(command, **more):
    subprocess.run(command, check=True, stdout=sys.stderr, **more)


def throttling_gitlab():
    """A GitLab that answers 429 to everything: Escalator pauses its work and only receives."""
    return gitlab(lambda path: (429, {"Retry-After": "3600"}, b""))


def empty_gitlab():
    """A GitLab that is well and has no issue, so that each look costs a call and a commit."""
    user = (200, {}, b'{"id": 99, "username": "escalator-bot"}')
    # In GitLab's form, or it is taken for somebody else's answer.
    nothing = (404, {"Content-Type": "application/json"}, b'{"message": "404 Project Not Found"}')
    return gitlab(lambda path: user if path.endswith("/user") else nothing)


def gitlab(answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet, or each answer takes the 40 ms of a delayed acknowledgement.
        wbufsize = -1

        def do_GET(self):
            status, headers, body = answer(self.path)
            self.send_response(status)
            for header in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def sign(place, distinct, matters, first, count):
    """Writes signed deliveries into a file, for deliver.lua."""
    head, tail = payload(matters)
    path = place.folder / "deliveries"
    with path.open("wb") as file:
        file.write(b"%d\n%s\n%d\n%s\n" % (len(head), head, len(tail), tail))
        for number in range(first, first + count):
            iid, _, (sent_at, standard, hub) = delivery(head, tail, number, distinct)
            file.write(b"%s msg_%d %s %s %s\n" % (iid, number, sent_at, standard, hub))
    return path


def payload(matters):
    """A real body, before and after the number of its issue: on one line, as GitLab sends it, with a description that
    makes it 4 kB."""
    body = json.loads((ROOT / "tests/payloads/issue_hook.issue.open.json").read_text())
    attributes = body["object_attributes"]
    attributes["iid"] = 10_000_000
    if matters:
        attributes["type"] = "Incident"
    attributes["description"] = "Since the last deployment payments fail. " * 100
    too_long = len(in_one_line(body)) - BODY_BYTES
    attributes["description"] = attributes["description"][:-too_long]
    head, tail = in_one_line(body).split('"iid":10000000', 1)
    return (head + '"iid":').encode(), tail.encode()


def in_one_line(body):
    return json.dumps(body, separators=(",", ":"))


def delivery(head, tail, number, distinct):
    """A body and its signatures: GitLab's and GitHub's, so that every receiver finds its own."""
    iid = str(10_000_000 + (number if distinct else 0)).encode()
    body, sent_at = head + iid + tail, str(int(time.time())).encode()
    standard = base64.b64encode(hmac.digest(KEY, b"msg_%d.%s." % (number, sent_at) + body, "sha256"))
    hub = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex().encode()
    return iid, body, (sent_at, standard, hub)


def deliver(place, file, seconds, connections=CONNECTIONS):
    environment = os.environ | {"DELIVERIES": str(file), "THREADS": str(THREADS)}
    before = os.times()
    said = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(HERE / "deliver.lua"),
         f"http://127.0.0.1:{place.port}"],
        env=environment, check=True, capture_output=True, text=True).stdout
    after = os.times()
    result = json.loads(said.strip().splitlines()[-1])
    result["cpu"] = after.children_user + after.children_system - before.children_user - before.children_system
    return result


def until_it_listens(server, port):
    for _ in range(2_000):
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            sys.exit(f"it ended with {server.returncode}")
        time.sleep(0.01)
    sys.exit("it does not listen")


def cpu(pid):
    """Seconds of CPU that a process has used, by the kernel's accounting."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine():
    """Seconds of CPU that the whole machine has been busy."""
    user, nice, system, _idle, _wait, *others = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(others)) / TICKS


def peak_memory(pid):
    """The most memory it had resident, in MB."""
    return resident(pid, "VmHWM")


def resident(pid, what="VmRSS"):
    """The memory it has resident, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))
