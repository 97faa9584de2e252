// A run's folder.

internal import Console
internal import Foundations
internal import Glibc

/// `runs/<name>/` (docs/RUNS.md lists its files). A new run with an existing name gets a number.
///
/// This value holds the lock of the file `lock`, so that one run at a time uses the folder. Only
/// its user can enter the folder, even if an earlier version made it with wider permissions.
struct RunFolder {
  let path: String
  private let lock: FileLock

  /// Makes a new folder, with a number after its name if the name exists.
  init(parent: String, name: String) throws {
    if mkdir(parent, 0o700) != 0, errno != EEXIST { throw SystemCallError.last("make the folder", parent) }
    var candidate = "\(parent)/\(name)"
    var number = 1
    // `mkdir` is atomic, so that of two runs that start at once only one gets the name.
    while mkdir(candidate, 0o700) != 0 {
      guard errno == EEXIST, number < 10_000 else { throw SystemCallError.last("make the folder", candidate) }
      number += 1
      candidate = "\(parent)/\(name)-\(number)"
    }
    try self.init(locking: candidate, patience: .zero, busy: "another run has just started in \(candidate)")
  }

  /// The folder of this name, made if it is missing.
  init(reopen name: String, parent: String) throws {
    let folder = "\(parent)/\(name)"
    for folder in [parent, folder] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
      throw SystemCallError.last("make the folder", folder)
    }
    try self.init(
      locking: folder, patience: .zero,
      busy: "another launcher is starting in \(folder); wait for it, or choose another -p NAME")
  }

  /// The folder of an earlier run.
  /// - Throws: `UsageError` if it is not a run's folder, or if its run is live.
  init(resuming folder: String) throws {
    try Self.check(folder)
    // The processes of a killed run need a moment to end.
    try self.init(
      locking: folder, patience: .seconds(2),
      busy: "\(folder): its run is still live; wait for its end, or stop it with Ctrl-C or rookery down")
    removeUnfinished(in: path)
    removeUnfinished(in: file("checkpoints"))
  }

  /// Refuses a path that is not a run's folder.
  static func check(_ folder: String) throws(UsageError) {
    var status = stat()
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw UsageError("'\(folder)': expected a run's folder, as runs/cartpole, found no folder")
    }
    guard access("\(folder)/config.yaml", F_OK) == 0 else {
      throw UsageError(
        "'\(folder)': expected a run's folder with config.yaml in it, found none; runs are in runs/")
    }
  }

  private init(locking folder: String, patience: Instant.Span, busy: String) throws {
    path = try Self.absolute(folder)
    try PrivateFiles.closeFolder(path)
    guard let lock = try FileLock.acquire("\(path)/lock", patience: patience) else { throw UsageError(busy) }
    self.lock = lock
  }

  private static func absolute(_ path: String) throws -> String {
    guard let absolute = realpath(path, nil) else { throw SystemCallError.last("resolve", path) }
    defer { free(absolute) }
    return String(cString: absolute)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes files that a killed process had not finished (`AtomicFile`).
  private func removeUnfinished(in folder: String) {
    for name in DirectoryNames.of(folder) where name.hasSuffix(".tmp") { unlink("\(folder)/\(name)") }
  }
}
