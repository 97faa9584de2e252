// Where a checkpoint is, and the configuration that it belongs to.

internal import Console
internal import Glibc

/// A `.safetensors` file, or a run's folder, of which the best is taken: `solved`, else `best`, else `learner-1`.
struct CheckpointPath {
  let weights: String
  /// The run's configuration; nil if the file is in no run's folder.
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
        "'\(path)/checkpoints': expected \(names.joined(separator: ", ")).safetensors or one of them, found none"
      )
    }
    weights = found
    configuration = "\(path)/config.yaml"
  }
}
