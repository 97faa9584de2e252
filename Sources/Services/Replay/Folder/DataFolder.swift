// Where a shard of the replay keeps its files.

internal import Foundations
internal import Glibc

/// A numbered folder of a run that one replay process holds: `<run>/replay/<number>`.
struct DataFolder {
  let path: String
  let number: Int
  /// Held while the process lives.
  private let lock: FileLock

  static let numberMax = 1024

  /// Whether another process holds the folder at a path.
  static func isHeld(_ path: String) -> Bool {
    do { return try FileLock.acquire("\(path)/lock") == nil } catch { return false }
  }

  /// The folders that there are in a run's, whoever holds them.
  static func all(in runDirectory: String) -> [String] {
    DirectoryNames.of("\(runDirectory)/replay").filter { Int($0).map { $0 > 0 } ?? false }
      .map { "\(runDirectory)/replay/\($0)" }
  }

  /// The store that a replay of this storage takes up from a shard's folder; nil if there is none.
  static func kept(in folder: String, isFile: Bool) -> String? {
    let path = isFile ? folder : LastSnapshot.path(in: folder)
    return LastSnapshot.exists(at: "\(path)/identity") ? path : nil
  }

  /// What a replay of one storage must not leave aside: what the other kind holds there. It would be back, out of date, at a later start.
  ///
  /// - Returns: what is there and what to do; nil if nothing is.
  static func problem(in folder: String, isFile: Bool) -> String? {
    kept(in: folder, isFile: !isFile).map { other in
      "\(other) holds "
        + (isFile
          ? "what a replay with storage: memory left at its end, and replay.storage is file"
          : "the files of a replay with storage: file, and replay.storage is memory")
        + "; set it as it was, or move that folder away to begin empty"
    }
  }

  /// The folder of a replica's own number if it is free (a process that is being killed holds it for a moment), else the first
  /// free one: a shard that comes back takes up what one of them has left.
  ///
  /// - Throws: `DataFolderError` with the folder and what to do.
  static func claim(in runDirectory: String?, replica: Int) throws -> DataFolder {
    guard let runDirectory else {
      throw DataFolderError(
        description: "replay.storage: file needs a folder: set ROOKERY_RUN_DIRECTORY, or use storage: memory")
    }
    let parent = "\(runDirectory)/replay"
    for folder in [runDirectory, parent] where mkdir(folder, 0o755) != 0 && errno != EEXIST {
      throw SystemCallError.last("make the folder", folder)
    }
    let own = replica + 1
    for (number, patience) in [(own, 2.0)] + (1...numberMax).filter({ $0 != own }).map({ ($0, 0.0) }) {
      let path = "\(parent)/\(number)"
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        throw SystemCallError.last("make the folder", path)
      }
      if let lock = try FileLock.acquire("\(path)/lock", patience: .seconds(patience)) {
        return DataFolder(path: path, number: number, lock: lock)
      }
    }
    throw DataFolderError(
      description: "\(parent): expected a folder of 1…\(numberMax) that no process holds, found none")
  }
}

struct DataFolderError: Error, CustomStringConvertible {
  var description: String
}
