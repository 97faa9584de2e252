// Python's msgpack and numpy read the published frames and docs/PROTOCOL.md.

import Foundation
import Foundations
import Testing

/// The interpreter named by `ROOKERY_PYTHON`, if it has `msgpack` and `numpy`.
private let python: String? = {
  guard let path = ProcessInfo.processInfo.environment["ROOKERY_PYTHON"] else {
    print("skipped: Python's msgpack is not tried, ROOKERY_PYTHON is not set")
    return nil
  }
  var probe = ProcessSpawn(path, ["-c", "import msgpack, numpy"])
  probe.standardError = .discard
  guard (try? probe.start().wait().isSuccess) == true else {
    print("skipped: Python's msgpack is not tried, '\(path)' cannot import msgpack and numpy")
    return nil
  }
  return path
}()

@Suite(.enabled(if: python != nil, "ROOKERY_PYTHON names no Python with msgpack and numpy"))
struct ProtocolPythonTests {
  @Test func publishedFrames() throws {
    let mutants = FileManager.default.temporaryDirectory.appendingPathComponent(
      "rookery-test-\(ProcessInfo.processInfo.processIdentifier)-mutants.hex")
    defer { try? FileManager.default.removeItem(at: mutants) }
    try Self.acceptedMutants().map { FrameFile.hex($0) }.joined(separator: "\n")
      .write(to: mutants, atomically: true, encoding: .utf8)
    let script = FrameFile.repository.appendingPathComponent("python/tests/test_protocol.py").path
    // `env` adds to the environment that a caller may have prepared for Python.
    let spawn = ProcessSpawn("env", ["ROOKERY_WIRE_MUTANTS=\(mutants.path)", python!, script])
    #expect(try spawn.start().wait() == .exited(code: 0))
  }

  /// Frames with one changed byte that the reader still accepts: only the width of a head, a number
  /// or a letter differs.
  private static func acceptedMutants() -> [[UInt8]] {
    var accepted: [[UInt8]] = []
    for frame in Golden.frames {
      var bytes = frame.bytes
      for position in bytes.indices {
        let original = bytes[position]
        for value in stride(from: UInt8(position % 7), through: 248, by: 7) {
          bytes[position] = value
          if AnyMessage.accepts(bytes) != nil { accepted.append(bytes) }
        }
        bytes[position] = original
      }
    }
    return accepted
  }
}
