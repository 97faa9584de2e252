# Environments for the tests of the bridge.
"""Environments that misbehave, for tests. `when` is the step at which they do."""

import os
import signal
import time

import gymnasium
import numpy


class Trouble(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(3, start=5)
    observation_space = gymnasium.spaces.Box(-10, 10, (3,), numpy.float64)

    made = 0

    def __init__(self, kind="none", when=10, marker=None):
        self.kind, self.when, self.marker = kind, when, marker
        Trouble.made += 1
        self.number = Trouble.made
        self.steps = 0
        if kind == "setup":
            raise RuntimeError("cannot be made")

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.length = 0
        return self.np_random.random(3), {}

    def happens(self):
        """Once if there is a marker file to remember it by, else each time."""
        self.steps += 1
        if self.steps != self.when:
            return False
        try:
            if self.marker:
                os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def step(self, action):
        assert 5 <= action < 8, action
        if self.steps == 0:
            print("an environment may print")
        reward = 1.0
        if self.happens():
            if self.kind == "raise" or self.kind == "second" and self.number == 2:
                raise ValueError("the sky fell")
            if self.kind == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.kind == "hang":
                time.sleep(3600)
            if self.kind == "nan":
                reward = float("nan")
        if self.kind == "slow":
            time.sleep(0.1)
        self.length += 1
        if self.kind == "scalar":
            return 0.5, reward, False, False, {}
        return self.np_random.random(3), reward, self.length == 7, self.length == 5 and action == 5, {}


class Frames(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(0, 255, (6, 5, 3), numpy.uint8)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 25}

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def frame(self):
        # 100·channel + 10·row + column: planes are told apart by their values.
        y, x, c = numpy.indices((6, 5, 3))
        return (100 * c + 10 * y + x).astype(numpy.uint8)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return self.frame(), {}

    def step(self, action):
        return self.frame(), 0.0, False, False, {}

    def render(self):
        return self.frame().repeat(4, 0).repeat(4, 1)


class Continuous(gymnasium.Env):
    action_space = gymnasium.spaces.Box(-1, 1, (2,), numpy.float32)
    observation_space = gymnasium.spaces.Box(-1, 1, (2,), numpy.float32)


class Mapping(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)})


def needy(**arguments):
    raise gymnasium.error.DependencyNotInstalled('no such engine; run `pip install "gymnasium[engine]"`')


gymnasium.register("Trouble-v0", entry_point=Trouble, max_episode_steps=6)
gymnasium.register("Frames-v0", entry_point=Frames)
gymnasium.register("Continuous-v0", entry_point=Continuous)
gymnasium.register("Mapping-v0", entry_point=Mapping)
gymnasium.register("Needy-v0", entry_point=needy)
