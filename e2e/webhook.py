"""A webhook that takes alerts, and not at once."""

import http.server
import json
import threading


class Receiver:
    """Takes alerts: path, idempotency key and body. Refuses every seventh request, and says nothing to every eleventh."""

    def __init__(self):
        self.taken: list[tuple[str, str, dict]] = []
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests += 1
                if outer.requests % 11 == 0:
                    self.close_connection = True
                    return
                code = 503 if outer.requests % 7 == 0 else 200
                if code == 200:
                    outer.taken.append((self.path, self.headers["Idempotency-Key"], json.loads(body)))
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
