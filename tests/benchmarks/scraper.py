"""Scrapes a metrics page as Prometheus does; prints milliseconds as JSON.

Run as a process of its own (`python -m tests.benchmarks.scraper PORT SECONDS
INTERVAL`), so that several do not share an interpreter.
"""

from __future__ import annotations

import http.client
import json
import sys
import time

HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    "Accept-Encoding": "gzip",
}


def scrape(port: int, *, seconds: float, interval: float) -> list[float]:
    """Return how long each scrape took, until the last byte of its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken: list[float] = []
    end = time.monotonic() + seconds
    while (started := time.monotonic()) < end:
        connection.request("GET", "/metrics", headers=HEADERS)
        response = connection.getresponse()
        response.read()
        assert response.status == http.HTTPStatus.OK, response.status
        taken.append((time.monotonic() - started) * 1000)
        time.sleep(max(0.0, started + interval - time.monotonic()))
    return taken


if __name__ == "__main__":
    port, seconds, interval = sys.argv[1:4]
    found = scrape(int(port), seconds=float(seconds), interval=float(interval))
    sys.stdout.write(json.dumps(found))
