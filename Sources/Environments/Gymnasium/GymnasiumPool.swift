// A pool of worker processes that step environments.

internal import Experience
internal import Foundations
internal import Glibc

/// `count` environments in `workers` Python processes, divided into halves that take turns. Every
/// worker has a part of each half, so all workers step one half while the policy acts for the
/// other.
///
/// Actions, rewards, flags and observations are in shared memory. A step costs one message of two
/// bytes to each worker and one back. (Round trips between two Python processes: eventfd 5 µs,
/// seqpacket socket 11 µs, pipe 21 µs. Only the socket also shows that the other side has ended,
/// and carries its reason.)
///
/// After a failure, all halves need `reset`, which restarts the workers that ended. A pool belongs
/// to the main thread.
public final class GymnasiumPool {
  /// What all environments have in common.
  public let spec: EnvironmentSpec
  let configuration: GymnasiumConfiguration
  let halves: [Range<Int>]
  let memory: SharedMemory
  let columns: GymnasiumColumns
  /// Grows with each failure; steps and resets begun before it are lost.
  private(set) var epoch = 0
  private(set) var failure: EnvironmentFailure?
  private var workers: [GymnasiumWorker?]
  private let parent: Int32
  private var generators: [SeededGenerator] = []

  /// - Parameters:
  ///   - spec: the result of `askSpec`; workers refuse environments that differ.
  ///   - count: environments, at least 1.
  ///   - halves: 1 or 2; a single environment makes one half.
  ///   - seed: the seed of the first episodes.
  /// - Throws: `EnvironmentError.invalidCount`; `SystemCallError` without shared memory.
  public init(
    _ configuration: GymnasiumConfiguration, spec: EnvironmentSpec, count: Int, halves: Int = 1, seed: UInt64
  ) throws {
    guard (1...EnvironmentCatalog.countMax).contains(count) else {
      throw EnvironmentError.invalidCount(count)
    }
    precondition((1...2).contains(halves))
    self.configuration = configuration
    self.spec = spec
    self.halves = Self.parts(of: 0..<count, min(halves, count))
    let workers = max(1, min(configuration.workers, self.halves.map(\.count).min() ?? 1))
    self.workers = Array(repeating: nil, count: workers)
    columns = GymnasiumColumns(
      count: count, actionBytes: spec.actions.field.byteCount, observationBytes: spec.observationByteCount)
    memory = try SharedMemory(name: "rookery-environments", byteCount: columns.byteCount)
    parent = getpid()
    generators = (0..<count).map { Self.generator(seed, $0) }
  }

  /// Tells all workers to end before waiting for the first.
  deinit {
    for worker in workers { worker?.hangUp() }
  }

  /// One batch for each half.
  public func batches() -> [any EnvironmentBatch] {
    halves.indices.map { GymnasiumBatch(pool: self, half: $0) }
  }

  /// The number of worker processes.
  public var workerCount: Int { workers.count }

  /// The process ids of the workers that run.
  public var workerIdentifiers: [Int32] { workers.compactMap { $0?.identifier } }

  private static func parts(of range: Range<Int>, _ count: Int) -> [Range<Int>] {
    (0..<count).map { part in
      range.lowerBound + range.count * part / count..<range.lowerBound + range.count * (part + 1) / count
    }
  }

  private static func generator(_ seed: UInt64, _ index: Int) -> SeededGenerator {
    SeededGenerator(seed: seed, part: "environment", index: index)
  }

  /// Begins new episodes in a half, and starts the workers that are missing.
  func beginReset(half: Int, seed: UInt64?) throws {
    let seeds = (memory.base + columns.seeds).assumingMemoryBound(to: UInt64.self)
    for index in halves[half] {
      if let seed { generators[index] = Self.generator(seed, index) }
      // 31 bits, which every random generator of Python accepts.
      seeds[index] = generators[index].next() >> 33
    }
    do {
      for index in workers.indices where workers[index] == nil { workers[index] = try start(index) }
      try send(.reset, half: half)
    } catch let failure as EnvironmentFailure {
      throw fail(failure)
    }
  }

  private func start(_ index: Int) throws -> GymnasiumWorker {
    let slices = halves.map { Self.parts(of: $0, workers.count)[index] }
    let setup = configuration.setup(
      spec: spec, slices: slices, columns: columns, parent: parent, renders: index == 0)
    return try GymnasiumWorker(configuration, setup: setup, halves: halves.count, memory: memory)
  }

  func beginStep(half: Int) throws {
    do {
      try send(.step, half: half)
    } catch let failure as EnvironmentFailure {
      throw fail(failure)
    }
  }

  private func send(_ command: GymnasiumWorker.Command, half: Int) throws {
    for index in workers.indices {
      do {
        try workers[index]?.send(command, half: half)
      } catch {
        workers[index] = nil
        throw error
      }
    }
  }

  /// Whether all commands of a half are answered; waits at most 20 ms for each worker.
  func isDone(half: Int) throws -> Bool {
    for index in workers.indices {
      while let worker = workers[index], worker.pending[half] > 0 {
        do {
          guard try worker.receive() else { return false }
        } catch let failure as EnvironmentFailure {
          workers[index] = nil
          throw fail(failure)
        }
      }
    }
    return true
  }

  func fail(_ failure: EnvironmentFailure) -> EnvironmentFailure {
    epoch += 1
    self.failure = failure
    return failure
  }

  /// Lets the workers close their environments, write the rendered film, and end.
  /// - Throws: `EnvironmentFailure`, for example if the film cannot be written.
  public func close() throws {
    for index in workers.indices {
      guard let worker = workers[index] else { continue }
      defer { workers[index] = nil }
      try worker.send(.close, half: 0)
      while worker.pending.contains(where: { $0 > 0 }) { _ = try worker.receive() }
    }
    epoch += 1
  }
}
