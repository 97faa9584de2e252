// A run's folder.

internal import Foundations
internal import Glibc

/// `runs/<name>/`: `config.yaml` (effective), `logs/`, `metrics.jsonl`, `evaluations.jsonl`, `checkpoints/`, `parameters.rookery`,
/// `summary.json`. A name that is taken gets a number.
struct RunFolder {
  let path: String

  init(parent: String, name: String) throws {
    if mkdir(parent, 0o755) != 0, errno != EEXIST { throw SystemCallError.last("make the folder", parent) }
    var candidate = "\(parent)/\(name)"
    var number = 1
    while mkdir(candidate, 0o755) != 0 {
      guard errno == EEXIST, number < 10_000 else { throw SystemCallError.last("make the folder", candidate) }
      number += 1
      candidate = "\(parent)/\(name)-\(number)"
    }
    path = try Self.absolute(candidate)
  }

  /// The folder of this name, made if it is missing.
  init(reopen name: String, parent: String) throws {
    for folder in [parent, "\(parent)/\(name)"] where mkdir(folder, 0o755) != 0 && errno != EEXIST {
      throw SystemCallError.last("make the folder", folder)
    }
    path = try Self.absolute("\(parent)/\(name)")
  }

  private static func absolute(_ path: String) throws -> String {
    guard let absolute = realpath(path, nil) else { throw SystemCallError.last("resolve", path) }
    defer { free(absolute) }
    return String(cString: absolute)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func append(_ line: String, to name: String) throws {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemCallError.last("open", file(name)) }
    defer { close(descriptor) }
    let bytes = Array(line.utf8)
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      throw SystemCallError.last("write", file(name))
    }
  }
}
