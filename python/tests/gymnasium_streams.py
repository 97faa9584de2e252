# Prints the steps of Gymnasium's own vector environment.
"""For Tests/EnvironmentsTests/GymnasiumStreamTests.swift.

Arguments: id, ticks, then a seed for each environment. Environment i takes action (tick + i) mod n. A line is a row:
observation as hex floats, reward, flags."""

import sys

import gymnasium
import numpy

identifier, ticks, seeds = sys.argv[1], int(sys.argv[2]), [int(seed) for seed in sys.argv[3:]]
vector = gymnasium.make_vec(
    identifier,
    len(seeds),
    vectorization_mode="sync",
    vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP},
)
actions = int(vector.single_action_space.n)


def show(observations, rewards, flags):
    for observation, reward, flag in zip(observations, rewards, flags):
        numbers = [float(value).hex() for value in numpy.asarray(observation, numpy.float32).ravel()]
        print(",".join(numbers), float(numpy.float32(reward)).hex(), int(flag))


observations, _ = vector.reset(seed=seeds)
show(observations, [0] * len(seeds), [1] * len(seeds))
ended = numpy.zeros(len(seeds), bool)
for tick in range(ticks):
    taken = numpy.array([(tick + index) % actions for index in range(len(seeds))])
    observations, rewards, terminated, truncated, _ = vector.step(taken)
    flags = numpy.where(ended, 1, numpy.where(terminated, 6, numpy.where(truncated, 2, 0)))
    show(observations, rewards, flags)
    ended = (terminated | truncated) & ~ended
