#!/usr/bin/env python3
"""Writes standard_webhooks.json: signed deliveries made by other people's implementations of Standard Webhooks.

    pip install standardwebhooks==1.1.0
    npm install --prefix FOLDER standardwebhooks@1.1.1
    tests/vectors/make.py FOLDER/node_modules > tests/vectors/standard_webhooks.json

Every case is signed by the PyPI package and again by the npm package; the script fails where they differ. Both sign
text only, so the case whose body is not UTF-8 comes from Python's `hmac` and Node's `crypto` instead, and says so.
"""

import base64
import datetime
import hashlib
import hmac
import json
import subprocess
import sys

from standardwebhooks import Webhook

GITLAB_KEY = bytes(range(32))
ISSUE = '{"object_kind":"issue","event_type":"issue"}'

CASES = [
    # name, key, id, timestamp, body
    ("a short body", GITLAB_KEY, "msg_1", 1700000000, '{"object_kind":"issue"}'),
    ("an id as GitLab makes it", GITLAB_KEY, "f5e5f430-f57b-4e6e-9fac-d9128cd7232f", 1744578123, ISSUE),
    ("an empty body", GITLAB_KEY, "msg_empty", 1700000000, ""),
    ("a body outside ASCII", GITLAB_KEY, "msg_text", 1700000001, '{"title":"Größe, 障害, 🚨, é"}'),
    ("a body with a byte order mark", GITLAB_KEY, "msg_bom", 1700000002, "\ufeff{}"),
    ("a body with line ends of every kind", GITLAB_KEY, "msg_lines", 1700000003, "{\r\n\"a\": 1,\n\"b\": 2\r}\n"),
    ("a body with control characters", GITLAB_KEY, "msg_control", 1700000004, "".join(map(chr, range(32))) + "\x7f"),
    ("a body that is not JSON", GITLAB_KEY, "msg_form", 1700000005, "object_kind=issue&x=%00+"),
    ("a body of 64 KiB", GITLAB_KEY, "msg_large", 1700000006, ("0123456789abcdef" * 4096)),
    ("an id with dots", GITLAB_KEY, "msg.1700000000.x", 1700000007, ISSUE),
    ("a timestamp of the year 2100", GITLAB_KEY, "msg_late", 4102444800, ISSUE),
    ("a key of zeros", bytes(32), "msg_zero", 1700000008, ISSUE),
    ("a key whose base64 has plus and slash", bytes([0xFB, 0xFF] * 16), "msg_plus", 1700000009, ISSUE),
    ("a key of 24 bytes, the shortest of Standard Webhooks", bytes(range(24)), "msg_24", 1700000010, ISSUE),
    ("a key of 64 bytes, the longest of Standard Webhooks", bytes(range(64)), "msg_64", 1700000011, ISSUE),
]
NOT_UTF8 = ("a body that is not UTF-8", GITLAB_KEY, "msg_bytes", 1700000012, b'{"title":"\xff\xfe\x80\xc3("}')

NPM_SIGNER = """
const { Webhook } = require("standardwebhooks");
const { createHmac } = require("node:crypto");
const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const signatures = cases.map(({ token, id, timestamp, body, made_with }) => {
  const bytes = Buffer.from(body, "base64");
  if (made_with === "hmac") {
    const key = Buffer.from(token.slice("whsec_".length), "base64");
    return "v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(bytes).digest("base64");
  }
  return new Webhook(token).sign(id, new Date(timestamp * 1000), bytes.toString("utf8"));
});
process.stdout.write(JSON.stringify(signatures));
"""


def text_case(name, key, id, timestamp, body):
    token = "whsec_" + base64.b64encode(key).decode()
    at = datetime.datetime.fromtimestamp(timestamp, tz=datetime.timezone.utc)
    signature = Webhook(token).sign(id, at, body)
    return case(name, token, id, timestamp, body.encode(), signature, "standardwebhooks")


def bytes_case(name, key, id, timestamp, body):
    token = "whsec_" + base64.b64encode(key).decode()
    mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return case(name, token, id, timestamp, body, "v1," + base64.b64encode(mac).decode(), "hmac")


def case(name, token, id, timestamp, body, signature, made_with):
    return {
        "name": name,
        "token": token,
        "id": id,
        "timestamp": timestamp,
        "body": base64.b64encode(body).decode(),
        "signature": signature,
        "made_with": made_with,
    }


def signed_by_npm(cases, node_modules):
    done = subprocess.run(
        ["node", "-e", NPM_SIGNER], input=json.dumps(cases), capture_output=True, text=True, check=True,
        env={"NODE_PATH": node_modules, "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    return json.loads(done.stdout)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases = [text_case(*each) for each in CASES] + [bytes_case(*NOT_UTF8)]
    for made, signature in zip(cases, signed_by_npm(cases, sys.argv[1]), strict=True):
        if made["signature"] != signature:
            sys.exit(f"{made['name']}: {made['signature']} in Python, {signature} in Node")
    json.dump(cases, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
