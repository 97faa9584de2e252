// Starting programs.

internal import CKernels
internal import Glibc

/// How to start a program. The child leads its own process group. It has the default action for
/// every signal and blocks none. Of this process's descriptors it has only the three standard ones.
public struct ProcessSpawn: Sendable {
  /// What one of the child's standard descriptors refers to.
  public enum Stream: Hashable, Sendable {
    /// The same as this process's own.
    case inherit
    /// `/dev/null`: reads end at once, writes are discarded.
    case discard
    /// An open descriptor of this process, which may close it after `start`.
    case descriptor(Int32)
    /// A file, created if missing, written at its end. For output only.
    case append(path: String)
  }

  /// A path, or a name without a slash, which is looked up in this process's `PATH`. A relative
  /// path starts at `workingDirectory`.
  public var executable: String
  /// Without the program's own name.
  public var arguments: [String]
  /// The child's whole environment; nil: this process's.
  public var environment: [String: String]?
  /// nil: this process's.
  public var workingDirectory: String?
  /// The child leads its own session and has no terminal: it goes on when this one's is closed.
  public var startsSession = false
  /// What the child reads.
  public var standardInput = Stream.discard
  /// Where its output goes.
  public var standardOutput = Stream.inherit
  /// Where its errors go.
  public var standardError = Stream.inherit

  public init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil,
    workingDirectory: String? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
  }

  /// Starts the program.
  ///
  /// A child that arms `ParentDeath` ends with the *thread* that started it: call this on the main
  /// thread.
  ///
  /// - Throws: `SystemCallError` with the executable or the file; EINVAL for a string with a NUL
  ///   inside.
  public func start() throws(SystemCallError) -> ChildProcess {
    try check()
    var plan = try SpawnPlan(self)
    defer { plan.release() }
    var process: pid_t = 0
    let code = withCStrings([executable] + arguments) { argv in
      let names = environment.map { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } }
      guard let names else {
        return posix_spawnp(&process, executable, &plan.actions, &plan.attributes, argv, environ)
      }
      return withCStrings(names) {
        posix_spawnp(&process, executable, &plan.actions, &plan.attributes, argv, $0)
      }
    }
    guard code == 0 else { throw SystemCallError("start", executable, code: code) }
    return ChildProcess(process: process)
  }

  /// Makes this process become another program, with the same id, environment and descriptors.
  /// Returns only by throwing.
  public static func become(_ executable: String, _ arguments: [String] = []) throws(SystemCallError) -> Never
  {
    try ProcessSpawn(executable, arguments).check()
    _ = withCStrings([executable] + arguments) { execvp(executable, $0) }
    throw .last("run", executable)
  }

  private func check() throws(SystemCallError) {
    var strings = [executable, workingDirectory ?? ""] + arguments
    for (name, value) in environment ?? [:] {
      strings += [name, value]
      if name.isEmpty || name.contains("=") {
        throw SystemCallError("use environment variable", name, code: EINVAL)
      }
    }
    for stream in [standardOutput, standardError] {
      if case .append(let path) = stream { strings.append(path) }
    }
    if let string = strings.first(where: { $0.utf8.contains(0) }) {
      throw SystemCallError("pass a string with a NUL to", string, code: EINVAL)
    }
  }
}

/// The arguments of `posix_spawn`.
private struct SpawnPlan {
  var actions = posix_spawn_file_actions_t()
  var attributes = posix_spawnattr_t()
  private var opened: [Int32] = []

  init(_ spawn: ProcessSpawn) throws(SystemCallError) {
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    do {
      try setAttributes(startsSession: spawn.startsSession)
      for (target, stream) in [spawn.standardInput, spawn.standardOutput, spawn.standardError].enumerated() {
        try connect(Int32(target), to: stream)
      }
      try expect(rookery_spawn_close_from(&actions, 3), "close descriptors for", spawn.executable)
      if let directory = spawn.workingDirectory {
        try expect(rookery_spawn_change_directory(&actions, directory), "start in", directory)
      }
    } catch {
      release()
      throw error
    }
  }

  mutating func release() {
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
    for descriptor in opened { close(descriptor) }
    opened = []
  }

  private mutating func setAttributes(startsSession: Bool) throws(SystemCallError) {
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    // A session's leader leads a group as well.
    let group = startsSession ? rookery_spawn_session_flag() : Int32(POSIX_SPAWN_SETPGROUP)
    let flags = group | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
    try expect(posix_spawnattr_setflags(&attributes, Int16(flags)), "prepare a process")
  }

  private mutating func connect(_ target: Int32, to stream: ProcessSpawn.Stream) throws(SystemCallError) {
    let source: Int32
    switch stream {
    case .inherit: source = target
    case .discard: source = try open("/dev/null", O_RDWR)
    case .append(let path): source = try open(path, O_WRONLY | O_CREAT | O_APPEND)
    case .descriptor(let descriptor): source = try duplicate(descriptor)
    }
    // Inherited ones too: a duplicate onto itself clears close-on-exec.
    try expect(posix_spawn_file_actions_adddup2(&actions, source, target), "pass on descriptor", "\(source)")
  }

  private mutating func open(_ path: String, _ flags: Int32) throws(SystemCallError) -> Int32 {
    let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .last("open", path) }
    defer { close(descriptor) }
    return try duplicate(descriptor)
  }

  /// A copy numbered 3 or more: connecting one standard descriptor then cannot overwrite the source
  /// of the next.
  private mutating func duplicate(_ descriptor: Int32) throws(SystemCallError) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw .last("duplicate descriptor", "\(descriptor)") }
    opened.append(copy)
    return copy
  }

  private func expect(_ code: Int32, _ operation: String, _ subject: String = "") throws(SystemCallError) {
    guard code == 0 else { throw SystemCallError(operation, subject, code: code) }
  }
}

/// Calls `body` with a NULL-terminated array of C strings.
private func withCStrings(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
  var pointers = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
