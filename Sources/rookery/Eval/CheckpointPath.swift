// Finds a checkpoint and its run's configuration.

internal import Console
internal import Glibc

/// A `.safetensors` file, or the best checkpoint of a run's folder: `solved`, else `best`, else
/// `learner-1`.
struct CheckpointPath {
  let weights: String
  /// The run's configuration file; nil if the checkpoint is not in a run's folder.
  let configuration: String?

  init(_ path: String) throws(UsageError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw UsageError("'\(path)': expected a .safetensors file or a run's folder, found neither")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      weights = path
      let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
        separator: "/")
      let beside = (folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder) + "/../config.yaml"
      configuration = access(beside, R_OK) == 0 ? beside : nil
      return
    }
    try RunFolder.check(path)
    let names = ["solved", "best", "learner-1"]
    let files = names.map { name in "\(path)/checkpoints/\(name).safetensors" }
    let found = files.first { file in access(file, F_OK) == 0 }
    guard let found else {
      throw UsageError(
        "'\(path)/checkpoints': expected \(names.map { "\($0).safetensors" }.joined(separator: ", ")) or one of them, found none"
      )
    }
    weights = found
    configuration = "\(path)/config.yaml"
  }
}
