"""The running daemon: schedules, target loops, discovery, state, supervision."""
