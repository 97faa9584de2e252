// A learner's side of averaging.

public import Experience
public import Foundations
internal import Numerics
public import Wire

/// Joins the parameter server, pushes the learner's change, and stands on what is published, without ever waiting.
///
/// The learner trains on θ_local. `reference` is the published θ that it stands on, `atPush` is θ_local when the change
/// that is under way was made. When a publication θ comes that holds that change, θ_local = θ + (θ_local − atPush); when one
/// comes that does not, everything unmerged is kept: θ_local = θ + (θ_local − reference). (DESIGN: averaging.)
/// The change under way is sent again until a publication says that it is merged.
public struct MemberMachine {
  public struct Configuration: Sendable {
    public var id: Identifier
    /// The run's, if it has one.
    public var token: Identifier?
    public var label: String
    public var manifest: WeightsManifest
    public var joinEvery = Instant.Span.milliseconds(250)
    public var repeatAfter = Instant.Span.milliseconds(500)

    public init(id: Identifier, token: Identifier? = nil, label: String, manifest: WeightsManifest) {
      self.id = id
      self.token = token
      self.label = label
      self.manifest = manifest
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
    /// Answers and publications that say what cannot be: more of this learner's changes merged than
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
  /// The published values this learner stands on; empty before the first publication.
  public private(set) var reference: [Float] = []

  /// How publications call this learner.
  private let name: PublicName
  private var atPush: [Float]
  private var session: ClientSession
  /// The server's life that published `version`.
  private var publisher: Identifier?
  private var nextSequence: UInt64 = 1
  private var notice: String?
  private var pending: Pending?
  /// Changes that may still replace what is published; 0 unless it is being restored.
  private var restoringLeft = 0
  private let change = FrameWriter(capacity: 1 << 16)

  public init(configuration: Configuration, now: Instant) {
    self.configuration = configuration
    name = configuration.id.publicName
    atPush = []
    session = ClientSession(
      id: configuration.id, service: .service, greetEvery: configuration.joinEvery, now: now)
  }

  /// A change may be pushed: the last one is merged, and there is something to stand on.
  public var canPush: Bool { session.isOpen && pending == nil && !reference.isEmpty }
  public var hasWeights: Bool { !reference.isEmpty }
  /// Why the server will have nothing of this learner, if so.
  public var refusal: Refusal? { session.refusal }
}

extension MemberMachine {
  /// Sends θ_local − reference, which stands for `updates` updates.
  public mutating func push(
    local: UnsafeBufferPointer<Float>, updates: UInt64, oldestUpdate: Int64, newestUpdate: Int64,
    now: Instant,
    sink: some FrameSink
  ) {
    precondition(canPush && updates > 0 && local.count == reference.count)
    atPush.removeAll(keepingCapacity: true)
    atPush.append(contentsOf: local)
    let difference = [Float](unsafeUninitializedCapacity: local.count) { buffer, count in
      for index in 0..<local.count { buffer[index] = local[index] - reference[index] }
      count = local.count
    }
    difference.withUnsafeBytes { values in
      Change(
        id: configuration.id, sequence: nextSequence, baseVersion: version, updates: updates,
        oldestUpdate: oldestUpdate, newestUpdate: newestUpdate, values: values
      ).encode(into: change)
    }
    pending = Pending(sequence: nextSequence, updates: updates, sentAt: now)
    nextSequence += 1
    counters.changesSent += 1
    sink.send(change.bytes, to: session.service)
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
    let isNewLife = publisher != nil && publisher != weights.incarnation
    if publisher != weights.incarnation { meet(weights.incarnation) }
    publisher = weights.incarnation
    // A server that keeps nothing starts again from low versions: what it publishes counts.
    guard weights.version > version || reference.isEmpty || isNewLife && weights.version < version else {
      return false
    }
    let isFirst = reference.isEmpty
    version = weights.version
    if isFirst {
      reference = [Float](repeating: 0, count: local.count)
      UnsafeMutableRawBufferPointer(local).copyMemory(from: weights.values)
    } else {
      shift(local, onto: weights)
    }
    reference.withUnsafeMutableBytes { $0.copyMemory(from: weights.values) }
    counters.rebases += 1
    return true
  }

  private mutating func shift(_ local: UnsafeMutableBufferPointer<Float>, onto weights: Weights) {
    let values = weights.values
    if let sent = pending, let merged = merged(by: weights), merged >= sent.sequence {
      if isRestoring { noteRestored(values) }
      if !isRestoring {
        for index in 0..<local.count {
          let published = values.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
          local[index] = published + (local[index] - atPush[index])
        }
      }
      counters.changesMerged += 1
      counters.updatesMerged += sent.updates
      pending = nil
    } else if !isRestoring {
      for index in 0..<local.count {
        let published = values.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
        let move = published - reference[index]
        local[index] += move
        if pending != nil { atPush[index] += move }
      }
    }
  }

  /// What is published is replaced by θ_local, not moved: it comes from a divergence.
  public var isRestoring: Bool { restoringLeft > 0 }

  /// Restores θ_local, which the caller has set, after a first publication that diverged. The change
  /// θ_local − θ is rounded to what θ can hold, and θ may be 10¹⁸: until a merged change has left θ at
  /// what was pushed, θ_local stays as it is, and the next change brings what the last one lost.
  public mutating func beginRestoring() {
    precondition(!reference.isEmpty && pending == nil)
    restoringLeft = Self.restoringMax
  }

  /// Three changes bring 10¹⁸ down to a rounding error; the others are for learners that merge beside
  /// this one.
  private static let restoringMax = 8

  private mutating func noteRestored(_ published: UnsafeRawBufferPointer) {
    restoringLeft -= 1
    let isThere = atPush.indices.allSatisfy { index in
      let found = published.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
      return abs(found - atPush[index]) <= 1e-4 * max(1, abs(atPush[index]))
    }
    if isThere { restoringLeft = 0 }
  }

  /// The last of this learner's changes that is in a publication; none if it claims one that was
  /// never sent.
  private mutating func merged(by weights: Weights) -> UInt64? {
    guard let merged = weights.merged.first(where: { $0.learner == name })?.sequence else { return nil }
    guard merged < nextSequence else {
      doubt("weights \(weights.version): expected changes up to \(nextSequence - 1) merged, found \(merged)")
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
          return doubt("JOINED: expected changes up to \(nextSequence - 1) merged, found \(joined.merged)")
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
    sink.send(change.bytes, to: session.service)
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

  /// Another life of the server than the one that published before: if it is not the one that this
  /// learner has joined, it knows nothing of it.
  private mutating func meet(_ life: Identifier) {
    guard session.meet(life) else { return }
    counters.serverRestarts += 1
    if session.isOpen { session.greetAgain(at: .zero) }
  }
}
