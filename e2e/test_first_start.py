"""A first start that goes wrong: killed early, or with a port that is taken. The directory stays as good as new."""

import socket
import time

from conftest import BINARY, run_to_end

KILLS = 20


def test_a_first_start_killed_at_any_early_moment_spoils_nothing(demo, blotter, tmp_path):
    simulated = ["--simulate", "2000"]
    for number in range(KILLS):
        folder = tmp_path / str(number)
        first = blotter("demo", "--listen", "127.0.0.1:0", "--dir", folder, *simulated)
        # The moment is what is tried: from the very first on, most of them before anything is loaded.
        time.sleep(0.03 * number)
        first.kill()
        again = demo(*simulated, dir=folder)
        assert again.wait_until_caught_up()["incidents"]["total"] == 2000, number
        again.stop()


def test_a_port_that_is_taken_is_noticed_before_anything_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder = tmp_path / "city"
        done = run_to_end(BINARY, "demo", "--simulate", "100", "--listen", f"127.0.0.1:{port}", "--dir", folder, code=1)
    assert f"127.0.0.1:{port}" in done.stdout + done.stderr and "--listen" in done.stdout + done.stderr
    assert not folder.exists()
