"""An S3 server: versitygw over a directory, built from the Go module proxy.

Why this one. It must hold S3's conditional writes (`If-None-Match: *`, `If-Match: <etag>`) against each other and not
only against what is there already: versitygw decides and publishes under one lock per object, and `s3_check.py` beside
this file shows that of concurrent conditional puts exactly one wins and that what was acknowledged is there after a
kill -9. From an empty cache it is built in 80 s on two cores. SeaweedFS comes first by rights and is refused by the
module proxy; MinIO is there only as a snapshot without a release.

What it does not promise: it does not sync, so that a power failure may lose what a kill does not; and a key cannot be
both an object and the folder of another (`a` and `a/b`), for both are names in its directory.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from .service import CACHE, Service, answers, cached, free_ports, need, run

VERSION = "v1.8.0"
HOME = f"versitygw-{VERSION}"
BUCKET = "blotter"
REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "blotter-test-key", "blotter-test-secret"


def has_attributes(directory: Path) -> bool:
    """Whether files there have extended attributes, in which the server keeps what an object is beside its bytes."""
    try:
        os.setxattr(directory, "user.blotter", b"x")
    except OSError:
        return False
    return True


class S3(Service):
    name = "s3"

    @classmethod
    def provision(cls) -> None:
        with cached(HOME) as place:
            if place:
                go = need("go", "golang-go")
                run(go, "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSION}", env=os.environ | {"GOBIN": str(place), "CGO_ENABLED": "0"})

    def __init__(self, directory: Path, address: tuple[str, int] | None = None):
        """`address`: where it listens instead, in a network of a test's own."""
        super().__init__(directory)
        self.host, self.port = address or ("127.0.0.1", free_ports(1)[0])
        self.data, self.attributes = directory / "data", directory / "attributes"
        # A folder of the root is a bucket.
        (self.data / BUCKET).mkdir(parents=True, exist_ok=True)
        self.attributes.mkdir(exist_ok=True)

    def variables(self) -> dict[str, str]:
        return {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}

    def command(self) -> list[str | Path]:
        beside = [] if has_attributes(self.data) else ["--sidecar", self.attributes]
        return [CACHE / HOME / "versitygw", "--port", f"{self.host}:{self.port}", "--health", "/health", "--quiet", "--keep-alive", "posix", *beside, self.data]

    def is_ready(self) -> bool:
        if not answers(self.port, self.host):
            return False
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.port}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        return {
            "BLOTTER_TEST_S3_URL": f"s3://{BUCKET}",
            "BLOTTER_TEST_S3_ENDPOINT": f"http://{self.host}:{self.port}",
            "BLOTTER_TEST_S3_ACCESS_KEY_ID": ACCESS_KEY,
            "BLOTTER_TEST_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One signed request (AWS signature 4): status, headers in lower case, body."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        payload = hashlib.sha256(body).hexdigest()
        signed = {"host": f"{self.host}:{self.port}", "x-amz-content-sha256": payload, "x-amz-date": stamp}
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        canonical = "\n".join((method, quote(path), "", lines, names, payload))
        scope = f"{day}/{REGION}/s3/aws4_request"
        to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        key = f"AWS4{SECRET_KEY}".encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        authorization = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, quote(path), body, signed | (headers or {}) | {"authorization": authorization})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()
