"""What promtool says of metrics."""

import os
import subprocess

# Names that redis_exporter has given, so that what is made for it fits. Each with promtool's complaint.
LISTED = {"redis_instantaneous_ops_per_sec metric names should not contain abbreviated units"}


def complaints(text):
    """Lines of `promtool check metrics` on Prometheus text; of text that it cannot read, the error."""
    command = [os.environ["PROMTOOL"], "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    lines = {line for line in done.stderr.splitlines() if line}
    if done.returncode and not lines:
        lines = {f"promtool ends with {done.returncode}"}
    return lines
