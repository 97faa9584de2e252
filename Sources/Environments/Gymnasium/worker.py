# The Python side of a Gymnasium worker process; GymnasiumWorker.swift is the other side.
"""Steps Gymnasium environments for an actor or an evaluator.

Descriptor 0 is a SOCK_SEQPACKET socket. It delivers a JSON object with the setup, then commands of two bytes (command, half).
The answer to a completed command is the same two bytes. An answer that starts with R describes the environments, one that
starts with E a failure. Descriptor 1 is shared memory: seeds, actions, rewards, flags and observations, each a column over
all environments. This process writes only the rows of its own slices. It needs gymnasium and numpy, and Pillow to render."""

import ctypes
import json
import mmap
import os
import signal
import sys
import traceback

RESET, STEP, CLOSE = 0, 1, 2
FIRST, LAST, TERMINAL = 1, 2, 4
FRAMES_MAX = 5000


class Refusal(Exception):
    """The setup cannot be used; `kind` is a raw value of EnvironmentFailure.Kind."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def end_with(parent):
    """Lets the kernel kill this process when the one that started it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(0)


def gymnasium_module():
    try:
        import gymnasium
        import numpy  # noqa: F401
    except ImportError as error:
        if error.name not in ("gymnasium", "numpy"):
            raise
        raise Refusal(
            "simulator",
            f"Python lacks the package '{error.name}'; install it: {sys.executable} -m pip install 'gymnasium>=1.0'",
        )
    version = gymnasium.__version__
    if int(version.split(".")[0]) < 1:
        raise Refusal(
            "simulator",
            f"Gymnasium {version}, but 1.0 or newer is needed; install it: {sys.executable} -m pip install 'gymnasium>=1.0'",
        )
    return gymnasium


def make(gymnasium, config, renders):
    """Makes one environment, or raises a Refusal that says what to do."""
    arguments = dict(config["arguments"])
    if renders:
        arguments["render_mode"] = "rgb_array"
    try:
        # Gymnasium's checker only warns, and does so at each step. `Slice` checks the shapes instead.
        return gymnasium.make(config["id"], disable_env_checker=True, **arguments)
    except gymnasium.error.DependencyNotInstalled as error:
        raise Refusal("environment", f"a package that the environment needs is not installed: {error}")
    except gymnasium.error.Error as error:
        kind = "environment" if isinstance(error, (gymnasium.error.UnregisteredEnv, gymnasium.error.DeprecatedEnv)) else "raised"
        raise Refusal(kind, str(error))
    except ModuleNotFoundError as error:
        module = config["id"].partition(":")[0] if ":" in config["id"] else None
        # Gymnasium wraps the error of its own import.
        missing = error.name or getattr(error.__cause__, "name", None)
        if missing == module:
            raise Refusal("environment", f"no Python module '{module}' in {os.getcwd()} or on PYTHONPATH")
        raise Refusal(
            "environment",
            f"Python lacks the module '{missing}', which the environment imports; install the package that has it: "
            f"{sys.executable} -m pip install …",
        )
    except TypeError as error:
        if arguments and "argument" in str(error):
            raise Refusal("arguments", f"arguments that the environment does not accept: {error}")
        raise


def described(gymnasium, environment):
    """The facts about an environment that Rookery needs; refuses spaces that it cannot use."""
    actions, observations = environment.action_space, environment.observation_space
    if not isinstance(actions, gymnasium.spaces.Discrete):
        raise Refusal(
            "space",
            f"the action space {actions}, but a Discrete one is needed: register a wrapper that maps numbers from 0 to actions "
            "(docs/GYMNASIUM.md)",
        )
    if not isinstance(observations, gymnasium.spaces.Box):
        raise Refusal(
            "space",
            f"the observation space {observations}, but a Box is needed: register a wrapped environment, for example with "
            "gymnasium.wrappers.FlattenObservation (docs/GYMNASIUM.md)",
        )
    shape = list(observations.shape) or [1]
    bytes_ = observations.dtype == "uint8" and len(shape) >= 2
    # Frames of height, width, channels become planes for convolutions.
    frames = bytes_ and len(shape) == 3 and shape[2] < min(shape[0], shape[1])
    spec = environment.spec
    return {
        "shape": [shape[2], shape[0], shape[1]] if frames else shape,
        "type": "uint8" if bytes_ else "float32",
        "actions": int(actions.n),
        "frames": frames,
        "start": int(actions.start),
        "steps_max": getattr(spec, "max_episode_steps", None),
        "threshold": getattr(spec, "reward_threshold", None),
    }


class Film:
    """Frames of one environment, compressed until they are written as a GIF."""

    def __init__(self, path, environment):
        try:
            from PIL import Image
        except ImportError:
            raise Refusal("simulator", f"Python lacks Pillow; install it to render: {sys.executable} -m pip install pillow")
        import zlib

        self.image, self.zlib = Image, zlib
        self.path, self.environment = path, environment
        self.frames, self.dropped = [], 0
        self.duration_ms = max(20, round(1000 / (environment.metadata.get("render_fps") or 30)))

    def record(self):
        if len(self.frames) == FRAMES_MAX:
            self.dropped += 1
            return
        frame = self.image.fromarray(self.environment.render()).quantize(128)
        self.frames.append((frame.size, frame.getpalette(), self.zlib.compress(frame.tobytes(), 1)))

    def restored(self, frame):
        size, palette, data = frame
        image = self.image.frombytes("P", size, self.zlib.decompress(data))
        image.putpalette(palette)
        return image

    def write(self):
        if self.dropped:
            print(f"{self.path}: has only the first {FRAMES_MAX} frames; left out {self.dropped} more", file=sys.stderr)
        if not self.frames:
            return
        rest = (self.restored(frame) for frame in self.frames[1:])
        self.restored(self.frames[0]).save(
            self.path, format="GIF", save_all=True, append_images=rest, duration=self.duration_ms, loop=0
        )


def innermost(environment):
    """The step function inside gymnasium.make's two standard wrappers, and their time limit in steps; 0 for no limit. The
    wrappers take a tenth of a small environment's step. Other wrappers are kept."""
    from gymnasium.wrappers import OrderEnforcing, TimeLimit

    limited = type(environment) is TimeLimit
    ordered = environment.env if limited else environment
    if type(ordered) is not OrderEnforcing:
        return environment.step, 0
    return ordered.env.step, environment._max_episode_steps if limited else 0


class Slice:
    """The environments `first` ..< `last` of the pool, which are stepped together."""

    def __init__(self, environments, memory, first, last, config, facts, film):
        import numpy

        self.environments, self.film, self.start = environments, film, facts["start"]
        columns, shape = config["columns"], config["shape"]
        count = last - first
        view = memoryview(memory)

        def column(name, size, code):
            at = columns[name] + first * size
            return view[at : at + count * size].cast(code)

        self.seeds = column("seeds", 8, "Q")
        self.actions = column("actions", 4, "i")
        self.rewards = column("rewards", 4, "f")
        self.flags = column("flags", 1, "B")
        dtype = numpy.dtype(config["type"])
        size = dtype.itemsize
        for length in shape:
            size *= length
        rows = numpy.frombuffer(memory, dtype, count * size // dtype.itemsize, columns["observations"] + first * size)
        rows = rows.reshape([count] + shape)
        self.observations = rows.transpose(0, 2, 3, 1) if facts["frames"] else rows
        self.shape = environments[0].observation_space.shape if environments else ()
        self.np_shape = numpy.shape
        steps, self.limits = zip(*map(innermost, environments)) if environments else ((), ())
        self.steps = [self.checked(index, step) for index, step in enumerate(steps)]
        self.elapsed = [0] * count

    def check(self, observation, source):
        """Checks the shape: NumPy would broadcast a smaller observation without an error."""
        if self.np_shape(observation) != self.shape:
            raise ValueError(
                f"an observation of shape {self.np_shape(observation)} from {source}(), but observation_space has {self.shape}"
            )

    def checked(self, index, step):
        """The step function for an environment's first step: it checks the observation and replaces itself by `step`."""

        def first(action):
            result = step(action)
            self.check(result[0], "step")
            self.steps[index] = step
            return result

        return first

    def begin(self, index, **arguments):
        observation, _ = self.environments[index].reset(**arguments)
        self.check(observation, "reset")
        self.observations[index] = observation
        self.rewards[index] = 0
        self.flags[index] = FIRST
        self.elapsed[index] = 0

    def reset(self):
        for index, seed in enumerate(self.seeds.tolist()):
            self.begin(index, seed=seed)
        if self.film:
            self.film.record()

    def step(self):
        flags, rewards, observations, start = self.flags, self.rewards, self.observations, self.start
        elapsed = self.elapsed
        index = 0
        for step, limit, action, flag in zip(self.steps, self.limits, self.actions.tolist(), flags.tolist()):
            if flag & LAST:
                self.begin(index)
            else:
                observation, reward, terminated, truncated, _ = step(action + start)
                observations[index] = observation
                rewards[index] = reward
                elapsed[index] += 1
                if terminated:
                    flags[index] = LAST | TERMINAL
                elif truncated or elapsed[index] == limit:
                    flags[index] = LAST
                elif flag:
                    flags[index] = 0
            index += 1
        if self.film:
            self.film.record()


def answer(channel, text):
    try:
        os.write(channel, text.encode(errors="replace")[:60000])
    except OSError:
        pass


def prepared(channel, memory, config):
    """Makes the environments and answers with their facts. Returns the slices, or None if only facts were asked for."""
    gymnasium = gymnasium_module()
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    counts = [last - first for first, last in config["slices"]] or [1]
    renders = bool(config["render"])
    halves = [
        [make(gymnasium, config, renders and half == 0 and index == 0) for index in range(count)]
        for half, count in enumerate(counts)
    ]
    facts = described(gymnasium, halves[0][0])
    for key in ("shape", "type", "actions"):
        if config[key] is not None and config[key] != facts[key]:
            raise Refusal(
                "space",
                f"{key} {facts[key]} in this environment, but {config[key]} in the configuration: start every process from "
                "one configuration and with the same arguments, or remove the key",
            )
    film = Film(config["render"], halves[0][0]) if renders else None
    lines = [f"{key}={facts[key]}" for key in ("type", "actions", "steps_max", "threshold")]
    answer(channel, "\n".join(["R", "shape=" + ",".join(map(str, facts["shape"]))] + lines))
    if not config["slices"]:
        return None
    shared = mmap.mmap(memory, 0)
    return [
        Slice(environments, shared, first, last, config, facts, film if half == 0 else None)
        for half, (environments, (first, last)) in enumerate(zip(halves, config["slices"]))
    ]


def serve(channel, slices):
    """Executes commands until the other side closes."""
    while command := os.read(channel, 2):
        what, half = command
        if what == STEP:
            slices[half].step()
        elif what == RESET:
            slices[half].reset()
        elif slices[0].film:
            slices[0].film.write()
        os.write(channel, command)
        if what == CLOSE:
            break
    for part in slices:
        for environment in part.environments:
            environment.close()


def main():
    # Children do not inherit these copies. Environments may read and print on the standard streams, so those are replaced.
    channel, memory = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    config = json.loads(os.read(channel, 1 << 20))
    end_with(config["parent"])
    try:
        slices = prepared(channel, memory, config)
        if slices:
            serve(channel, slices)
    except Refusal as refusal:
        answer(channel, f"E{refusal.kind}\n{refusal}")
    except (BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:
        lines = traceback.format_exc().rstrip().splitlines()
        answer(channel, "\n".join([f"Eraised\n{type(error).__name__}: {error}".replace("\r", "")] + ["\0"] + lines[-12:]))


main()
