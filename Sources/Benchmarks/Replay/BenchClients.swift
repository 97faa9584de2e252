// The benchmark's inserter and sampler, each a process of its own.

internal import Experience
internal import Foundations
internal import Services
internal import Transport
internal import Wire

/// What a client measured in its window.
struct BenchReport: Codable {
  /// Steps acknowledged, batches received, or priorities written, a second.
  var perSecond: Double
  /// Latency of one call: a message until it is acknowledged, or a request until its batch is
  /// complete.
  var p50_ms: Double
  var p99_ms: Double
  /// CPU seconds a second.
  var cpu: Double
}

/// Measures a window of time after a warm-up.
struct BenchWindow {
  private let warmUp: Instant.Span
  private let length: Instant.Span
  private var start: (at: Instant, count: Double, cpu: Instant.Span)?
  private let begun = SystemClock.now()
  var latencies = LatencyHistogram()

  init(seconds: Double) {
    warmUp = .seconds(min(0.5, seconds / 2))
    length = .seconds(seconds)
  }

  var isOpen: Bool { start != nil }

  /// The report once the window is over, else nil. `count` is the total so far.
  mutating func close(now: Instant, count: Double) -> BenchReport? {
    guard let start else {
      if now >= begun + warmUp, count > 0 { self.start = (now, count, SystemClock.processTime()) }
      return nil
    }
    guard now >= start.at + length else { return nil }
    let seconds = (now - start.at).seconds
    return BenchReport(
      perSecond: (count - start.count) / seconds, p50_ms: latencies.quantile(0.5).milliseconds,
      p99_ms: latencies.quantile(0.99).milliseconds,
      cpu: (SystemClock.processTime() - start.cpu).seconds / seconds)
  }
}

/// Inserts as fast as the replay acknowledges.
struct BenchInserter: ~Copyable {
  private let link: DealerLink
  private var writer: WriterMachine
  private var message: BenchMessage
  private var poller = Poller()
  private var sentAt: [Instant] = []
  /// Steps a second; 0: as fast as they are acknowledged.
  private let rate: Double

  /// - Parameters:
  ///   - rate: steps a second; 0: as fast as they are acknowledged.
  ///   - isVaried: whether the observations cannot be compressed.
  init(
    address: String, payload: BenchPayload, steps: Int, inFlight: Int, rate: Double = 0,
    isVaried: Bool = false
  ) throws {
    self.rate = rate
    link = try DealerLink(connector: Connector(), to: Endpoint(address))
    poller.add(link.socket)
    message = BenchMessage(payload, steps: steps, isVaried: isVaried)
    var generator = SeededGenerator.fromSystem()
    var configuration = WriterMachine.Configuration(
      id: Identifier(using: &generator), label: "bench", schema: payload.schema, tables: payload.tables)
    configuration.inFlight = inFlight
    writer = WriterMachine(configuration: configuration, now: SystemClock.now())
  }

  /// Inserts until `isOver` returns true. It receives the time, the steps acknowledged, and the
  /// latencies of the messages acknowledged since its last call.
  private mutating func insert(_ isOver: (Instant, Double, [Instant.Span]) -> Bool) throws {
    var latencies: [Instant.Span] = []
    var next = SystemClock.now()
    while true {
      let now = SystemClock.now()
      link.drain { writer.receive($0, now: now, sink: link) }
      writer.advance(to: now, sink: link)
      if let refusal = writer.refusal { throw BenchError("the replay refused: \(refusal.text)") }
      latencies.removeAll(keepingCapacity: true)
      let done = sentAt.count - writer.unacknowledged
      for sent in sentAt[..<max(0, done)] { latencies.append(now - sent) }
      sentAt.removeFirst(max(0, done))
      if isOver(now, Double(writer.counters.messagesCommitted) * Double(message.steps), latencies) { break }
      if rate > 0, now < next {
        poller.wait(until: next, now: now)
      } else if let frame = writer.beginFrame(chunks: 1) {
        if rate > 0 { next = max(next + .seconds(Double(message.steps) / rate), now - .milliseconds(50)) }
        message.encode(into: frame)
        sentAt.append(SystemClock.now())
        writer.commitFrame(now: now, sink: link)
      } else {
        poller.wait(until: writer.nextDeadline(now: now), now: now)
      }
    }
    writer.leave(sink: link)
  }

  /// Inserts `steps` steps.
  mutating func fill(steps: Int) throws {
    try insert { _, done, _ in done >= Double(steps) }
  }

  mutating func run(seconds: Double) throws -> BenchReport {
    var window = BenchWindow(seconds: seconds)
    var report: BenchReport?
    try insert { now, done, latencies in
      if window.isOpen { for span in latencies { window.latencies.record(span) } }
      report = window.close(now: now, count: done)
      return report != nil
    }
    return report!
  }
}

/// Samples as fast as its requests in flight allow, and writes a priority back for every item.
struct BenchSampler: ~Copyable {
  private let link: DealerLink
  private var sampler: ShardedSampler
  private var poller = Poller()
  private let batch: Int
  private var priorities: [Float]
  private var generator = SeededGenerator(seed: 1)

  init(address: String, payload: BenchPayload, batch: Int, inFlight: Int) throws {
    link = try DealerLink(connector: Connector(), to: Endpoint(address))
    poller.add(link.socket)
    self.batch = batch
    priorities = Array(repeating: 1, count: batch)
    var generator = SeededGenerator.fromSystem()
    var configuration = SamplerMachine.Configuration(
      id: Identifier(using: &generator), label: "bench", table: payload.table, batch: batch)
    configuration.inFlight = inFlight
    let now = SystemClock.now()
    sampler = ShardedSampler(
      configuration: ShardedSampler.Configuration(sampler: configuration), generator: generator, now: now)
    sampler.setShards([.service], now: now, sink: link)
  }

  /// Samples until the window is over, and writes `updates` times new priorities for each batch.
  private mutating func sample(
    seconds: Double, updates: Int, measuresLatency: Bool, count: (_ batches: Int, _ keys: Int) -> Double
  ) throws -> BenchReport {
    var window = BenchWindow(seconds: seconds)
    var batches = 0
    var asked = SystemClock.now()
    while true {
      let now = SystemClock.now()
      link.drain { sampler.receive($0, from: .service, now: now, sink: link) }
      sampler.advance(to: now, sink: link)
      if let refusal = sampler.refusal { throw BenchError("the replay refused: \(refusal.text)") }
      guard let sampled = sampler.popBatch() else {
        poller.wait(until: sampler.nextDeadline(now: now), now: now)
        continue
      }
      batches += 1
      if measuresLatency, window.isOpen { window.latencies.record(SystemClock.now() - asked) }
      if let report = window.close(now: now, count: count(batches, batches * updates * batch)) {
        sampler.leave(sink: link)
        return report
      }
      for _ in 0..<updates {
        for row in 0..<batch { priorities[row] = generator.uniformFloat() }
        priorities.withUnsafeBufferPointer { sampler.update(sampled, priorities: $0, sink: link) }
      }
      asked = SystemClock.now()
      sampler.release(sampled, now: asked, sink: link)
    }
  }

  /// Batches a second; with one request in flight (`measuresLatency`) the latencies too.
  mutating func run(seconds: Double, measuresLatency: Bool) throws -> BenchReport {
    try sample(seconds: seconds, updates: 1, measuresLatency: measuresLatency) { batches, _ in Double(batches)
    }
  }

  /// Keys a second. A batch now and then confirms that earlier updates have arrived.
  mutating func runUpdates(seconds: Double) throws -> BenchReport {
    try sample(seconds: seconds, updates: 32, measuresLatency: false) { _, keys in Double(keys) }
  }
}
