# Checks a /metrics page of hostile telemetry with Prometheus' own parser.
"""Needs prometheus_client; ROOKERY_METRICS_SAMPLE is the file (Tests/ServicesTests/Site/MetricsPageTests.swift writes it and
runs this). Runs as a script and under pytest.
"""

import math
import os
import re
import sys

from prometheus_client.parser import text_string_to_metric_families

SAMPLE = os.environ.get("ROOKERY_METRICS_SAMPLE")


def read(text):
    """All samples by name and labels; refuses what the parser accepts but Prometheus does not."""
    samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        assert family.type in ("counter", "gauge"), (family.name, family.type)
        for sample in family.samples:
            assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", sample.name), sample.name
            assert (family.type == "counter") == sample.name.endswith("_total"), (sample.name, family.type)
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, key
            samples[key] = sample.value
    families = re.findall(r"^# TYPE (\S+)", text, re.M)
    assert len(families) == len(set(families)), "a family twice"
    return samples


def test_reads_what_swift_wrote():
    if SAMPLE is None:
        print("skipped: ROOKERY_METRICS_SAMPLE is not set")
        return
    with open(SAMPLE, newline="") as file:
        samples = read(file.read())

    def value(name, **labels):
        found = [v for (n, l), v in samples.items() if n == name and labels.items() <= dict(l).items()]
        assert len(found) == 1, (name, labels, found)
        return found[0]

    assert value("rookery_run_info", run='na"me\n', environment="E\\v0", algorithm="dqn") == 1
    assert value("rookery_run_weights_version") == 12
    assert value("rookery_run_updates_total") == 300
    assert value("rookery_run_env_steps_total") == 6
    assert value("rookery_run_return_mean") == 480
    assert value("rookery_run_return_threshold") == -110
    assert value("rookery_run_healthy") == 0
    assert value("rookery_process_up", process="actor-1", service="actor") == 1
    assert value("rookery_process_up", process="silent") == 0
    assert value("rookery_process_report_age_seconds", process="silent") == 5
    assert value("rookery_actor_env_steps_total", process="actor-1") == 5
    assert value("rookery_process_cpu_seconds_total", process="actor-1", service="actor") == 0.5
    assert value("rookery_process_resident_bytes", process="actor-1") == 1e7
    assert math.isclose(value("rookery_actor_update_to_action_p99_seconds", process="actor-1"), 0.05)
    hostile = 'q"u\\o\nte é \x01{}=,'
    assert math.isnan(value("rookery_actor_env_steps_total", process=hostile))
    assert value("rookery_actor_x", process=hostile) == math.inf
    assert value("rookery_actor_y", process=hostile) == -math.inf
    assert value("rookery_actor_a_b", process="twice") == 1
    # No other process counts as the run's, and none is counted twice.
    assert not [key for key in samples if key[0].startswith("rookery_run_") and ("process", "liar") in key[1]]
    assert value("rookery_metrics_dropped") >= 6
    print(f"metrics: {len(samples)} samples read by prometheus_client")


if __name__ == "__main__":
    test_reads_what_swift_wrote()
    sys.exit(0)
