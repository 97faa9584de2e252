// What a run's folder holds of its replay.

public import Configuration
internal import Environments
internal import Foundations
internal import ReplayStore

/// What the shards of a run's replay resume when the run starts again.
public enum KeptReplay: Hashable, Sendable {
  /// The files of `file` storage.
  case files
  /// What was held in memory at an orderly end.
  case snapshot
  /// The shards begin empty: they were killed, could not save, or were configured not to.
  case nothing

  /// Looks at the folders of all shards.
  ///
  /// - Parameter directory: the run's folder.
  /// - Throws: `KeptRunError` with the folder, the difference and what to do if a folder holds what
  ///   a replay of this configuration cannot resume; `ReplayStoreError` if one cannot be read.
  public init(directory: String, configuration: RunConfiguration) throws {
    let isFile = configuration.replay.storage == .file
    let schema = configuration.stepSchema(of: try configuration.environmentSpec())
    self = .nothing
    for folder in DataFolder.all(in: directory) {
      if let problem = DataFolder.problem(in: folder, isFile: isFile) {
        throw KeptRunError(description: problem)
      }
      guard let path = DataFolder.kept(in: folder, isFile: isFile) else { continue }
      if let problem = try LastSnapshot.problem(at: path, configuration.replayStore, schema) {
        throw KeptRunError(description: problem)
      }
      self = isFile ? .files : .snapshot
    }
  }
}
