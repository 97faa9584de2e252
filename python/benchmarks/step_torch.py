"""The cases of `rookery bench step` in PyTorch eager mode, on one thread.

    python step_torch.py                                          # JSON: case -> microseconds (median)
    python step_torch.py --interleave "rookery bench step --json"  # rounds of both in turn, and their ratios

A step is online(s') + target(s') + online(s) + weighted Huber loss + backward + clipping + Adam, the double DQN
update. PyTorch is given its fastest eager form: fused Adam, no gradients where none are needed, and for the
convolutions the faster of the contiguous and the channels-last memory format. A ratio above 1 is in Rookery's favour.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import time

import torch
from torch import nn


def mlp(width):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))


class Nature(nn.Module):
    def __init__(self, channels_last):
        super().__init__()
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.layers = nn.Sequential(
            nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 6),
        )
        self.to(memory_format=self.format)

    def forward(self, x):
        return self.layers(x.to(torch.float32, memory_format=self.format).mul_(1 / 255))


def median_us(body, budget_s):
    """The median over rounds of the mean time of a call, after a warm-up."""
    for _ in range(3):
        body()
    start = time.perf_counter()
    body()
    once = max(1e-6, time.perf_counter() - start)
    repetitions = max(1, int(0.005 / once))
    rounds = max(7, min(40, int(budget_s / (once * repetitions))))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repetitions):
            body()
        times.append((time.perf_counter() - start) / repetitions * 1e6)
    return statistics.median(times)


def step_us(make, observation, next_observation, actions, budget_s):
    count = observation.shape[0]
    online, target = make(), make()
    target.load_state_dict(online.state_dict())
    parameters = list(online.parameters())
    optimizer = torch.optim.Adam(parameters, lr=5e-4, fused=True)
    action = torch.randint(0, actions, (count, 1))
    reward, weight = torch.rand(count), 0.5 + 0.5 * torch.rand(count)
    discount = torch.where(torch.rand(count) < 0.05, 0.0, 0.97)

    def body():
        with torch.inference_mode():
            best = online(next_observation).argmax(1, keepdim=True)
            returns = reward + discount * target(next_observation).gather(1, best).squeeze(1)
        # A clone, as tensors of inference mode cannot be saved for backward.
        q = online(observation).gather(1, action).squeeze(1)
        loss = (weight * nn.functional.huber_loss(q, returns.clone(), reduction="none")).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()

    return median_us(body, budget_s)


def forward_us(network, observation, budget_s):
    def body():
        with torch.inference_mode():
            network(observation)

    return median_us(body, budget_s)


def measure(budget_s):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    results = {}
    for width, count in [(256, 64), (256, 512), (64, 64)]:
        observations = torch.rand(2, count, 4) * 2 - 1
        results[f"step 4-{width}-{width}-2 batch {count}"] = step_us(lambda: mlp(width), *observations, 2, budget_s)
    frames = torch.randint(0, 256, (2, 32, 4, 84, 84), dtype=torch.uint8)
    results["step nature 84x84x4 batch 32"] = min(
        step_us(lambda: Nature(channels_last), *frames, 6, budget_s) for channels_last in (False, True)
    )
    for count in [1, 16, 64, 256]:
        observations = torch.rand(count, 4) * 2 - 1
        results[f"forward 4-64-64-2 batch {count}"] = forward_us(mlp(64), observations, budget_s)
    return results


def interleave(command, rounds, budget_s):
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(json.loads(subprocess.run(shlex.split(command), check=True, capture_output=True).stdout))
        theirs.append(measure(budget_s))
    report = {}
    for case in theirs[0]:
        rookery = statistics.median(one[case] for one in ours)
        pytorch = statistics.median(one[case] for one in theirs)
        ratio = round(pytorch / rookery, 2)
        report[case] = {"rookery_us": round(rookery, 3), "pytorch_us": round(pytorch, 3), "ratio": ratio}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interleave", metavar="COMMAND", help="a command that prints Rookery's JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=0.5, help="seconds a case and round")
    arguments = parser.parse_args()
    if arguments.interleave:
        report = interleave(arguments.interleave, arguments.rounds, arguments.budget)
    else:
        report = measure(arguments.budget)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
