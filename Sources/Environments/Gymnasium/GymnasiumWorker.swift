// A Python process that steps environments.

internal import Experience
internal import Foundations
internal import Glibc

/// A worker process and the socket to it. `receive` waits at most `receiveTimeout`, so that the
/// caller can do other work.
///
/// Start it on the main thread: the kernel kills it when the thread that started it ends
/// (`ParentDeath`).
final class GymnasiumWorker {
  enum Command: UInt8 {
    case reset = 0
    case step = 1
    case close = 2
  }

  /// The longest time that `receive` waits.
  static let receiveTimeout = Instant.Span.milliseconds(20)

  /// Python reads the worker's code from the socket: it needs no file, and `ps` shows a short
  /// command.
  private static let bootstrap =
    "import os; exec(compile(os.read(0, 1 << 20), '<rookery gymnasium worker>', 'exec'))"

  /// Unanswered commands of each half.
  private(set) var pending: [Int]
  /// The environments' spec; nil before the worker has made them.
  private(set) var spec: EnvironmentSpec?
  private let configuration: GymnasiumConfiguration
  private let child: ChildProcess
  private var socket: Int32
  /// When to kill the worker if it has not ended by itself.
  private var endsBy = Instant.never
  private var busySince: Instant
  private var buffer = [UInt8](repeating: 0, count: 65536)

  /// - Parameters:
  ///   - setup: the instructions from `GymnasiumConfiguration.setup`.
  ///   - memory: the pool's shared memory.
  ///   - errors: the destination of Python's messages.
  /// - Throws: `EnvironmentFailure` if the interpreter cannot be started.
  init(
    _ configuration: GymnasiumConfiguration, setup: String, halves: Int, memory: SharedMemory,
    errors: ProcessSpawn.Stream = .inherit
  ) throws {
    self.configuration = configuration
    pending = Array(repeating: 0, count: halves)
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0
    else { throw SystemCallError.last("make a socket pair for a Gymnasium worker") }
    socket = pair[0]
    var spawn = ProcessSpawn(
      configuration.python, ["-c", Self.bootstrap], environment: configuration.variables)
    spawn.standardInput = .descriptor(pair[1])
    spawn.standardOutput = .descriptor(memory.descriptor)
    spawn.standardError = errors
    defer { close(pair[1]) }
    do {
      child = try spawn.start()
    } catch {
      close(socket)
      throw configuration.failure(
        .simulator,
        "the Python interpreter '\(configuration.python)' cannot be started: \(Self.reason(error)); install Python 3.10 or "
          + "newer with gymnasium, or name another one with environment.python or ROOKERY_PYTHON",
        isSetup: true
      )
    }
    var timeout = timeval(tv_sec: 0, tv_usec: Int(Self.receiveTimeout.nanoseconds / 1000))
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    busySince = SystemClock.now()
    try send(PackageResources.worker_py)
    try send(Array(setup.utf8))
  }

  /// Waits until the worker ends by itself, and kills it after a second.
  deinit {
    hangUp()
    if child.status == nil {
      var item = pollfd(fd: child.descriptor, events: Int16(POLLIN), revents: 0)
      let left = max(0, (endsBy - SystemClock.now()).milliseconds)
      if child.descriptor < 0 || poll(&item, 1, Int32(left)) <= 0 { _ = try? child.kill() }
      _ = try? child.wait()
    }
  }

  /// Tells the worker to close its environments and end, within a second. Nothing can be sent
  /// afterwards.
  func hangUp() {
    guard socket >= 0 else { return }
    close(socket)
    socket = -1
    endsBy = SystemClock.now() + .seconds(1)
  }

  var identifier: Int32 { child.identifier }

  var isIdle: Bool { spec != nil && pending.allSatisfy { $0 == 0 } }

  func send(_ command: Command, half: Int) throws {
    if isIdle { busySince = SystemClock.now() }
    pending[half] += 1
    try send([command.rawValue, UInt8(half)])
  }

  /// Processes the next answer, waiting at most `receiveTimeout`; false if there is none.
  /// - Throws: `EnvironmentFailure`; then the worker has ended.
  func receive() throws -> Bool {
    var count = 0
    // If the other side closed with commands unread, the kernel first reports ECONNRESET once, and
    // only then delivers the reason that it sent.
    var resets = 0
    repeat {
      count = recv(socket, &buffer, buffer.count, 0)
      if count < 0, errno == ECONNRESET { resets += 1 }
    } while count < 0 && (errno == EINTR || (errno == ECONNRESET && resets == 1))
    if count == 2 {
      busySince = SystemClock.now()
      pending[Int(buffer[1])] -= 1
      return true
    }
    if count > 0 {
      busySince = SystemClock.now()
      try accept(String(decoding: buffer[..<count], as: UTF8.self))
      return true
    }
    if count < 0, errno == EAGAIN || errno == EWOULDBLOCK {
      try checkTime()
      return false
    }
    throw ended()
  }

  private func accept(_ answer: String) throws {
    guard answer.hasPrefix("R"), let spec = EnvironmentSpec(answer: answer, id: configuration.id) else {
      let failure = configuration.failure(answer: answer[...], isSetup: spec == nil)
      end()
      throw failure
    }
    self.spec = spec
  }

  private func checkTime() throws {
    let limit = spec == nil ? configuration.setupTimeout : configuration.timeout
    guard SystemClock.now() - busySince > limit else { return }
    end()
    let seconds = limit.seconds == limit.seconds.rounded() ? "\(Int(limit.seconds))" : "\(limit.seconds)"
    let what = spec == nil ? "making the environments" : "a step"
    throw configuration.failure(
      .hung,
      "worker process \(child.identifier) was ended: \(what) took longer than \(seconds) s "
        + "(environment.timeout_s)", isSetup: spec == nil)
  }

  private func end() {
    _ = try? child.kill()
    _ = try? child.wait()
  }

  private func ended() -> EnvironmentFailure {
    end()
    let how: String
    switch child.status {
    case .exited(let code): how = "exit code \(code)"
    case .signaled(let signal): how = Signals.name(signal)
    case nil: how = "unknown"
    }
    return configuration.failure(
      spec == nil ? .simulator : .ended,
      "worker process \(child.identifier) of '\(configuration.python)' ended (\(how))"
        + (spec == nil ? " before it answered" : ""), isSetup: spec == nil)
  }

  /// Sends one message. It always fits: commands have two bytes, and script and setup are sent to
  /// an empty socket.
  private func send(_ bytes: [UInt8]) throws {
    guard Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) != bytes.count else { return }
    if errno == EPIPE || errno == ECONNRESET {
      // The worker's last message is the reason why it ended.
      while try receive() {}
      throw ended()
    }
    throw SystemCallError.last("send to a Gymnasium worker")
  }

  private static func reason(_ error: SystemCallError) -> String {
    strerror(error.code).map { String(cString: $0) } ?? "error \(error.code)"
  }
}

extension EnvironmentSpec {
  /// Parses a worker's answer: `R`, then lines of `key=value`. Nil if shape or actions are missing.
  init?(answer: String, id: String) {
    var values: [Substring: Substring] = [:]
    for line in answer.split(separator: "\n").dropFirst() {
      guard let equals = line.firstIndex(of: "=") else { continue }
      values[line[..<equals]] = line[line.index(after: equals)...]
    }
    let shape = values["shape"]?.split(separator: ",").compactMap { Int($0) } ?? []
    guard !shape.isEmpty, shape.allSatisfy({ $0 > 0 }), let actions = values["actions"].flatMap({ Int($0) })
    else {
      return nil
    }
    self.init(
      id: id, observationShape: shape, observationType: values["type"] == "uint8" ? .uint8 : .float32,
      actions: .discrete(actions), maxEpisodeSteps: values["steps_max"].flatMap { Int($0) },
      rewardThreshold: values["threshold"].flatMap { Float($0) })
  }
}
