// A sampler against a scripted service.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

struct SamplerHarness {
  var machine: ShardedSampler
  let sink = ScriptedSink()

  init(batch: Int = 4, batches: Int = 1, inFlight: Int = 2) {
    var configuration = SamplerMachine.Configuration(
      id: Fixtures.id(1), label: "s", table: Fixtures.table, batch: batch)
    configuration.inFlight = inFlight
    configuration.batchesPerRequest = batches
    machine = ShardedSampler(
      configuration: ShardedSampler.Configuration(sampler: configuration),
      generator: SeededGenerator(seed: 1), now: .at(0))
    machine.setShards([.service], now: .at(0), sink: sink)
  }

  mutating func advance(_ milliseconds: Double) -> [Sent] {
    machine.advance(to: .at(milliseconds), sink: sink)
    return sink.take()
  }

  mutating func receive(at milliseconds: Double, _ encode: (FrameWriter) -> Void) -> [Sent] {
    frame(encode).withUnsafeBytes { machine.receive($0, from: .service, now: .at(milliseconds), sink: sink) }
    return sink.take()
  }

  mutating func welcome(at milliseconds: Double, credit: Int = 64, incarnation: UInt64 = 50) -> [UInt64] {
    receive(at: milliseconds) {
      Welcome(
        incarnation: Fixtures.id(incarnation), committed: 0, grant: Fixtures.grant(credit), schema: nil,
        tables: [TableSchema(name: "other", kind: Fixtures.table.kind), Fixtures.table]
      ).encode(into: $0)
    }.compactMap { $0.sampleRequest?.request }
  }

  /// The next batch, which must be there.
  mutating func taken() throws -> SampledBatch {
    let batch = machine.popBatch()
    return try #require(batch)
  }

  /// Part `part` of two of a batch of 4 rows; row r has key r and observation `value` + r.
  mutating func part(
    _ part: Int, of request: UInt64, draw: UInt64 = 1, mass: Double = 9, value: Float = 0,
    rows batchRows: Int = 4
  ) {
    let header = BatchHeader(
      request: request, draw: draw, part: part, parts: 2, firstRow: part * 2, rows: 2, batchRows: batchRows,
      mass: mass,
      itemCount: 9)
    _ = receive(at: 1) { writer in
      let places = Batch.reserve(writer, header, fields: [Field("observation", .float32)])
      for row in 0..<2 {
        let number = part * 2 + row
        writer.pointer(at: places.keys).storeBytes(of: UInt64(number), toByteOffset: row * 8, as: UInt64.self)
        writer.pointer(at: places.probabilities).storeBytes(of: 0.25, toByteOffset: row * 4, as: Float.self)
        writer.pointer(at: places.versions).storeBytes(of: 3, toByteOffset: row * 8, as: UInt64.self)
        writer.pointer(at: places.columns[0])
          .storeBytes(of: value + Float(number), toByteOffset: row * 4, as: Float.self)
      }
    }
  }
}

@Suite struct SamplerMachineTests {
  @Test func requestsAreKeptInFlightAndNumberTheServicesTable() {
    var sampler = SamplerHarness()
    #expect(sampler.advance(0).compactMap(\.hello).count == 1)
    #expect(sampler.welcome(at: 1) == [1, 2])
    sampler.part(0, of: 1)
    #expect(sampler.machine.popBatch() == nil)
    sampler.part(1, of: 1)
    let batch = sampler.machine.popBatch()
    #expect(batch?.rows == 4)
    #expect(sampler.advance(2).compactMap(\.sampleRequest) == [SampleRequest(request: 3, table: 1, count: 4)])
    if let batch { sampler.machine.release(batch, now: .at(3), sink: sampler.sink) }
    #expect(sampler.sink.take().isEmpty, "two are in flight")
  }

  @Test func partsMayComeInAnyOrderAndMoreThanOnce() throws {
    var sampler = SamplerHarness()
    _ = sampler.welcome(at: 0)
    sampler.part(1, of: 1)
    sampler.part(1, of: 1)
    #expect(sampler.machine.popBatch() == nil)
    #expect(sampler.machine.samplerCounters.strays == 1)
    sampler.part(0, of: 1)
    let batch = try sampler.taken()
    let column = try #require(batch.column("observation")).assumingMemoryBound(to: Float.self)
    #expect((0..<4).map { column[$0] } == [0, 1, 2, 3])
    #expect((0..<4).map { batch.keys[$0] } == [0, 1, 2, 3])
  }

  @Test func aRequestForTwoBatchesDealsItsRowsOut() throws {
    var sampler = SamplerHarness(batch: 2, batches: 2)
    _ = sampler.welcome(at: 0)
    sampler.part(1, of: 1)
    sampler.part(0, of: 1)
    let batch = try sampler.taken()
    let column = try #require(batch.column("observation")).assumingMemoryBound(to: Float.self)
    #expect(batch.batches == 2 && batch.rows == 4)
    #expect((0..<4).map { column[$0] } == [0, 2, 1, 3], "neighbours in the draw go to different batches")
    #expect((0..<4).map { batch.keys[$0] } == [0, 2, 1, 3])
  }

  @Test func partsOfTwoDrawsAreNotMixed() throws {
    var sampler = SamplerHarness()
    _ = sampler.welcome(at: 0)
    // Both draws of the same table, with equal mass and items: only their numbers differ.
    sampler.part(0, of: 1, draw: 5, value: 100)
    sampler.part(1, of: 1, draw: 6, value: 200)
    #expect(sampler.machine.popBatch() == nil)
    sampler.part(1, of: 1, draw: 5, value: 100)
    #expect(sampler.machine.popBatch() == nil, "an older draw's part comes too late")
    sampler.part(0, of: 1, draw: 6, value: 200)
    let batch = try sampler.taken()
    let column = try #require(batch.column("observation")).assumingMemoryBound(to: Float.self)
    #expect((0..<4).map { column[$0] } == [200, 201, 202, 203])
    sampler.part(0, of: 1, draw: 6)
    #expect(sampler.machine.samplerCounters.strays == 2, "the request is answered")
  }

  @Test func anUnansweredRequestIsRepeated() {
    var sampler = SamplerHarness()
    _ = sampler.welcome(at: 0)
    #expect(sampler.advance(999).isEmpty)
    #expect(sampler.advance(1000).compactMap { $0.sampleRequest?.request } == [1, 2])
    #expect(sampler.machine.samplerCounters.requestsRepeated == 2)
  }

  @Test func strangeBatchesAreStrays() {
    var sampler = SamplerHarness()
    _ = sampler.welcome(at: 0)
    sampler.part(0, of: 77)
    sampler.part(0, of: 1, rows: 5)
    _ = sampler.receive(at: 1) { writer in
      let header = BatchHeader(
        request: 1, draw: 1, part: 0, parts: 1, firstRow: 0, rows: 0, batchRows: 4, mass: 1, itemCount: 1)
      _ = Batch.reserve(writer, header, fields: [Field("observation", .float64, shape: [1 << 27])])
    }
    #expect(sampler.machine.samplerCounters.strays == 2)
    #expect(sampler.machine.samplerCounters.malformed == 1, "a part without rows")
    #expect(sampler.machine.popBatch() == nil)
  }

  @Test func creditIsKept() {
    var sampler = SamplerHarness(inFlight: 4)
    #expect(sampler.welcome(at: 0, credit: 1) == [1])
  }

  @Test func anotherIncarnationOfTheServiceIsAskedAgainAndGetsNoOldPriorities() throws {
    var sampler = SamplerHarness()
    _ = sampler.welcome(at: 0)
    sampler.part(0, of: 1)
    sampler.part(1, of: 1)
    sampler.part(0, of: 2)
    let old = try sampler.taken()
    _ = sampler.advance(1)
    let hello = sampler.receive(at: 2) {
      Refusal(code: .unknownPeer, type: 5, reference: 2, text: "").encode(into: $0)
    }
    #expect(hello.compactMap(\.hello).count == 1)
    #expect(sampler.welcome(at: 3, incarnation: 51) == [2, 3])
    #expect(sampler.machine.samplerCounters.serviceRestarts == 1)
    sampler.part(1, of: 2)
    #expect(sampler.machine.popBatch() == nil, "the other half was drawn by another incarnation")
    let priorities: [Float] = [1, 2, 3, 4]
    priorities.withUnsafeBufferPointer { sampler.machine.update(old, priorities: $0, sink: sampler.sink) }
    #expect(sampler.sink.take().isEmpty)
    #expect(sampler.machine.samplerCounters.prioritiesDropped == 4)
    sampler.part(0, of: 2)
    let new = try sampler.taken()
    priorities.withUnsafeBufferPointer { sampler.machine.update(new, priorities: $0, sink: sampler.sink) }
    #expect(sampler.sink.take().map(\.type) == [.priorities])
  }

  @Test func busyWaitsAndOtherRefusalsStop() {
    var sampler = SamplerHarness()
    _ = sampler.welcome(at: 0)
    _ = sampler.receive(at: 1) { Refusal(code: .busy, type: 5, reference: 1, text: "").encode(into: $0) }
    #expect(sampler.machine.refusal == nil)
    _ = sampler.receive(at: 1) { Refusal(code: .mismatch, type: 1, reference: 1, text: "n").encode(into: $0) }
    #expect(sampler.machine.refusal?.text == "n")
    #expect(sampler.advance(5000).isEmpty)
  }
}
