// A learner's session with the parameter server.

public import Experience
public import Foundations
internal import Numerics
public import Wire

/// Joins the parameter server, numbers what the learner gives and sends it again until a publication
/// says that it is merged, and believes nothing that cannot be. A learner never waits for it.
///
/// What is given, and what a publication makes of the learner's weights, its `Aggregator` says.
public struct MemberMachine {
  public struct Configuration: Sendable {
    public var id: Identifier
    /// The run's, if it has one.
    public var token: Identifier?
    public var label: String
    public var manifest: WeightsManifest
    public var aggregation: Aggregation
    public var joinEvery = Instant.Span.milliseconds(250)
    public var repeatAfter = Instant.Span.milliseconds(500)

    public init(
      id: Identifier, token: Identifier? = nil, label: String, manifest: WeightsManifest,
      aggregation: Aggregation
    ) {
      self.id = id
      self.token = token
      self.label = label
      self.manifest = manifest
      self.aggregation = aggregation
    }
  }

  public struct Counters: Sendable {
    public var changesSent: UInt64 = 0
    public var changesRepeated: UInt64 = 0
    public var changesMerged: UInt64 = 0
    public var updatesMerged: UInt64 = 0
    public var rebases: UInt64 = 0
    public var malformed: UInt64 = 0
    public var serverRestarts: UInt64 = 0
    /// Answers and publications that say what cannot be: more of this learner's deltas merged than
    /// it has sent, or weights that are no numbers. None of it is believed.
    public var impossible: UInt64 = 0
  }

  struct Pending {
    var sequence: UInt64
    var updates: UInt64
    var sentAt: Instant
  }

  public let configuration: Configuration
  public private(set) var counters = Counters()
  public private(set) var index: Int?
  /// The newest published version seen.
  public private(set) var version: UInt64 = 0

  /// How publications call this learner.
  private let name: PublicName
  private var aggregator: any Aggregator
  private var session: ClientSession
  /// The server's incarnation that published `version`.
  private var publisher: Identifier?
  private var nextSequence: UInt64 = 1
  private var notice: String?
  private var pending: Pending?
  /// The delta under way.
  private let delta = FrameWriter(capacity: 1 << 16)

  public init(configuration: Configuration, now: Instant) {
    self.configuration = configuration
    name = configuration.id.publicName
    aggregator = configuration.aggregation.aggregator()
    session = ClientSession(
      id: configuration.id, service: .service, greetEvery: configuration.joinEvery, now: now)
  }

  /// A delta may be pushed: the last one is merged, and there is something to stand on.
  public var canPush: Bool { session.isOpen && pending == nil && hasWeights }
  public var hasWeights: Bool { !reference.isEmpty }
  /// The published values this learner stands on; empty before the first publication.
  public var reference: [Float] { aggregator.reference }
  /// What is published is replaced by the learner's weights, not moved: it comes from a divergence.
  public var isRestoring: Bool { aggregator.isRestoring }
  /// Why the server will have nothing of this learner, if so.
  public var refusal: Refusal? { session.refusal }
}

extension MemberMachine {
  /// Sends what `updates` updates have made of the learner's weights.
  public mutating func push(
    local: UnsafeBufferPointer<Float>, updates: UInt64, oldestUpdate: Int64, newestUpdate: Int64,
    now: Instant, sink: some FrameSink
  ) {
    precondition(canPush && updates > 0 && local.count == configuration.manifest.elementCount)
    let head = Delta(
      id: configuration.id, sequence: nextSequence, baseVersion: version, updates: updates,
      oldestUpdate: oldestUpdate, newestUpdate: newestUpdate,
      values: UnsafeRawBufferPointer(start: nil, count: 0))
    aggregator.push(local, as: head, into: delta)
    pending = Pending(sequence: nextSequence, updates: updates, sentAt: now)
    nextSequence += 1
    counters.changesSent += 1
    sink.send(delta.bytes, to: session.service)
  }

  /// Takes a publication: returns true if it changed `local`.
  public mutating func rebase(on weights: Weights, local: UnsafeMutableBufferPointer<Float>) -> Bool {
    guard weights.manifest == configuration.manifest, local.count * 4 == weights.values.count else {
      counters.malformed += 1
      return false
    }
    guard Finite.firstException(weights.values) == nil else {
      doubt("weights \(weights.version): expected finite numbers, found others")
      return false
    }
    let isNewIncarnation = publisher != nil && publisher != weights.incarnation
    if publisher != weights.incarnation { meet(weights.incarnation) }
    publisher = weights.incarnation
    // A server that keeps nothing starts again from low versions: what it publishes counts.
    guard weights.version > version || !hasWeights || isNewIncarnation && weights.version < version else {
      return false
    }
    version = weights.version
    aggregator.rebase(local, on: weights.values, isMerged: settle(weights))
    counters.rebases += 1
    return true
  }

  /// Whether a publication holds the delta that is under way, which is settled then.
  private mutating func settle(_ weights: Weights) -> Bool {
    guard let sent = pending, let merged = merged(by: weights), merged >= sent.sequence else { return false }
    counters.changesMerged += 1
    counters.updatesMerged += sent.updates
    pending = nil
    return true
  }

  /// Restores the learner's weights after a first publication that diverged.
  public mutating func beginRestoring() { aggregator.beginRestoring() }

  /// The last of this learner's deltas that is in a publication; none if it claims one that was
  /// never sent.
  private mutating func merged(by weights: Weights) -> UInt64? {
    guard let merged = weights.merged.first(where: { $0.learner == name })?.sequence else { return nil }
    guard merged < nextSequence else {
      doubt("weights \(weights.version): expected deltas up to \(nextSequence - 1) merged, found \(merged)")
      return nil
    }
    return merged
  }

  private mutating func doubt(_ text: String) {
    counters.impossible += 1
    if counters.impossible == 1 {
      notice =
        "the parameter server says what cannot be, \(text); it is not believed, later ones are only counted"
    }
  }

  /// What should be said once.
  public mutating func takeNotice() -> String? {
    defer { notice = nil }
    return notice
  }

  public mutating func receive(_ frame: UnsafeRawBufferPointer, now: Instant, sink: some FrameSink) {
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      switch try cursor.openMessage() {
      case .joined:
        let joined = try Joined(from: &cursor)
        // A number is given by this process alone: the server cannot have merged a later one.
        guard joined.merged < nextSequence else {
          return doubt("JOINED: expected deltas up to \(nextSequence - 1) merged, found \(joined.merged)")
        }
        guard session.isGreeting else { return }
        index = joined.index
        if session.open(by: joined.incarnation) { counters.serverRestarts += 1 }
      case .refusal:
        session.take(try Refusal(from: &cursor), now: now)
        if now >= session.nextGreeting { join(now: now, sink: sink) }
      default: counters.malformed += 1
      }
    } catch {
      counters.malformed += 1
    }
  }

  public mutating func advance(to now: Instant, sink: some FrameSink) {
    if now >= session.nextGreeting { join(now: now, sink: sink) }
    guard session.isOpen, let sent = pending, now >= sent.sentAt + configuration.repeatAfter else { return }
    pending?.sentAt = now
    counters.changesRepeated += 1
    sink.send(delta.bytes, to: session.service)
  }

  public func nextDeadline(now: Instant) -> Instant {
    guard session.isOpen else { return session.nextGreeting }
    return pending.map { $0.sentAt + configuration.repeatAfter } ?? .never
  }

  public mutating func leave(sink: some FrameSink) { session.leave(sink: sink) }

  private mutating func join(now: Instant, sink: some FrameSink) {
    let join = Join(
      id: configuration.id, token: configuration.token, label: configuration.label,
      manifest: configuration.manifest)
    session.greet(with: join, now: now, sink: sink)
  }

  /// Another incarnation of the server than the one that published before: if it is not the one that this
  /// learner has joined, it knows nothing of it.
  private mutating func meet(_ incarnation: Identifier) {
    guard session.meet(incarnation) else { return }
    counters.serverRestarts += 1
    if session.isOpen { session.greetAgain(at: .zero) }
  }
}
