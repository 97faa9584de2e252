// Where a shard of the replay keeps its files.

internal import Experience
internal import Foundations
internal import Glibc

/// A numbered folder of a run that one replay process holds: `<run>/replay/<number>`.
struct DataFolder {
  let path: String
  let number: Int
  /// Held while the process lives.
  private let lock: FileLock

  static let numberMax = 1024

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
      if let lock = try FileLock.take("\(path)/lock", patience: .seconds(patience)) {
        return DataFolder(path: path, number: number, lock: lock)
      }
    }
    throw DataFolderError(
      description: "\(parent): expected a folder of 1…\(numberMax) that no process holds, found none")
  }
}

extension DataFolder {
  /// The store's life: what it has counted goes on with every process that takes it up, so it keeps one name among the shards. Made with the
  /// folder's first use.
  func life() throws -> Identifier {
    let file = "\(path)/life"
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 {
      defer { close(descriptor) }
      var words: (UInt64, UInt64) = (0, 0)
      let count = withUnsafeMutableBytes(of: &words) { read(descriptor, $0.baseAddress, 16) }
      if count == 16 { return Identifier(high: UInt64(littleEndian: words.0), low: UInt64(littleEndian: words.1)) }
    }
    var system = SeededGenerator.fromSystem()
    let life = Identifier(using: &system)
    try withUnsafeBytes(of: (life.high.littleEndian, life.low.littleEndian)) { bytes in
      try AtomicFile.replace(file, with: Array(bytes))
    }
    return life
  }
}

struct DataFolderError: Error, CustomStringConvertible {
  var description: String
}
