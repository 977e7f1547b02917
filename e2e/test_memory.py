"""What one question may cost in memory, asked of the whole city before anything else is."""

import json

from test_overload import memory_mib


def test_a_question_that_needs_too_much_memory_is_refused_with_the_remedy(whole_city):
    server = whole_city
    weeks = len(server.json("/api/v1/series", by="none", bucket="week")["buckets"])
    # One more, for incidents without a place.
    cells = len(server.json("/api/v1/cells", resolution=11)["cells"]) + 1
    before = memory_mib(server)
    status, _, body = server.get("/api/v1/emerging", step="week", resolution=11)
    problem = json.loads(body)
    assert (status, problem["parameter"]) == (400, "resolution")
    assert problem["detail"] == (
        f"{weeks * cells} counts are more than the {1 << 24} that one question may look at: "
        "choose a coarser resolution, longer steps or a shorter period"
    )
    assert memory_mib(server) - before < 400
