// A learner's session with the parameter server.

public import Experience
public import Foundations
internal import Numerics
public import Wire

/// Joins the parameter server, numbers changes, and sends each again until a publication holds it,
/// if it is a delta, or it is answered, if it is a gradient. Impossible answers are ignored and
/// counted.
///
/// The `Aggregator` decides what a delta holds, and what a publication makes of the local weights.
public struct MemberMachine {
  /// What a learner tells the parameter server, and when it repeats itself.
  public struct Configuration: Sendable {
    /// The learner's id, sent in JOIN.
    public var id: Identifier
    /// The run's token, if it has one.
    public var token: Identifier?
    /// Names the learner in lists and logs.
    public var label: String
    /// The names and shapes of its weights; the server must have the same.
    public var manifest: WeightsManifest
    /// How deltas are made and merged.
    public var aggregation: Aggregation
    /// Time between two JOINs until the server answers.
    public var joinEvery = Instant.Span.milliseconds(250)
    /// Time between two JOINs of a member. An answer to an earlier JOIN may arrive late, after the
    /// server has given its index to another learner; this one confirms the index.
    public var confirmEvery = Instant.Span.seconds(10)
    /// A change that is not known to be merged is sent again after this time.
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

  /// What a member has counted.
  public struct Counters: Sendable {
    /// Deltas and gradients pushed; repetitions do not count.
    public var changesSent: UInt64 = 0
    /// Times that one was sent again.
    public var changesRepeated: UInt64 = 0
    /// Deltas that a publication held or gradients that were applied, and their updates.
    public var changesMerged: UInt64 = 0
    public var updatesMerged: UInt64 = 0
    /// Gradients that were too stale.
    public var gradientsDropped: UInt64 = 0
    /// Time spent waiting for answers to gradients.
    public var waited = Instant.Span.zero
    /// Publications adopted.
    public var rebases: UInt64 = 0
    /// Frames and publications that could not be decoded, or were of no type for a learner.
    public var malformed: UInt64 = 0
    /// New incarnations of the server.
    public var serverRestarts: UInt64 = 0
    /// Answers and publications that were ignored because they cannot be true: they hold deltas
    /// that this learner has not sent, or weights that are NaN or infinite.
    public var impossible: UInt64 = 0
  }

  private struct Pending {
    var sequence: UInt64
    var isGradient: Bool
    var updates: UInt64
    var firstSentAt: Instant
    var sentAt: Instant
  }

  /// What the member was started with.
  public let configuration: Configuration
  /// What the member has counted.
  public private(set) var counters = Counters()
  /// The server's number for this learner; nil before it has joined.
  public private(set) var index: Int?
  /// The newest published version seen.
  public private(set) var version: UInt64 = 0
  /// The updates in the local weights, without those made here.
  public private(set) var baseUpdates: UInt64 = 0
  /// The server's incarnation that they come from.
  private var baseIncarnation: Identifier?

  /// The name of this learner in publications.
  private let name: PublicName
  private var aggregator: any Aggregator
  private var session: ClientSession
  /// When the index is asked for again.
  private var confirmAt = Instant.never
  /// The server's incarnation that published `version`.
  private var publisher: Identifier?
  private var nextSequence: UInt64 = 1
  private var notice: String?
  private var pending: Pending?
  /// The frame of the pending change.
  private let frame = FrameWriter(capacity: 1 << 16)

  public init(configuration: Configuration, now: Instant) {
    self.configuration = configuration
    name = configuration.id.publicName
    aggregator = configuration.aggregation.aggregator()
    session = ClientSession(
      id: configuration.id, service: .service, greetEvery: configuration.joinEvery, now: now)
  }

  /// A delta may be pushed: the last one is merged, and weights have been published.
  public var canPush: Bool { session.isOpen && pending == nil && hasWeights }
  /// Some weights have been published.
  public var hasWeights: Bool { !reference.isEmpty }
  /// The published values that the local weights are based on; empty before the first publication.
  public var reference: [Float] { aggregator.reference }
  /// The learner's weights replace published ones that diverged, instead of following them.
  public var isRestoring: Bool { aggregator.isRestoring }
  /// The learner sends each gradient instead of applying it.
  var sharesGradients: Bool { aggregator.shares == .gradients }
  /// A batch may be trained on: with shared gradients, the last one is answered.
  var canTrain: Bool {
    switch aggregator.shares {
    case .deltas: hasWeights
    case .gradients: canPush && !isRestoring
    }
  }
  /// Every change of this learner is in its weights.
  var isSettled: Bool { hasWeights && pending == nil }
  /// A gradient is under way.
  var isAnswerAwaited: Bool { sharesGradients && pending != nil }
  /// Why the server refuses this learner for good, if it does.
  public var refusal: Refusal? { session.refusal }
}

extension MemberMachine {
  /// Sends what training made of the local weights.
  /// - Parameters:
  ///   - local: float32, as many as the manifest's elements.
  ///   - updates: the updates in the delta, at least 1.
  ///   - transitions: what they were trained on, at least as many.
  ///   - oldestUpdate: when the first of them was made, in nanoseconds.
  ///   - newestUpdate: when the last of them was made, in nanoseconds.
  public mutating func push(
    local: UnsafeBufferPointer<Float>, updates: UInt64, transitions: UInt64, oldestUpdate: Int64,
    newestUpdate: Int64, now: Instant, sink: some FrameSink
  ) {
    precondition(canPush && updates > 0 && local.count == configuration.manifest.elementCount)
    let head = Delta(
      id: configuration.id, sequence: nextSequence, baseVersion: version, updates: updates,
      transitions: transitions, restores: isRestoring, oldestUpdate: oldestUpdate,
      newestUpdate: newestUpdate,
      values: UnsafeRawBufferPointer(start: nil, count: 0))
    aggregator.push(local, as: head, into: frame)
    sendFrame(isGradient: false, updates: updates, now: now, sink: sink)
  }

  /// Sends the gradient of a batch.
  /// - Parameters:
  ///   - gradient: float32, as many as the manifest's elements.
  ///   - rows: the batch's.
  ///   - weightMax: see `Gradient.weightMax`.
  mutating func push(
    gradient: UnsafeBufferPointer<Float>, rows: Int, weightMax: Double, now: Instant, sink: some FrameSink
  ) {
    precondition(canPush && gradient.count == configuration.manifest.elementCount)
    Gradient(
      id: configuration.id, sequence: nextSequence, incarnation: baseIncarnation ?? .zero, base: baseUpdates,
      rows: rows, weightMax: weightMax, madeAt: now.nanoseconds, values: UnsafeRawBufferPointer(gradient)
    ).encode(into: frame)
    sendFrame(isGradient: true, updates: 1, now: now, sink: sink)
  }

  private mutating func sendFrame(
    isGradient: Bool, updates: UInt64, now: Instant, sink: some FrameSink
  ) {
    pending = Pending(
      sequence: nextSequence, isGradient: isGradient, updates: updates, firstSentAt: now, sentAt: now)
    nextSequence += 1
    counters.changesSent += 1
    sink.send(frame.bytes, to: session.service)
  }

  /// Adopts a publication. True if it changed `local`.
  public mutating func rebase(on weights: Weights, local: UnsafeMutableBufferPointer<Float>) -> Bool {
    guard weights.manifest == configuration.manifest, local.count * 4 == weights.values.count else {
      counters.malformed += 1
      return false
    }
    guard Finite.firstException(weights.values) == nil else {
      recordImpossible("weights \(weights.version): expected finite numbers, found NaN or infinite ones")
      return false
    }
    let isNewIncarnation = publisher != nil && publisher != weights.incarnation
    if publisher != weights.incarnation { recordPublisher(weights.incarnation) }
    publisher = weights.incarnation
    // A server that restarts without saved weights begins again at low versions; the client adopts
    // them.
    guard weights.version > version || !hasWeights || isNewIncarnation && weights.version < version else {
      return false
    }
    version = weights.version
    let isMerged = completePending(by: weights)
    guard follows(weights) else { return false }
    (baseUpdates, baseIncarnation) = (weights.updates, weights.incarnation)
    aggregator.rebase(local, on: weights.values, isMerged: isMerged)
    counters.rebases += 1
    return true
  }

  /// Whether a publication replaces what the local weights are based on. The answer to a gradient
  /// does that otherwise; while one is under way, and if the weights are older, a publication does
  /// not.
  private func follows(_ weights: Weights) -> Bool {
    guard sharesGradients, hasWeights, !isRestoring else { return true }
    return pending == nil && (weights.incarnation != baseIncarnation || weights.updates > baseUpdates)
  }

  /// Handles the answer to a gradient. Returns it if its values are now what the local weights are
  /// based on.
  private mutating func adopt(_ updated: Updated, now: Instant) -> Updated? {
    guard updated.sequence < nextSequence else {
      recordImpossible("UPDATED: expected gradients up to \(nextSequence - 1), found \(updated.sequence)")
      return nil
    }
    // An older one is the answer to a repetition.
    guard let sent = pending, sharesGradients, sent.sequence == updated.sequence else { return nil }
    guard updated.values.count == configuration.manifest.elementCount * 4 else {
      counters.malformed += 1
      return nil
    }
    guard Finite.firstException(updated.values) == nil else {
      recordImpossible("UPDATED: expected finite weights, found NaN or infinite ones")
      return nil
    }
    pending = nil
    counters.waited = counters.waited + (now - sent.firstSentAt)
    switch updated.outcome {
    case .applied:
      counters.changesMerged += 1
      counters.updatesMerged += sent.updates
    case .dropped: recordDropped(updated)
    }
    if publisher != updated.incarnation { recordPublisher(updated.incarnation) }
    publisher = updated.incarnation
    version = max(version, updated.version)
    (baseUpdates, baseIncarnation) = (updated.updates, updated.incarnation)
    return updated
  }

  private mutating func recordDropped(_ updated: Updated) {
    counters.gradientsDropped += 1
    guard counters.gradientsDropped == 1 else { return }
    notice =
      "a gradient was dropped, as it was \(updated.staleness) updates late; later ones are only counted. Raise "
      + "aggregation.max_staleness if this learner is slow"
  }

  /// Whether a publication holds the pending delta, which is then complete. A gradient is not: the
  /// server may hold its answer back.
  private mutating func completePending(by weights: Weights) -> Bool {
    guard let sent = pending, !sent.isGradient, let merged = merged(by: weights), merged >= sent.sequence
    else { return false }
    counters.changesMerged += 1
    counters.updatesMerged += sent.updates
    pending = nil
    return true
  }

  /// Restores the learner's weights over a first publication that diverged.
  public mutating func beginRestoring() { aggregator.beginRestoring() }

  /// The last of this learner's deltas that a publication holds. Nil if it holds none, or one that
  /// was never sent.
  private mutating func merged(by weights: Weights) -> UInt64? {
    guard let merged = weights.merged.first(where: { $0.learner == name })?.sequence else { return nil }
    guard merged < nextSequence else {
      recordImpossible(
        "weights \(weights.version): expected changes up to \(nextSequence - 1) merged, found \(merged)")
      return nil
    }
    return merged
  }

  private mutating func recordImpossible(_ text: String) {
    counters.impossible += 1
    if counters.impossible == 1 {
      notice =
        "the parameter server sent an impossible value, \(text); it is ignored, and later ones are only counted"
    }
  }

  /// A warning for the log, if one has come up since the last call.
  public mutating func takeNotice() -> String? {
    defer { notice = nil }
    return notice
  }

  /// Receives a frame of the server.
  /// - Returns: the answer to a gradient, whose values become the local weights; they are in the
  ///   frame.
  @discardableResult
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, now: Instant, sink: some FrameSink
  ) -> Updated? {
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      switch try cursor.openMessage() {
      case .joined:
        let joined = try Joined(from: &cursor)
        // Only this process numbers its deltas: the server cannot have merged a later one.
        guard joined.merged < nextSequence else {
          recordImpossible(
            "JOINED: expected changes up to \(nextSequence - 1) merged, found \(joined.merged)")
          return nil
        }
        guard session.isGreeting else {
          // One of the two answers is old: only a new one tells which.
          if joined.index != index { session.greetAgain(at: now) }
          return nil
        }
        index = joined.index
        confirmAt = now + configuration.confirmEvery
        if session.open(by: joined.incarnation) { counters.serverRestarts += 1 }
        // A new incarnation does not know the pending change.
        if sharesGradients { repeatAtOnce(now: now) }
      case .updated: return adopt(try Updated(from: &cursor), now: now)
      case .refusal:
        session.receive(try Refusal(from: &cursor), now: now)
        if now >= session.nextGreeting { join(now: now, sink: sink) }
      default: counters.malformed += 1
      }
    } catch {
      counters.malformed += 1
    }
    return nil
  }

  private mutating func repeatAtOnce(now: Instant) {
    let due = now - configuration.repeatAfter
    pending?.sentAt = due
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, sink: some FrameSink) {
    if now >= session.nextGreeting { join(now: now, sink: sink) }
    guard session.isOpen else { return }
    if now >= confirmAt {
      confirmAt = now + configuration.confirmEvery
      session.send(joinMessage, sink: sink)
    }
    guard let sent = pending, now >= sent.sentAt + configuration.repeatAfter else { return }
    pending?.sentAt = now
    counters.changesRepeated += 1
    sink.send(frame.bytes, to: session.service)
  }

  /// When `advance` is due at the latest.
  public func nextDeadline(now: Instant) -> Instant {
    guard session.isOpen else { return session.nextGreeting }
    return min(confirmAt, pending.map { $0.sentAt + configuration.repeatAfter } ?? .never)
  }

  /// Says GOODBYE.
  public mutating func leave(sink: some FrameSink) { session.leave(sink: sink) }

  private mutating func join(now: Instant, sink: some FrameSink) {
    session.greet(with: joinMessage, now: now, sink: sink)
  }

  private var joinMessage: Join {
    Join(
      id: configuration.id, token: configuration.token, label: configuration.label,
      manifest: configuration.manifest)
  }

  /// Records that another incarnation of the server publishes now. Unless this learner has joined
  /// that one, the server does not know it.
  private mutating func recordPublisher(_ incarnation: Identifier) {
    guard session.recordIncarnation(incarnation) else { return }
    counters.serverRestarts += 1
    if session.isOpen { session.greetAgain(at: .zero) }
  }
}
