"""Solves CartPole-v1 with Stable-Baselines3's A2C, or compares that with `rookery run`.

    python a2c_sb3.py --seed 1                                # solves once; prints seconds without evaluations
    python a2c_sb3.py --compare "rookery run CONFIG" --runs 10  # both in turn, seeds 1 to 10; medians and their ratio

Both end when the mean of 20 greedy episodes reaches 475. A2C has the settings of RL Baselines3 Zoo for CartPole-v1
(8 environments, the defaults otherwise) and is asked every 2500 steps. Its time is that of the program from its start,
imports included, less that of its evaluations. Rookery's time is the whole command: the start of its processes,
evaluations, the confirmation by 100 fresh episodes, and the end.
"""

import argparse
import shlex
import statistics
import subprocess
import sys
import time

TIME_STEPS_MAX = 2_000_000


def solve(seed):
    """Prints the seconds of training, or `nan` if it is not solved."""
    from stable_baselines3 import A2C
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy

    class Solved(BaseCallback):
        solved, evaluating, next_at = False, 0.0, 2500

        def _on_step(self):
            if self.num_timesteps < self.next_at:
                return True
            self.next_at += 2500
            started = time.monotonic()
            mean, _ = evaluate_policy(self.model, games, n_eval_episodes=20, deterministic=True)
            self.evaluating += time.monotonic() - started
            self.solved = mean >= 475
            return not self.solved

    games = make_vec_env("CartPole-v1", n_envs=8, seed=1000 + seed)
    model = A2C("MlpPolicy", make_vec_env("CartPole-v1", n_envs=8, seed=seed), ent_coef=0.0, seed=seed, device="cpu")
    callback = Solved()
    model.learn(TIME_STEPS_MAX, callback=callback)
    print(callback.evaluating if callback.solved else "nan")


def run(command):
    started = time.monotonic()
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return ended, time.monotonic() - started


def compare(command, runs):
    ours, theirs = [], []
    for seed in range(1, runs + 1):
        ended, seconds = run([*shlex.split(command), "--seed", str(seed), "--json"])
        if '"solved":true' not in ended.stdout:
            sys.exit(f"rookery did not solve it with seed {seed}: {ended.stdout[-500:]}")
        ours.append(seconds)
        ended, seconds = run([sys.executable, __file__, "--seed", str(seed)])
        if ended.returncode != 0:
            sys.exit(f"A2C failed with seed {seed}")
        evaluating = float(ended.stdout.split()[-1])
        # One that is not solved counts as slower than all.
        theirs.append(seconds - evaluating if evaluating == evaluating else float("inf"))
        print(f"seed {seed}: rookery {ours[-1]:.2f} s, A2C {theirs[-1]:.2f} s", flush=True)
    ours_median, theirs_median = statistics.median(ours), statistics.median(theirs)
    print(f"medians of {runs}: rookery {ours_median:.2f} s, A2C {theirs_median:.2f} s: {ours_median / theirs_median:.2f} ×")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compare", help="a command of rookery that solves CartPole")
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.compare:
        compare(arguments.compare, arguments.runs)
    else:
        solve(arguments.seed)
