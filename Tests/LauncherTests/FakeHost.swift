// A host whose processes end when a test ends them.

import Foundations
import Launcher

/// The record of a `FakeHost`, shared with the test.
final class FakeWorld {
  var commands: [Int32: LaunchCommand] = [:]
  var signals: [String] = []
  var ended: [(pid: Int32, status: ExitReason)] = []
  /// Programs that cannot be started.
  var broken: Set<String> = []
  private(set) var last: Int32 = 0

  func start(_ command: LaunchCommand) -> Int32 {
    last += 1
    commands[last] = command
    return last
  }

  func end(_ pid: Int32, _ reason: ExitReason) {
    ended.append((pid, reason))
  }
}

struct FakeHost: ProcessHost {
  let world: FakeWorld

  mutating func start(_ command: LaunchCommand) throws(LaunchError) -> Int32 {
    if world.broken.contains(command.arguments[0]) {
      throw LaunchError("cannot start '\(command.arguments[0])'")
    }
    return world.start(command)
  }

  func signal(_ pid: Int32, _ signal: Int32, group: Bool) {
    world.signals.append("\(pid) \(SignalName.name(of: signal))\(group ? " group" : "")")
  }

  mutating func reap() -> [(pid: Int32, status: ExitReason)] {
    defer { world.ended = [] }
    return world.ended
  }
}
