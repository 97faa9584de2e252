// Rows of Gymnasium environments equal those of Gymnasium's own vector environment.

import Environments
import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@Suite(.enabled(if: GymnasiumSupport.python != nil, "ROOKERY_PYTHON names no Python with gymnasium"))
struct GymnasiumStreamTests {
  private func reference(_ id: String, ticks: Int, seeds: [UInt64]) throws -> [StreamRow] {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/rows"
    var spawn = ProcessSpawn(
      try #require(GymnasiumSupport.python),
      ["\(GymnasiumSupport.root)/python/tests/gymnasium_streams.py", id, "\(ticks)"] + seeds.map { "\($0)" })
    spawn.standardOutput = .append(path: path)
    #expect(try spawn.start().wait() == .exited(code: 0))
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var text = ""
    var part = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = fread(&part, 1, part.count, file), count > 0 {
      text += String(decoding: part[..<count], as: UTF8.self)
    }
    return text.split(separator: "\n").compactMap(StreamRow.init)
  }

  /// Two halves, two workers, terminations, and truncation by time limit (MountainCar never
  /// terminates with these actions).
  @Test(arguments: [
    ("CartPole-v1", 300), ("MountainCar-v0", 450), ("Acrobot-v1", 520), ("LunarLander-v3", 300),
  ])
  func rowsAreGymnasiums(id: String, ticks: Int) throws {
    let count = 5
    let expected = try reference(id, ticks: ticks, seeds: GymnasiumSupport.seeds(of: 3, count: count))
    try #require(expected.count == (ticks + 1) * count)
    var configuration = GymnasiumSupport.configuration(id)
    configuration.workers = 2
    let pool = try GymnasiumSupport.pool(configuration, count: count, halves: 2, seed: 3)
    #expect(pool.workerCount == 2)
    let halves = pool.batches()
    let actions = pool.spec.actions.discreteCount!
    for half in halves { try half.beginReset(seed: nil) }
    for tick in 0...ticks {
      var first = 0
      for half in halves {
        try half.finishStep()
        for index in 0..<half.count {
          let row = StreamRow(half, index)
          #expect(
            row == expected[tick * count + first + index], "\(id) tick \(tick) environment \(first + index)")
        }
        try half.beginStep(actions: (0..<half.count).map { Int32((tick + first + $0) % actions) })
        first += half.count
      }
    }
    let endings = Set(expected.map(\.flags))
    #expect(endings.contains(id == "MountainCar-v0" || id == "Acrobot-v1" ? 2 : 6))
  }

  @Test(arguments: [1, 3]) func conforms(workers: Int) throws {
    var configuration = GymnasiumSupport.configuration("CartPole-v1")
    configuration.workers = workers
    let spec = try configuration.askSpec()
    #expect(spec == EnvironmentCatalog.cartPole.spec)
    var conformance = Conformance(make: { [configuration] in
      try GymnasiumPool(configuration, spec: spec, count: $0, seed: $1).batches()[0]
    })
    conformance.ticks = 300
    try conformance.run()
  }

  /// A Discrete space that starts at 5, float64 observations, and episodes that end by termination,
  /// by the environment's own truncation or by the time limit.
  @Test func endingsAreToldApart() throws {
    let configuration = GymnasiumSupport.trouble("Trouble-v0")
    let pool = try GymnasiumSupport.pool(configuration, count: 2)
    #expect(pool.spec.observationShape == [3] && pool.spec.observationType == .float32)
    #expect(pool.spec.actions == .discrete(3) && pool.spec.maxEpisodeSteps == 6)
    let batch = pool.batches()[0]
    try batch.reset()
    var flags: [[UInt8]] = [[], []]
    for _ in 0..<8 {
      try batch.step(actions: [0, 1])
      for index in 0..<2 { flags[index].append(batch.flags[index]) }
    }
    // Environment 0 is truncated by itself after 5 steps; environment 1 by the limit after 6.
    #expect(flags[0] == [0, 0, 0, 0, 2, 1, 0, 0])
    #expect(flags[1] == [0, 0, 0, 0, 0, 2, 1, 0])
  }

  @Test func framesBecomePlanes() throws {
    let configuration = GymnasiumSupport.trouble("Frames-v0")
    let pool = try GymnasiumSupport.pool(configuration, count: 2)
    #expect(pool.spec.observationShape == [3, 6, 5] && pool.spec.observationType == .uint8)
    let batch = pool.batches()[0]
    try batch.reset()
    try batch.step(actions: [0, 1])
    let bytes = batch.observations.assumingMemoryBound(to: UInt8.self)
    for index in 0..<2 {
      for plane in 0..<3 {
        for row in 0..<6 {
          for column in 0..<5 {
            let found = bytes[((index * 3 + plane) * 6 + row) * 5 + column]
            #expect(found == UInt8(truncatingIfNeeded: 100 * plane + 10 * row + column))
          }
        }
      }
    }
  }

  @Test func rendersAFilm() throws {
    let folder = TemporaryFolder()
    var configuration = GymnasiumSupport.trouble("Frames-v0")
    configuration.renderPath = "\(folder.path)/film.gif"
    let pool = try GymnasiumSupport.pool(configuration, count: 2, halves: 2)
    let batches = pool.batches()
    for batch in batches { try batch.reset() }
    for _ in 0..<4 { for batch in batches { try batch.step(actions: [0]) } }
    try pool.close()
    let check =
      "from PIL import Image; import sys; i = Image.open(sys.argv[1]); "
      + "assert i.format == 'GIF' and i.size == (20, 24), i.size"
    let path = try #require(configuration.renderPath)
    #expect(
      try ProcessSpawn(GymnasiumSupport.python!, ["-c", check, path]).start().wait() == .exited(code: 0))
  }
}
