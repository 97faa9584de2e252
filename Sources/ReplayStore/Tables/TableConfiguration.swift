// The configuration of a table.

public import Experience

/// A table: what its items are, how they are chosen, and at which rate.
public struct TableConfiguration: Hashable, Sendable {
  /// The table's name and the kind of its items.
  public var schema: TableSchema
  /// Draws the items of batches.
  public var sampler: SelectorKind
  /// Chooses which item is removed when `itemsMax` is reached.
  public var remover: SelectorKind
  /// The most items; nil: as many as there are steps.
  public var itemsMax: Int?
  /// Items are removed after this many samples; 0: no limit. With 1 and a FIFO sampler the table is
  /// a queue, see `isQueue`.
  public var timesSampledMax: Int
  /// The initial limits of the table's rate limiter.
  public var limiter: RateLimiterConfiguration
  /// The largest batch that may be requested.
  public var batchSizeMax: Int
  /// The most items for this table in one message. Enforced if the limiter is bounded, whose range
  /// depends on it, or the table is a queue.
  public var itemsPerMessageMax: Int
  /// Larger raw priorities are lowered to this.
  public var priorityLimit: Float
  /// The bound on staleness; nil without one. With it a queue gives the items of the oldest weights
  /// first.
  public var staleness: StalenessBound?

  public init(
    schema: TableSchema, sampler: SelectorKind = .uniform, remover: SelectorKind = .fifo,
    itemsMax: Int? = nil, timesSampledMax: Int = 0, limiter: RateLimiterConfiguration = .unlimited(),
    batchSizeMax: Int = 4096, itemsPerMessageMax: Int = 4096, priorityLimit: Float = .greatestFiniteMagnitude
  ) {
    self.schema = schema
    self.sampler = sampler
    self.remover = remover
    self.itemsMax = itemsMax
    self.timesSampledMax = timesSampledMax
    self.limiter = limiter
    self.batchSizeMax = batchSizeMax
    self.itemsPerMessageMax = itemsPerMessageMax
    self.priorityLimit = priorityLimit
  }
}

extension TableConfiguration {
  /// An item's record counts its samples in 16 bits.
  static let timesSampledLimit = Int(UInt16.max) - 1
  /// An item's record holds its span in 16 bits.
  static let spanLimit = Int(UInt16.max)
  /// Bounds what a request can make the store allocate; larger batches are mistakes.
  static let batchSizeLimit = 1 << 24

  /// Whether the table is a queue that gives each item once, in order. It holds inserts back rather
  /// than lose an unread item.
  public var isQueue: Bool { sampler == .fifo && timesSampledMax == 1 }

  /// Whether the remover needs a selector of its own.
  var hasOwnRemover: Bool { itemsMax != nil && remover != sampler }

  /// Why this table cannot be made over `capacity` steps; nil if it can.
  func problem(capacity: Int) -> String? {
    switch schema.kind {
    case .transition(let nStep, let discount):
      if nStep < 1 || nStep >= Self.spanLimit || nStep >= capacity {
        return "n_step: expected 1 to \(min(Self.spanLimit, capacity) - 1), found \(nStep)"
      }
      if !(discount >= 0 && discount <= 1) { return "discount: expected 0 to 1, found \(discount)" }
    case .sequence(let length, let period, _):
      let most = min(Self.spanLimit, capacity)
      if length < 1 || length > most { return "length: expected 1 to \(most) steps, found \(length)" }
      if period < 1 { return "period: expected at least 1 step, found \(period)" }
    case .record: break
    }
    if let problem = sampler.problem { return problem }
    if let problem = remover.problem { return "remover: \(problem)" }
    if let itemsMax, itemsMax < 1 { return "max_items: expected at least 1, found \(itemsMax)" }
    if timesSampledMax < 0 || timesSampledMax > Self.timesSampledLimit {
      return "max_times_sampled: expected 0 to \(Self.timesSampledLimit), found \(timesSampledMax)"
    }
    if batchSizeMax < 1 || batchSizeMax > Self.batchSizeLimit {
      return "largest batch: expected 1 to \(Self.batchSizeLimit), found \(batchSizeMax)"
    }
    if itemsPerMessageMax < 1 {
      return "items in a message: expected at least 1, found \(itemsPerMessageMax)"
    }
    if !(priorityLimit > 0 && priorityLimit.isFinite) {
      return "priority_max: expected a finite positive number, found \(priorityLimit)"
    }
    if let problem = limiter.problem(
      batchSizeMax: batchSizeMax, itemsPerMessageMax: itemsPerMessageMax,
      sizeMax: min(itemsMax ?? capacity, capacity))
    {
      return problem
    }
    return isQueue ? queueProblem : nil
  }

  /// Why a queue could block inserts and samples at once; nil if it cannot.
  ///
  /// An insert of n items waits only if the table has more than itemsMax − n. Then a batch of b
  /// must be admitted: size ≥ minSize, size ≥ b and, because the error equals the size if each
  /// insert allows one sample, size − b ≥ errorMin.
  private var queueProblem: String? {
    if limiter.errorMin > -.infinity || limiter.errorMax < .infinity, limiter.samplesPerInsert != 1 {
      return
        "samples_per_insert: expected 1, because a queue (fifo, max_times_sampled 1) gives each item once, "
        + "or no error range, found \(limiter.samplesPerInsert)"
    }
    guard let itemsMax else { return nil }
    let served = max(Double(limiter.minSize), Double(batchSizeMax) + max(0, limiter.errorMin))
    let needed = served + Double(itemsPerMessageMax) - 1
    if Double(itemsMax) < needed {
      return
        "max_items: expected at least \(needed), because a queue must hold what a batch needs (\(served)) "
        + "and a message of \(itemsPerMessageMax) items, else each waits for the other, found \(itemsMax)"
    }
    return nil
  }
}
