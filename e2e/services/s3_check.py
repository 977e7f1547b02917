"""Shows that the S3 server keeps what the store relies on: conditional puts that hold against concurrent ones, and
acknowledged objects that survive a kill -9 and a start on the same directory.

    python3 e2e/services/s3_check.py
"""

from __future__ import annotations

import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from services.s3 import BUCKET, S3  # noqa: E402

CLIENTS = 16
ROUNDS = 150


def of_many_one_wins(server: S3) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number in range(ROUNDS):
            key = f"/{BUCKET}/race/{number % 7}/{number}"
            condition = {"if-none-match": "*"}
            for stage in range(3):  # made once, then replaced twice
                together = threading.Barrier(CLIENTS)

                def put(client: int) -> int:
                    together.wait()
                    # Never the same bytes twice: an ETag is their hash, and so would not have changed.
                    return server.request("PUT", key, f"{client} {stage} ".encode() * (1 + client * 1000), condition)[0]

                statuses = list(pool.map(put, range(CLIENTS)))
                winners = [client for client, status in enumerate(statuses) if status == 200]
                assert len(winners) == 1 and set(statuses) <= {200, 409, 412}, f"{key} {condition}: {statuses}"
                status, headers, body = server.request("GET", key)
                assert status == 200 and body.split()[0] == str(winners[0]).encode(), f"{key}: not the winner's bytes"
                condition = {"if-match": headers["etag"]}


def acknowledged_survives(server: S3) -> int:
    acknowledged: dict[str, bytes] = {}
    for kill in range(3):
        stop = threading.Event()

        def write(client: int, kill: int = kill, stop: threading.Event = stop) -> None:
            number = 0
            while not stop.is_set():
                key, body = f"/{BUCKET}/kill/{client}/{kill}-{number}", f"{client}/{number} ".encode() * 5000
                try:
                    if server.request("PUT", key, body, {"if-none-match": "*"})[0] == 200:
                        acknowledged[key] = body
                except OSError:
                    return
                number += 1

        writers = [threading.Thread(target=write, args=(client,)) for client in range(4)]
        for writer in writers:
            writer.start()
        stop.wait(1.5)
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
        server.start()
        for key, body in acknowledged.items():
            status, _, found = server.request("GET", key)
            assert status == 200 and found == body, f"{key}: {status}, {len(found)} of {len(body)} bytes"
    return len(acknowledged)


def main() -> None:
    S3.provision()
    with tempfile.TemporaryDirectory(prefix="blotter-s3-") as directory:
        server = S3(Path(directory))
        server.start()
        try:
            of_many_one_wins(server)
            print(f"{ROUNDS * 3} races of {CLIENTS} conditional puts: one winner each, and its bytes")
            print(f"{acknowledged_survives(server)} acknowledged objects are there after three kills")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
