"""Reads a run's event files with TensorBoard itself: they must equal evaluations.jsonl and metrics.jsonl.

Usage: test_tensorboard.py RUN_FOLDER SESSIONS
"""

import json
import pathlib
import sys
import unittest

from tensorboard.backend.event_processing import event_file_loader
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

FOLDER = pathlib.Path(sys.argv[1])
SESSIONS = int(sys.argv[2])


def lines(name):
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


class EventFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.events = EventAccumulator(str(FOLDER), size_guidance={"scalars": 0})
        cls.events.Reload()

    def points(self, tag):
        return [(event.step, event.value) for event in self.events.Scalars(tag)]

    def check(self, tag, objects, key):
        expected = [(int(line["envSteps"]), line[key]) for line in objects]
        found = self.points(tag)
        self.assertEqual([step for step, _ in found], [step for step, _ in expected], tag)
        for (_, left), (_, right) in zip(found, expected):
            self.assertAlmostEqual(left, right, delta=1e-5 * max(1, abs(right)), msg=tag)

    def test_evaluations(self):
        regular = [line for line in lines("evaluations.jsonl") if line["kind"] == "regular"]
        self.assertGreater(len(regular), 0)
        self.check("eval/mean_return", regular, "meanReturn")
        self.check("eval/min_return", regular, "minReturn")
        self.check("eval/max_return", regular, "maxReturn")

    def test_samples(self):
        metrics = lines("metrics.jsonl")
        self.check("rate/env_steps_per_second", metrics, "envStepsPerSecond")
        self.check("rate/updates_per_second", metrics, "updatesPerSecond")
        self.check("replay/steps", metrics, "replaySteps")
        self.check("staleness/versions", metrics, "stalenessVersions")
        self.check("learner/updates", metrics, "updates")
        self.assertGreater(len(self.points("learner/loss")), 0)
        self.assertGreater(len(self.points("learner/learning_rate")), 0)
        self.assertGreater(len(self.points("actor/epsilon")), 0)
        self.assertGreater(len(self.points("learner/mean_q")), 0)

    def test_a_file_for_each_session(self):
        files = sorted(FOLDER.glob("events.out.tfevents.*.rookery"))
        self.assertEqual(len(files), SESSIONS)
        for path in files:
            first = next(iter(event_file_loader.EventFileLoader(str(path)).Load()))
            self.assertEqual(first.file_version, "brain.Event:2")
            self.assertGreater(first.wall_time, 1.7e9)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
