// The same files through Python's safetensors, both ways.

import Foundations
import Glibc
import Numerics
import Testing

/// The interpreter named by `ROOKERY_PYTHON`, if it has `safetensors` and `numpy`.
private let python: String? = {
  guard let value = getenv("ROOKERY_PYTHON") else {
    print("skipped: Python's safetensors is not tried, ROOKERY_PYTHON is not set")
    return nil
  }
  let path = String(cString: value)
  var probe = ProcessSpawn(path, ["-c", "import numpy, safetensors.numpy"])
  probe.standardError = .discard
  guard (try? probe.start().wait().isSuccess) == true else {
    print("skipped: Python's safetensors is not tried, '\(path)' cannot import numpy and safetensors")
    return nil
  }
  return path
}()

@Suite(.enabled(if: python != nil, "ROOKERY_PYTHON names no Python with safetensors"))
struct SafetensorsPythonTests {
  private let script =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    + "/python/tests/test_safetensors.py"

  /// Swift writes, Python checks and writes its own, Swift checks.
  @Test func bothWays() throws {
    let sample = "/tmp/rookery-test-\(getpid())-sample.safetensors"
    defer {
      unlink(sample)
      unlink("\(sample).python")
    }
    var writer = SafetensorsWriter(metadata: ["made_by": "rookery", "text": "é \"quoted\" /x\\\n"])
    try writer.add("bytes", shape: [3], [UInt8]([0, 127, 255]))
    try writer.add("layer.weight", shape: [2, 3], [Float]([0, 1, -2, 0.5, .infinity, -0.1]))
    try writer.add("layer.bias", shape: [], [Float]([3.25]))
    try writer.add("steps", shape: [2], [Int64]([.min, .max]))
    try writer.add("exact", shape: [1, 2], [0.1, -1e300])
    try writer.add("none", shape: [0, 4], [Float]())
    try writer.write(to: sample)

    // `env` adds to the environment that a caller may have prepared for Python.
    let spawn = ProcessSpawn("env", ["ROOKERY_SAFETENSORS_SAMPLE=\(sample)", python!, script])
    #expect(try spawn.start().wait() == .exited(code: 0))

    let file = try SafetensorsFile(path: "\(sample).python")
    #expect(file.metadata == ["made_by": "python"])
    #expect(try file.floats("a", shape: [2, 2]) == [1, 2, 3, 4])
    #expect(try file.doubles("b", shape: [1]) == [0.1])
    #expect(try file.integers("c", shape: []) == [-7])
    #expect(try file.bytes("d", shape: [5]) == [9, 8, 7, 6, 5])
    #expect(try file.floats("e", shape: [0]).isEmpty)
  }
}
