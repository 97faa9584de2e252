// Asks Gymnasium for the facts about an environment.

internal import Foundations
internal import Glibc

extension GymnasiumConfiguration {
  /// Makes the environment in a Python process and returns its spec. It takes half a second or
  /// more.
  ///
  /// - Throws: `EnvironmentFailure` with Python's messages; `SystemCallError` without shared
  ///   memory.
  public func askSpec() throws -> EnvironmentSpec {
    let columns = GymnasiumColumns(count: 1, actionBytes: 0, observationBytes: 0)
    // Collects Python's messages, for a failure without a better text.
    let errors = try SharedMemory(name: "rookery-probe-errors", byteCount: 16384)
    let worker = try GymnasiumWorker(
      self, setup: setup(spec: nil, slices: [], columns: columns, parent: getpid(), renders: false),
      halves: 1,
      memory: SharedMemory(name: "rookery-probe", byteCount: columns.byteCount),
      errors: .descriptor(errors.descriptor))
    do {
      while try !worker.receive() {}
    } catch var failure as EnvironmentFailure {
      if failure.kind == .simulator, failure.traceback.isEmpty, !failure.text.contains("; install") {
        let said = String(
          decoding: UnsafeRawBufferPointer(start: errors.base, count: errors.byteCount).prefix { $0 != 0 },
          as: UTF8.self)
        failure.traceback = said.split(separator: "\n").suffix(6).map(String.init)
      }
      throw failure
    }
    guard let spec = worker.spec else { preconditionFailure("an answer is a spec or a failure") }
    return spec
  }
}
