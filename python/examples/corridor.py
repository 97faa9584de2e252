# A complete environment of your own: docs/GYMNASIUM.md shows how to train on it.
"""Walk to the end of a corridor. Its id for `rookery run` is corridor:Corridor-v0."""

import gymnasium
import numpy


class Corridor(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 1, (2,), numpy.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length=10):
        self.length = length

    def observe(self):
        return numpy.array([self.position / self.length, 1], numpy.float32)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.position = int(self.np_random.integers(self.length // 2))
        return self.observe(), {}

    def step(self, action):
        self.position = max(0, self.position + (1 if action == 1 else -1))
        there = self.position == self.length
        return self.observe(), 1.0 if there else -0.1, there, False, {}


gymnasium.register("Corridor-v0", entry_point=Corridor, max_episode_steps=50)
