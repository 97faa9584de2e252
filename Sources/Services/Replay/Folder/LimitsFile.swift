// Limits that were changed live, for shards that start later.

internal import Foundations
internal import Glibc
internal import ReplayStore

/// The file `limits` in a shard's folder: limits that were changed at run time and differ from the
/// configuration's. It counts only while a process holds the folder, so a resumed run begins with
/// its configuration.
///
///     table experience 4.0 1000 -9000.0 inf
struct LimitsFile {
  let path: String

  private static func path(in folder: String) -> String { "\(folder)/limits" }

  /// - Parameter folder: a shard's folder, which this process holds.
  init(in folder: String) {
    path = Self.path(in: folder)
  }

  /// Removes the file that an earlier process left in this folder, and reads the newest one of the
  /// shards that run now.
  ///
  /// - Returns: its limits by table; nil if no limits of a running shard were changed.
  /// - Throws: `LimitsFileError` for a file in another format.
  func begin(beside folders: [String]) throws -> LimitsByTable? {
    remove()
    var newest: (path: String, time: timespec)?
    for folder in folders {
      let other = Self.path(in: folder)
      var status = stat()
      guard other != path, stat(other, &status) == 0, DataFolder.isHeld(folder) else { continue }
      let time = status.st_mtim
      if let newest, (newest.time.tv_sec, newest.time.tv_nsec) >= (time.tv_sec, time.tv_nsec) { continue }
      newest = (other, time)
    }
    // The shard may have ended since, and removed its file.
    guard let newest, let text = SystemText.read(newest.path) else { return nil }
    return try Self.limits(text, newest.path)
  }

  /// Replaces the file atomically. It is not synced to the disk, as it does not outlive the
  /// process.
  func write(_ limits: LimitsByTable) throws {
    guard !limits.isEmpty else { return remove() }
    let lines = limits.sorted { $0.key < $1.key }.map { name, limits in
      "table \(name) \(limits.samplesPerInsert) \(limits.minSize) \(limits.errorMin) \(limits.errorMax)\n"
    }
    try AtomicFile.replace(path, with: Array(lines.joined().utf8), syncsToDisk: false)
  }

  func remove() { unlink(path) }

  private static func limits(
    _ text: String, _ path: String
  ) throws(LimitsFileError) -> LimitsByTable {
    var limits: LimitsByTable = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 6, words[0] == "table", let samples = Double(words[2]),
        let minSize = Int(words[3]),
        let errorMin = Double(words[4]), let errorMax = Double(words[5])
      else {
        throw LimitsFileError(
          description:
            "\(path): expected 'table NAME SAMPLES_PER_INSERT MIN_SIZE ERROR_MIN ERROR_MAX', found '\(line)'; "
            + "this shard begins with the configuration's limits")
      }
      limits[words[1]] = RateLimiterConfiguration(
        samplesPerInsert: samples, minSize: minSize, errorMin: errorMin, errorMax: errorMax)
    }
    return limits
  }
}

struct LimitsFileError: Error, CustomStringConvertible {
  var description: String
}
