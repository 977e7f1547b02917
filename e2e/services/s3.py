"""An S3 server: versitygw over a directory. It decides conditional puts under a lock for each object, and an object
appears as a whole, by a link: of many concurrent writers one wins, and what was acknowledged survives its death."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from .service import CACHE, Service, answers, cached, free_ports, need, run

VERSION = "v1.8.0"
HOME = f"versitygw-{VERSION}"
BUCKET = "blotter"
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

    def __init__(self, directory: Path):
        super().__init__(directory)
        (self.port,) = free_ports(1)
        self.data, self.attributes = directory / "data", directory / "attributes"
        # A folder of the root is a bucket.
        (self.data / BUCKET).mkdir(parents=True, exist_ok=True)
        self.attributes.mkdir(exist_ok=True)

    def variables(self) -> dict[str, str]:
        return {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}

    def command(self) -> list[str | Path]:
        beside = [] if has_attributes(self.data) else ["--sidecar", self.attributes]
        return [CACHE / HOME / "versitygw", "--port", f"127.0.0.1:{self.port}", "--health", "/health", "--quiet", "posix", *beside, self.data]

    def is_ready(self) -> bool:
        if not answers(self.port):
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        return {
            "BLOTTER_TEST_S3": f"s3://{BUCKET}",
            "BLOTTER_TEST_S3_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "BLOTTER_TEST_S3_ACCESS_KEY_ID": ACCESS_KEY,
            "BLOTTER_TEST_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }
