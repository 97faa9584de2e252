// Where a shard of the replay keeps its files.

internal import Foundations
internal import Glibc

/// A numbered folder of a run that one replay process holds: `<run>/replay/<number>`.
struct DataFolder {
  let path: String
  let number: Int
  /// Held until the process ends.
  private let lock: FileLock

  static let numberMax = 1024

  /// Whether another process holds the folder at a path.
  static func isHeld(_ path: String) -> Bool {
    do { return try FileLock.acquire("\(path)/lock") == nil } catch { return false }
  }

  /// The paths of a run's shard folders, held or not.
  static func all(in runDirectory: String) -> [String] {
    DirectoryNames.of("\(runDirectory)/replay").filter { Int($0).map { $0 > 0 } ?? false }
      .map { "\(runDirectory)/replay/\($0)" }
  }

  /// The path of the store that a replay of this storage resumes from a shard's folder; nil if
  /// there is none.
  static func kept(in folder: String, isFile: Bool) -> String? {
    let path = isFile ? folder : LastSnapshot.path(in: folder)
    return LastSnapshot.exists(at: "\(path)/identity") ? path : nil
  }

  /// Why a replay must not start in a folder: it holds a store of the other kind of storage, which
  /// a later start would bring back out of date.
  ///
  /// - Returns: what is there and what to do; nil if nothing is.
  static func problem(in folder: String, isFile: Bool) -> String? {
    kept(in: folder, isFile: !isFile).map { other in
      "\(other) holds "
        + (isFile
          ? "what a replay with storage: memory left at its end, but replay.storage is file"
          : "the files of a replay with storage: file, but replay.storage is memory")
        + "; set replay.storage as it was, or move that folder away to begin empty"
    }
  }

  /// Claims the folder of the replica's own number. If another process holds it for more than 2 s
  /// (a process that is being killed does for a moment), claims the first free folder: a shard that
  /// comes back resumes what one of them holds.
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
