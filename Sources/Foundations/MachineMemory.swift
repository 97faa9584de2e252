// The memory that this process can use.

internal import Glibc

/// Memory of this machine, or of this process's control group if that has less (containers).
public enum MachineMemory {
  /// Bytes that this process and others may use together; nil if the system does not say.
  public static func totalBytes() -> Int? {
    smallest([meminfo("MemTotal")] + groups().map { limit(of: $0) })
  }

  /// Bytes that can be used now without swapping; nil if the system does not say. File cache counts
  /// as available.
  public static func availableBytes() -> Int? {
    smallest([meminfo("MemAvailable")] + groups().map { available(in: $0) })
  }

  /// Bytes of this process in memory now, shared pages included; nil if the system does not say.
  public static func processResidentBytes() -> Int? {
    guard let text = SystemText.read("/proc/self/statm") else { return nil }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(getpagesize())
  }

  private static func smallest(_ values: [Int?]) -> Int? { values.compactMap { $0 }.min() }

  private static func meminfo(_ name: String) -> Int? {
    SystemText.read("/proc/meminfo").flatMap { meminfo(name, in: $0) }
  }

  /// The line `name:   123 kB` of /proc/meminfo in bytes.
  package static func meminfo(_ name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
      let fields = line.split(separator: " ")
      guard fields.count == 3, fields[2] == "kB", let kilobytes = Int(fields[1]) else { return nil }
      let (bytes, overflow) = kilobytes.multipliedReportingOverflow(by: 1024)
      return overflow ? nil : bytes
    }
    return nil
  }

  /// Folders of this process's control group (version 2) and of all above it: each may have a
  /// limit.
  private static func groups() -> [String] {
    SystemText.read("/proc/self/cgroup").map { groups(in: $0) } ?? []
  }

  /// The folders for the line `0::/a/b` of /proc/self/cgroup, innermost first.
  package static func groups(in text: String) -> [String] {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else { return [] }
    var names = line.dropFirst(4).split(separator: "/")
    var folders: [String] = []
    while true {
      folders.append((["/sys/fs/cgroup"] + names).joined(separator: "/"))
      if names.isEmpty { return folders }
      names.removeLast()
    }
  }

  /// nil if there is no limit ("max", or the root, which has no such file).
  package static func limit(of folder: String) -> Int? {
    number(in: "\(folder)/memory.max")
  }

  /// Bytes below the limit, with inactive file cache as free; nil if there is no limit.
  package static func available(in folder: String) -> Int? {
    guard let limit = limit(of: folder), let current = number(in: "\(folder)/memory.current") else {
      return nil
    }
    // The kernel frees cache that is not in active use when memory is short.
    let cache = SystemText.read("\(folder)/memory.stat").flatMap { text in
      text.split(separator: "\n").first { $0.hasPrefix("inactive_file ") }.flatMap { Int($0.dropFirst(14)) }
    }
    return max(0, limit - max(0, current - (cache ?? 0)))
  }

  private static func number(in path: String) -> Int? {
    SystemText.read(path).flatMap { Int($0.filter { !$0.isWhitespace }) }
  }
}
