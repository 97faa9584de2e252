// Real processes.

internal import Foundations
internal import Glibc

/// Starts processes with `posix_spawn`, each in a process group of its own, so that Ctrl-C in a terminal reaches the launcher
/// only and a kill reaches everything that a process started.
///
/// Call it from one thread that lives as long as the launcher: the kernel sends the parent-death signal when the *thread*
/// that started a process ends.
public struct POSIXProcessHost: ProcessHost {
  private let prefix: [String]
  private var children: Set<Int32> = []

  /// - Parameter prefix: words put before each command.
  public init(prefix: [String] = []) {
    self.prefix = prefix
  }

  /// A host whose processes die with this one: each starts as `executable exec <own pid> -- command…`, which asks the
  /// kernel for SIGKILL at its parent's death before it becomes the command.
  public static func guarded(executable: String) -> POSIXProcessHost {
    POSIXProcessHost(prefix: [executable, "exec", "\(getpid())", "--"])
  }

  /// The path of the running program.
  public static func selfExecutable() throws(LaunchError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
      readlink("/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard count > 0 else { throw LaunchError("cannot read /proc/self/exe: \(errorText(errno)); mount /proc") }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  public mutating func start(_ command: LaunchCommand) throws(LaunchError) -> Int32 {
    let arguments = prefix + command.arguments
    guard let program = arguments.first, !program.isEmpty else { throw LaunchError("the command is empty") }
    try refuseNullBytes(arguments, command)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, command.log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    for descriptor in OpenDescriptors.inheritable() {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    if let folder = command.workingDirectory { SpawnDirectory.set(folder, for: &actions) }
    var attributes = posix_spawnattr_t()
    Self.initialize(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var pid: pid_t = 0
    let variables = command.environment.map { "\($0.key)=\($0.value)" }.sorted()
    let code = CStrings.with(arguments) { argv in
      CStrings.with(variables) { envp in posix_spawnp(&pid, program, &actions, &attributes, argv, envp) }
    }
    guard code == 0 else {
      throw LaunchError(
        "cannot start '\(program)' with log \(command.log): \(Self.errorText(code)); check that both paths exist"
      )
    }
    children.insert(pid)
    return pid
  }

  /// Own group; no signal blocked, and none ignored, whatever this process does with its own.
  private static func initialize(_ attributes: inout posix_spawnattr_t) {
    posix_spawnattr_init(&attributes)
    var mask = sigset_t()
    sigemptyset(&mask)
    posix_spawnattr_setsigmask(&attributes, &mask)
    sigfillset(&mask)
    posix_spawnattr_setsigdefault(&attributes, &mask)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }

  private func refuseNullBytes(_ arguments: [String], _ command: LaunchCommand) throws(LaunchError) {
    let variables = command.environment.flatMap { [$0.key, $0.value] } + [command.workingDirectory ?? ""]
    for text in arguments + variables + [command.log] where text.utf8.contains(0) {
      throw LaunchError("expected text without a null byte, found one in '\(text)'; remove it")
    }
  }

  public func signal(_ pid: Int32, _ signal: Int32, group: Bool) {
    guard children.contains(pid) else { return }
    _ = kill(group ? -pid : pid, signal)
  }

  public mutating func reap() -> [(pid: Int32, status: ExitReason)] {
    var ended: [(pid: Int32, status: ExitReason)] = []
    for pid in children.sorted() {
      // Looks first: while the process is not reaped, its group's number cannot become somebody else's.
      var info = siginfo_t()
      guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0, info.si_signo != 0 else {
        continue
      }
      _ = kill(-pid, SIGKILL)  // what it started and left behind
      var status: Int32 = 0
      guard waitpid(pid, &status, 0) == pid else { continue }
      children.remove(pid)
      ended.append((pid, ExitReason(status: status)))
    }
    return ended
  }

  static func errorText(_ code: Int32) -> String {
    String(cString: strerror(code))
  }
}

/// Arrays of C strings that end with null.
enum CStrings {
  static func with<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
