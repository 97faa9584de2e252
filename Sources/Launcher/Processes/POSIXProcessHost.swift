// Real processes.

internal import Foundations
internal import Foundations
internal import Glibc

/// Starts processes (`ProcessSpawn`), each in a process group of its own, so that Ctrl-C in a terminal reaches the launcher
/// only and a kill reaches everything that a process started.
///
/// Call it from one thread that lives as long as the launcher: the kernel sends the parent-death signal when the *thread*
/// that started a process ends.
public struct POSIXProcessHost: ProcessHost {
  private let prefix: [String]
  private var children: [Int32: ChildProcess] = [:]

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
