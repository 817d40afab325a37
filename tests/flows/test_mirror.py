"""`reelhouse mirror`: programs use it, pages in a browser do not."""

import http.client
from urllib.parse import urlsplit

from flows.demo import mirror_process


def test_the_mirror_refuses_pages_of_others_and_foreign_names() -> None:
    with mirror_process(movies=50, seed=7, day=0) as env:
        address = urlsplit(env["REELHOUSE_TMDB_URL"])

        def status(method: str, path: str, **headers: str) -> int:
            connection = http.client.HTTPConnection(str(address.hostname), address.port)
            try:
                connection.request(method, path, headers=headers)
                return connection.getresponse().status
            finally:
                connection.close()

        for path in ("/_mirror/log", "/imdb/title.ratings.tsv.gz"):
            assert status("GET", path) == 200
            assert status("GET", path, host="page.example") == 403
            assert status("GET", path, origin="http://page.example") == 403
        forged = {"origin": "http://page.example", "content-type": "text/plain"}
        assert status("POST", "/_mirror/advance?days=1", **forged) == 403
        assert status("POST", "/_mirror/advance?days=1") == 200
