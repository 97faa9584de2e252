// Real processes.

internal import Foundations
internal import Glibc

/// Starts processes (`ProcessSpawn`), each in a new process group. Ctrl-C in a terminal then
/// reaches only the launcher, and a kill of the group reaches everything that a process started.
///
/// Call it from a thread that lives as long as the launcher: the kernel sends the parent-death
/// signal when the *thread* that started a process ends.
public struct POSIXProcessHost: ProcessHost {
  private let prefix: [String]
  private var children: [Int32: ChildProcess] = [:]

  /// - Parameter prefix: words that precede each command.
  public init(prefix: [String] = []) {
    self.prefix = prefix
  }

  /// A host whose processes are killed when this process ends. Each starts as
  /// `executable exec <own pid> -- command…`, which asks the kernel for SIGKILL at its parent's
  /// death and then becomes the command.
  public static func guarded(executable: String) -> POSIXProcessHost {
    POSIXProcessHost(prefix: [executable, "exec", "\(getpid())", "--"])
  }

  /// The absolute path of the running program.
  ///
  /// - Throws: `LaunchError` without `/proc`.
  public static func selfExecutable() throws(LaunchError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
      readlink("/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard count > 0 else { throw LaunchError("cannot read /proc/self/exe: \(errorText(errno)); mount /proc") }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// - Throws: `LaunchError` if the program or the log cannot be opened.
  public mutating func start(_ command: LaunchCommand) throws(LaunchError) -> Int32 {
    let words = prefix + command.arguments
    guard let program = words.first, !program.isEmpty else { throw LaunchError("the command is empty") }
    var spawn = ProcessSpawn(
      program, Array(words.dropFirst()), environment: command.environment,
      workingDirectory: command.workingDirectory)
    spawn.standardOutput = .append(path: command.log)
    spawn.standardError = .append(path: command.log)
    do throws(SystemCallError) {
      let child = try spawn.start()
      children[child.identifier] = child
      return child.identifier
    } catch {
      throw LaunchError(
        "cannot start '\(program)' with log \(command.log): \(error); check that both paths exist")
    }
  }

  /// Errors are ignored: the process may have ended already.
  public func signal(_ pid: Int32, _ signal: Int32, group: Bool) {
    guard let child = children[pid] else { return }
    _ = group ? try? child.sendToGroup(signal) : try? child.send(signal)
  }

  public mutating func reap() -> [(pid: Int32, status: ExitReason)] {
    var ended: [(pid: Int32, status: ExitReason)] = []
    for (pid, child) in children.sorted(by: { $0.key < $1.key }) {
      guard let status = try? child.poll() else { continue }
      children[pid] = nil
      ended.append((pid, ExitReason(status)))
    }
    return ended
  }

  static func errorText(_ code: Int32) -> String {
    String(cString: strerror(code))
  }
}
