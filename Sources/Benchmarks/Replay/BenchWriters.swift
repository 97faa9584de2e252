// A thousand writers at once.

internal import Experience
internal import Foundations
internal import Services
internal import Transport
internal import Wire

/// Many connected writers in one process. Each sends a few steps of its own every 50 ms.
struct BenchWriters: ~Copyable {
  private final class ConnectedWriter {
    let link: DealerLink
    var machine: WriterMachine
    var message: BenchMessage
    var nextAt: Instant
    var sentAt: [Instant] = []

    init(link: DealerLink, machine: WriterMachine, steps: Int, nextAt: Instant) {
      self.link = link
      self.machine = machine
      message = BenchMessage(.small, steps: steps)
      self.nextAt = nextAt
    }
  }

  private var writers: [ConnectedWriter] = []
  private var poller = Poller()
  private let every: Instant.Span
  private let steps: Int

  /// - Parameter rate: steps a second of each writer.
  init(address: String, count: Int, rate: Int) throws {
    // 20 messages a second, as an actor flushes.
    steps = max(1, rate / 20)
    every = .seconds(Double(steps) / Double(rate))
    var generator = SeededGenerator.fromSystem()
    let now = SystemClock.now()
    var connector = Connector()
    for index in 0..<count {
      // libzmq allows about a thousand sockets in one context.
      if index % 500 == 499 { connector = Connector() }
      let link = try DealerLink(connector: connector, to: Endpoint(address))
      poller.add(link.socket)
      let configuration = WriterMachine.Configuration(
        id: Identifier(using: &generator), label: "bench-\(index)", schema: BenchPayload.small.schema,
        tables: [BenchPayload.small.table])
      writers.append(
        ConnectedWriter(
          link: link, machine: WriterMachine(configuration: configuration, now: now),
          steps: steps,
          nextAt: now + .seconds(1 + every.seconds * Double(index) / Double(count))))
    }
  }

  mutating func run(seconds: Double) throws -> BenchReport {
    var window = BenchWindow(seconds: seconds)
    while true {
      let now = SystemClock.now()
      var done: UInt64 = 0
      var next = now + .milliseconds(50)
      for index in writers.indices {
        try advance(writers[index], now: now, &window)
        done += writers[index].machine.counters.messagesCommitted
        next = min(next, writers[index].nextAt)
      }
      let areReady = writers.allSatisfy { $0.machine.isReady }
      if areReady, let report = window.close(now: now, count: Double(done) * Double(steps)) { return report }
      poller.wait(until: max(next, now + .milliseconds(1)), now: now)
    }
  }

  private func advance(_ writer: ConnectedWriter, now: Instant, _ window: inout BenchWindow) throws {
    writer.link.drain { writer.machine.receive($0, now: SystemClock.now(), sink: writer.link) }
    writer.machine.advance(to: now, sink: writer.link)
    if let refusal = writer.machine.refusal { throw BenchError("the replay refused: \(refusal.text)") }
    let acknowledged = writer.sentAt.count - writer.machine.unacknowledged
    if acknowledged > 0 {
      let seen = SystemClock.now()
      if window.isOpen { for sent in writer.sentAt[..<acknowledged] { window.latencies.record(seen - sent) } }
      writer.sentAt.removeFirst(acknowledged)
    }
    guard now >= writer.nextAt, let frame = writer.machine.beginFrame(chunks: 1) else { return }
    writer.message.encode(into: frame)
    writer.sentAt.append(SystemClock.now())
    writer.machine.commitFrame(now: now, sink: writer.link)
    writer.nextAt = max(writer.nextAt + every, now)
  }
}
