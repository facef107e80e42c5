"""Server cannot be reached.

The last attempt to connect or to run a statement failed. All other findings of
this server keep their last state: nothing can be said about them.

How to look: the page's target row shows the error; try the same connection with
psql from the daemon's host. How to fix: start the server, free a connection slot,
repair the network or the password. How to silence: mute the finding with an end.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.model.finding import Evidence, Finding, ObjectRef, Severity

CHECK = "target_down"
TITLE = "Server cannot be reached"


def unreachable(
    target: str, *, error: str, since: datetime | None, now: datetime
) -> Finding:
    """Return the finding for a target that is down; `error` is the last one."""
    down_for = now - since if since else timedelta(0)
    evidence = (
        Evidence("last error", error),
        Evidence("unreachable for", down_for.total_seconds(), "seconds"),
    )
    return Finding(
        check=CHECK,
        title=TITLE,
        target=target,
        severity=Severity.CRITICAL,
        object=ObjectRef("server"),
        summary=f"server {target} cannot be reached: {error}",
        evidence=evidence,
    )
