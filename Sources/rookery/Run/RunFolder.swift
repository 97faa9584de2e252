// A run's folder.

internal import Console
internal import Foundations
internal import Glibc

/// `runs/<name>/`: `config.yaml` (effective), `logs/`, `metrics.jsonl`, `evaluations.jsonl`, `checkpoints/`, `parameters.rookery`,
/// `summary.json`, TensorBoard's events. A name that is taken gets a number.
///
/// Whoever has the folder holds the lock of its file `lock`, so that one run at a time works in it.
/// The folder is its user's alone, also one that an earlier version has made.
struct RunFolder {
  let path: String
  private let lock: FileLock

  /// Makes a folder.
  init(parent: String, name: String) throws {
    if mkdir(parent, 0o700) != 0, errno != EEXIST { throw SystemCallError.last("make the folder", parent) }
    var candidate = "\(parent)/\(name)"
    var number = 1
    // Making it decides who has the name, also between two runs that start at once.
    while mkdir(candidate, 0o700) != 0 {
      guard errno == EEXIST, number < 10_000 else { throw SystemCallError.last("make the folder", candidate) }
      number += 1
      candidate = "\(parent)/\(name)-\(number)"
    }
    try self.init(locking: candidate, patience: .zero, busy: "another run has just taken \(candidate)")
  }

  /// The folder of this name, made if it is missing.
  init(reopen name: String, parent: String) throws {
    let folder = "\(parent)/\(name)"
    for folder in [parent, folder] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
      throw SystemCallError.last("make the folder", folder)
    }
    try self.init(
      locking: folder, patience: .zero,
      busy: "another launcher is just starting in \(folder); wait for it, or choose another -p NAME")
  }

  /// Takes up an earlier run's folder.
  /// - Throws: `UsageError` if it is none, or if its run is still going on.
  init(resuming folder: String) throws {
    try Self.check(folder)
    // The processes of a run that was killed need a moment to be gone.
    try self.init(
      locking: folder, patience: .seconds(2),
      busy: "\(folder): its run is still going on; wait for its end, or stop it with Ctrl-C or rookery down")
    removeUnfinished(in: path)
    removeUnfinished(in: file("checkpoints"))
  }

  /// Refuses what is no run's folder.
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

  /// Files that a killed process had not finished (`AtomicFile`).
  private func removeUnfinished(in folder: String) {
    for name in DirectoryNames.of(folder) where name.hasSuffix(".tmp") { unlink("\(folder)/\(name)") }
  }
}
