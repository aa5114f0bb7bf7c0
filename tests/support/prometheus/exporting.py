"""What an exporter tells, by name and labels."""

from collections.abc import Mapping

import requests
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tasks import dependencies
from worker.metrics.collector import FleetCollector

Series = dict[str, float]
"""By `name{label="value",...}`, labels in the order of their names."""


def told() -> Series:
    """Return what an exporter of this process tells."""
    registry = CollectorRegistry()
    registry.register(FleetCollector(dependencies.current()))
    return read(generate_latest(registry).decode())


def scraped(port: int) -> Series:
    """Return what is served on a port of this machine."""
    return read(page(port))


def page(port: int) -> str:
    """Return the text itself."""
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    answer.raise_for_status()
    return answer.text


def read(text: str) -> Series:
    """Read the text that Prometheus would."""
    families = text_string_to_metric_families(text)
    return {series(one.name, one.labels): one.value for family in families for one in family.samples}


def series(name: str, labels: Mapping[str, str]) -> str:
    """Name a series."""
    pairs = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}"


def only_growing(seen: Series) -> Series:
    """Return counters and histograms: what may never sink."""
    ends = ("_total", "_bucket", "_sum", "_count")
    return {name: value for name, value in seen.items() if name.partition("{")[0].endswith(ends)}
