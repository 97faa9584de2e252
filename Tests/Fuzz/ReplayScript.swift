// A conversation with the replay machine, made from a fuzzer's bytes.

import Experience
import Foundations
import Wire

@testable import ReplayStore
@testable import Services

/// Plays several peers and the clock. Most messages are well-formed and nearly right, so that they
/// get far. Messages made of an input's own bytes can be anything.
struct ReplayScript {
  private let variant: ReplayVariant
  private let configuration: ReplayMachine.Configuration
  private(set) var machine: ReplayMachine
  private var sink: FuzzSink
  private var source: ByteSource
  private var now = Instant.zero
  private let frames: FrameMaker
  /// The next index in each stream, as its writer knows it.
  private var nextIndices: [Stream.Key: UInt64] = [:]
  /// Batches that wait for prefetches.
  private var prefetch: [PrefetchRequest] = []

  private static let peers = 4
  /// Messages after which an input is cut off.
  private static let actionsMax = 100

  /// Whether files may have been damaged. Then some invariants need not hold, but still nothing may
  /// trap.
  private let isDamaged: Bool

  /// Nil if the store cannot be made.
  init?(
    _ variant: ReplayVariant, _ configuration: ReplayMachine.Configuration, _ source: ByteSource,
    isDamaged: Bool = false
  ) {
    self.isDamaged = isDamaged
    guard let machine = Self.machine(configuration, at: .zero) else { return nil }
    self.variant = variant
    self.configuration = configuration
    self.machine = machine
    self.source = source
    sink = FuzzSink(reader: isDamaged ? nil : MessageReader(schema: variant.schema))
    frames = FrameMaker(variant)
  }

  private static func machine(_ configuration: ReplayMachine.Configuration, at now: Instant) -> ReplayMachine?
  {
    try? ReplayMachine(
      configuration: configuration, incarnation: FrameMaker.id(99), generator: SeededGenerator(seed: 1),
      now: now)
  }

  /// A replay that has been written and read until its ring has wrapped.
  static func plain(_ variant: ReplayVariant, _ configuration: ReplayMachine.Configuration) -> ReplayScript {
    guard
      var script = ReplayScript(
        variant, configuration, ByteSource(UnsafeRawBufferPointer(start: nil, count: 0)))
    else { fatalError("no store can be made of \(variant)") }
    script.ask(script.frames.writerHello(&script.source, peer: 0), from: 0)
    script.ask(script.frames.samplerHello(&script.source, peer: 1), from: 1)
    for message in 0..<12 as Range<UInt64> {
      // The last items remain.
      if message == 11 { script.ask(script.frames.goodbye(11), from: 1) }
      for (request, table) in configuration.store.tables.indices.flatMap({ [$0, $0] }).enumerated() {
        script.ask(
          script.frames.sampleRequest(message << 8 | UInt64(request), table: table, count: 4), from: 1)
      }
      script.ask(script.frames.plainInsert(sequence: message + 1, first: message * 4, count: 4), from: 0)
    }
    return script
  }

  mutating func run() {
    for _ in 0..<Self.actionsMax where !source.isEmpty {
      act()
      if isDamaged { continue }
      let problem = machine.checkInvariants() ?? machine.store.checkInvariants()
      expect(problem == nil, "\(variant): \(problem ?? "")")
    }
    machine.answerReceived(now: now, sink: sink)
    // Long after the last message all peers are forgotten.
    advance(by: .seconds(2000))
    expect(isDamaged || machine.writers.count + machine.samplers.count == 0, "somebody is never forgotten")
  }

  private mutating func act() {
    let first = source.byte()
    let peer = Int(first) % Self.peers
    // Mostly a frame is answered before the next one comes.
    defer { if first & 0x30 != 0 { machine.answerReceived(now: now, sink: sink) } }
    switch source.below(16) {
    case 0: receive(source.bytes(Int(source.byte())), from: peer)
    case 1: say(frames.writerHello(&source, peer: peer), from: peer)
    case 2: say(frames.samplerHello(&source, peer: peer), from: peer)
    case 3...7: insert(from: peer)
    case 8, 9: say(frames.sampleRequest(&source), from: peer)
    case 10: say(frames.priorities(&source, head: machine.store.statistics.head), from: peer)
    case 11: say(frames.limits(&source), from: peer)
    case 12: say(frames.totals(&source), from: peer)
    case 13: say(frames.question(&source, head: machine.store.statistics.head), from: peer)
    case 14: advance(by: .milliseconds([0, 1, 1100, 11_000, 700_000][source.below(5)]))
    default: other()
    }
  }

  /// Passes a frame to the machine, now and then with one byte changed.
  private mutating func say(_ frame: [UInt8], from peer: Int) {
    var frame = frame
    if source.rarely(16) {
      let place = (Int(source.byte()) << 8 | Int(source.byte())) % frame.count
      frame[place] = source.byte()
    }
    receive(frame, from: peer)
  }

  /// Passes a frame to the machine, and lets it answer.
  private mutating func ask(_ frame: [UInt8], from peer: Int) {
    receive(frame, from: peer)
    machine.answerReceived(now: now, sink: sink)
  }

  private mutating func receive(_ frame: [UInt8], from peer: Int) {
    frame.withUnsafeBytes { machine.receive($0, from: PeerID(number: UInt64(peer)), now: now, sink: sink) }
  }

  private mutating func insert(from peer: Int) {
    let handle = machine.writers.handle(of: PeerID(number: UInt64(peer)))
    let writer = handle.flatMap { machine.writers[$0] }
    let next = writer.map { $0.committed + UInt64($0.waiting) + 1 } ?? 1
    var told: [UInt32: UInt64] = [:]
    let known = (0..<FrameMaker.streams).map { stream -> UInt64 in
      let key = Stream.Key(writer: handle ?? 0, stream: stream)
      let number = machine.store.ring?.streams.number(of: key)
      // While messages wait, the store does not know of them.
      if let number, writer?.waiting == 0 {
        return machine.store.ring!.streams.records[Int(number)].nextIndex
      }
      return nextIndices[key] ?? 0
    }
    let frame = frames.insert(&source, sequence: source.near(next), next: { known[Int($0)] }, told: &told)
    say(frame, from: peer)
    for (stream, index) in told { nextIndices[Stream.Key(writer: handle ?? 0, stream: stream)] = index }
  }

  private mutating func advance(by span: Instant.Span) {
    now += span
    machine.advance(to: now, sink: sink)
    expect(
      isDamaged || machine.nextDeadline(now: now) > now || span < .seconds(1), "a deadline that has passed")
  }

  /// What the driver does besides passing messages.
  private mutating func other() {
    switch source.below(6) {
    case 0: machine.answerReceived(now: now, sink: sink)
    case 1: sink.isFull.toggle()
    case 2:
      if let path = machine.advanceSnapshot(now: now, sink: sink) {
        machine.didPublish(path, problem: ReplayStore.publishSnapshot(at: path))
      }
    case 3:
      prefetch += machine.takePrefetchRequests()
      guard !prefetch.isEmpty else { return }
      // Prefetches finish in any order.
      let request = prefetch.remove(at: source.below(prefetch.count))
      request.pages.prefetch()
      machine.didPrefetch(request.ticket, now: now, sink: sink)
    case 4:
      let numbers = machine.telemetry(now: now)
      expect(isDamaged || numbers.values.allSatisfy { $0.isFinite && $0 >= 0 }, "telemetry: \(numbers)")
      _ = machine.takeNotices()
    default: begin()
    }
  }

  /// Ends the process, and starts another with its files.
  private mutating func begin() {
    guard case .file = configuration.store.storage else { return }
    // Its memory is lost.
    prefetch.removeAll()
    if let next = Self.machine(configuration, at: now) { machine = next }
  }
}
