// `rookery bench replay`: what the replay takes and serves, in process and over ipc.

internal import Experience
internal import Foundations
internal import Glibc
internal import ReplayStore
internal import Services
internal import Transport
internal import Wire

/// The store in process, then a real service process: one client inserts, then samples with priorities written back.
/// Steps are 36 bytes and their flags; each step starts an item.
func benchReplay(json: Bool) throws {
  var results = ReplayStoreBenchmark.run().map { (name: "store, \($0.name)", value: $0.perSecond) }
  for steps in [50, 1000] {
    let processes = try startReplay()
    var inserter = try InsertBench(address: processes.replayAddress, stepsPerMessage: steps)
    let rate = try inserter.run(seconds: 2)
    results.append(("service over ipc, insert \(steps) a message, steps", rate))
    if steps == 1000 {
      var sampler = try SampleBench(address: processes.replayAddress, batch: 512)
      let sampled = try sampler.run(seconds: 2)
      results.append(("service over ipc, sample 512 + priorities, batches", sampled))
    }
  }
  printResults(results, unit: "/s", json: json)
}

private func startReplay() throws -> BenchProcesses {
  let processes = try BenchProcesses(settings: [
    "ROOKERY_REPLAY__CAPACITY": "1000000",
    "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
    "ROOKERY_ALGORITHM__N_STEP": "1",
    "ROOKERY_ALGORITHM__BATCH": "512",
  ])
  try processes.start("replay")
  return processes
}

private let benchTable = TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.99))

/// Waits on a link and a deadline.
private struct LinkPoller: ~Copyable {
  private var poller = Poller()

  init(_ link: DealerLink) {
    poller.add(link.socket)
  }

  mutating func wait(until deadline: Instant, now: Instant) { poller.wait(until: deadline, now: now) }
}

/// Inserts as fast as credit allows.
private struct InsertBench {
  let link: DealerLink
  let stepsPerMessage: Int
  private var writer: WriterMachine
  private let rows: UnsafeMutableRawPointer
  private let schema: StepSchema

  init(address: String, stepsPerMessage: Int) throws {
    link = try DealerLink(context: Context(), to: Endpoint(address))
    self.stepsPerMessage = stepsPerMessage
    schema = .discrete(observation: [7])
    rows = .allocate(byteCount: stepsPerMessage * 28, alignment: 64)
    rows.initializeMemory(as: UInt8.self, repeating: 0, count: stepsPerMessage * 28)
    var generator = SeededGenerator.fromSystem()
    var configuration = WriterMachine.Configuration(
      id: Identifier(using: &generator), label: "bench", schema: schema, tables: [benchTable])
    configuration.inFlight = 32
    writer = WriterMachine(configuration: configuration, now: SystemClock.now())
  }

  /// Steps committed a second, after the ring has wrapped once.
  mutating func run(seconds: Double) throws -> Double {
    var sink = link
    var poller = LinkPoller(link)
    var index: UInt64 = 0
    var start: (at: Instant, messages: UInt64)?
    defer { rows.deallocate() }
    while true {
      let now = SystemClock.now()
      link.drain { writer.receive($0, now: now, sink: &sink) }
      writer.advance(to: now, sink: &sink)
      if let refusal = writer.refusal { throw BenchError("the replay refused: \(refusal.text)") }
      let committed = writer.counters.messagesCommitted
      if start == nil, committed * UInt64(stepsPerMessage) > 1_000_000 { start = (now, committed) }
      if let start, now >= start.at + .seconds(seconds) {
        return Double(committed - start.messages) * Double(stepsPerMessage) / (now - start.at).seconds
      }
      if let frame = writer.beginFrame() {
        encode(into: frame, index: index)
        index += UInt64(stepsPerMessage)
        writer.commitFrame(now: now, sink: &sink)
      } else {
        poller.wait(until: writer.nextDeadline(now: now), now: now)
      }
    }
  }

  /// One chunk of one endless episode; each step but the last of the message before starts an item.
  private func encode(into frame: FrameWriter, index: UInt64) {
    let count = stepsPerMessage
    let header = ChunkHeader(stream: 0, firstIndex: index, count: count, weightsVersion: 1)
    var flags = [UInt8](repeating: 0, count: count)
    if index == 0 { flags[0] = StepFlags.isFirst.rawValue }
    let first = index == 0 ? 0 : index - 1
    let items = count - (index == 0 ? 1 : 0)
    let indices = (0..<items).map { first + UInt64($0) }
    let streams = [UInt32](repeating: 0, count: items)
    let spans = [UInt32](repeating: 2, count: items)
    let priorities = [Float](repeating: 1, count: items)
    Insert.begin(frame, sequence: writer.nextSequence, chunks: 1)
    flags.withUnsafeBytes { flags in
      let columns = [28, 4, 4].map { UnsafeRawBufferPointer(start: rows, count: count * $0) } + [flags]
      Insert.chunk(frame, header, columns: columns)
    }
    indices.withUnsafeBytes { indices in
      streams.withUnsafeBytes { streams in
        spans.withUnsafeBytes { spans in
          priorities.withUnsafeBytes { priorities in
            Insert.items(
              frame,
              [
                ItemBlock(
                  table: 0, count: items, streams: streams, firstIndices: indices, spans: spans,
                  priorities: priorities)
              ])
          }
        }
      }
    }
  }
}

/// Samples as fast as requests in flight allow, and writes a priority back for every item.
private struct SampleBench {
  let link: DealerLink
  let batch: Int
  private var sampler: SamplerMachine

  init(address: String, batch: Int) throws {
    link = try DealerLink(context: Context(), to: Endpoint(address))
    self.batch = batch
    var generator = SeededGenerator.fromSystem()
    var configuration = SamplerMachine.Configuration(
      id: Identifier(using: &generator), label: "bench", table: benchTable, batch: batch)
    configuration.inFlight = 4
    sampler = SamplerMachine(configuration: configuration, now: SystemClock.now())
  }

  /// Batches a second.
  mutating func run(seconds: Double) throws -> Double {
    var sink = link
    var poller = LinkPoller(link)
    var generator = SeededGenerator(seed: 1)
    var priorities = [Float](repeating: 1, count: batch)
    var served = 0
    var start: Instant?
    while true {
      let now = SystemClock.now()
      link.drain { sampler.receive($0, now: now, sink: &sink) }
      sampler.advance(to: now, sink: &sink)
      if let refusal = sampler.refusal { throw BenchError("the replay refused: \(refusal.text)") }
      if let start, now >= start + .seconds(seconds) { return Double(served) / (now - start).seconds }
      guard let sampled = sampler.take() else {
        poller.wait(until: sampler.nextDeadline(now: now), now: now)
        continue
      }
      if start == nil { start = now }
      served += 1
      for row in 0..<batch { priorities[row] = generator.uniformFloat() }
      priorities.withUnsafeBufferPointer { sampler.update(sampled, priorities: $0, sink: &sink) }
      sampler.release(sampled, now: now, sink: &sink)
    }
  }
}
