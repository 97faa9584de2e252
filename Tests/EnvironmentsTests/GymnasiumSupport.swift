// Shared by the tests of Gymnasium environments.

import Environments
import Experience
import Foundations
import Glibc

/// Python and the tests' environments.
enum GymnasiumSupport {
  static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  /// The interpreter named by `ROOKERY_PYTHON`, if it has Gymnasium.
  static let python: String? = {
    guard let value = getenv("ROOKERY_PYTHON") else {
      print("skipped: Gymnasium is not tried, ROOKERY_PYTHON is not set")
      return nil
    }
    let path = String(cString: value)
    var probe = ProcessSpawn(path, ["-c", "import gymnasium"])
    probe.standardError = .discard
    guard (try? probe.start().wait().isSuccess) == true else {
      print("skipped: Gymnasium is not tried, '\(path)' cannot import it")
      return nil
    }
    return path
  }()

  /// An argument of the interpreter puts `Tests/Fixtures/gymnasium` on the path, see `interpreter`.
  static func configuration(_ id: String, arguments: String = "{}", timeout: Double = 60)
    -> GymnasiumConfiguration
  {
    var configuration = GymnasiumConfiguration(id: id)
    configuration.arguments = arguments
    configuration.python = python ?? "python3"
    configuration.timeout = .seconds(timeout)
    return configuration
  }

  /// An environment of `Tests/Fixtures/gymnasium/trouble.py`.
  static func trouble(_ id: String, arguments: String = "{}", timeout: Double = 60) -> GymnasiumConfiguration
  {
    setenv("PYTHONPATH", "\(root)/Tests/Fixtures/gymnasium", 1)
    return configuration("trouble:\(id)", arguments: arguments, timeout: timeout)
  }

  static func pool(
    _ configuration: GymnasiumConfiguration, count: Int, halves: Int = 1, seed: UInt64 = 1
  ) throws -> GymnasiumPool {
    try GymnasiumPool(configuration, spec: configuration.askSpec(), count: count, halves: halves, seed: seed)
  }

  /// The seeds that environments 0 ..< count of a pool have for their first episodes.
  static func seeds(of pool: UInt64, count: Int) -> [UInt64] {
    (0..<count).map { index in
      var generator = SeededGenerator(seed: pool, part: "environment", index: index)
      return generator.next() >> 33
    }
  }
}

/// One row of one environment, to be compared to the last bit.
struct StreamRow: Equatable {
  var observation: [Float]
  var reward: Float
  var flags: UInt8

  init(_ batch: any EnvironmentBatch, _ index: Int) {
    let width = batch.spec.observationElementCount
    let values = batch.observations.assumingMemoryBound(to: Float.self) + index * width
    observation = Array(UnsafeBufferPointer(start: values, count: width))
    reward = batch.rewards[index]
    flags = batch.flags[index]
  }

  /// A line of python/tests/gymnasium_streams.py.
  init?(_ line: Substring) {
    let parts = line.split(separator: " ")
    guard parts.count == 3, let reward = Float(parts[1]), let flags = UInt8(parts[2]) else { return nil }
    let values = parts[0].split(separator: ",").compactMap { Float($0) }
    (observation, self.reward, self.flags) = (values, reward, flags)
  }
}
