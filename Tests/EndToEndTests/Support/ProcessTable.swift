// Processes from /proc.

import Foundation
import Glibc

/// A process of a run.
struct RunProcess: Hashable {
  var pid: Int32
  var service: String
  var replica: String
  /// Its environment.
  var variables: [String: String]
}

enum ProcessTable {
  /// The live processes whose variable `name` is `value`.
  static func processes(where name: String, is value: String) -> [RunProcess] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { Int32($0) }.compactMap { pid in
      let variables = environment(of: pid)
      guard variables[name] == value, !isZombie(pid) else { return nil }
      return RunProcess(
        pid: pid, service: variables["ROOKERY_SERVICE"] ?? "", replica: variables["ROOKERY_REPLICA"] ?? "",
        variables: variables)
    }
  }

  /// User and system time so far, in seconds.
  static func cpuSeconds(of pid: Int32) -> Double {
    let fields = statistics(of: pid)
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Resident memory of a process; 0 if it has ended.
  static func residentBytes(of pid: Int32) -> Int {
    let pages =
      Text.read("/proc/\(pid)/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// A process's command line; empty if it has ended.
  static func arguments(of pid: Int32) -> [String] {
    Text.read("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init)
  }

  static func parent(of pid: Int32) -> Int32 {
    let fields = statistics(of: pid)
    return fields.count > 1 ? Int32(fields[1]) ?? 0 : 0
  }

  private static func isZombie(_ pid: Int32) -> Bool {
    let state = statistics(of: pid).first
    return state == nil || state == "Z" || state == "X"
  }

  /// The fields of /proc/PID/stat after the name, which may hold spaces.
  private static func statistics(of pid: Int32) -> [Substring] {
    let text = Text.read("/proc/\(pid)/stat")
    guard let end = text.lastIndex(of: ")") else { return [] }
    return text[text.index(after: end)...].split(separator: " ")
  }

  private static func environment(of pid: Int32) -> [String: String] {
    var variables: [String: String] = [:]
    for entry in Text.read("/proc/\(pid)/environ").split(separator: "\0") {
      guard let equals = entry.firstIndex(of: "=") else { continue }
      variables[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
    }
    return variables
  }
}
