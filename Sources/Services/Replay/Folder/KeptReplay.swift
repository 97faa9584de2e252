// What a run's folder holds of its replay.

public import Configuration
internal import Environments
internal import Foundations
internal import ReplayStore

/// What the shards of a run's replay will take up when its next session starts.
public enum KeptReplay: Hashable, Sendable {
  /// The files of `file` storage.
  case files
  /// What was held in memory at an orderly end.
  case snapshot
  /// They begin empty: they were killed, or could not or were not to keep anything.
  case nothing

  /// Looks at the folders of all shards.
  ///
  /// - Parameter directory: the run's folder.
  /// - Throws: `KeptRunError` with the folder, the difference and what to do if one holds what a replay of this configuration cannot
  ///   take up; `ReplayStoreError` if one cannot be read.
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
